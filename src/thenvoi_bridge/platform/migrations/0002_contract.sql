-- 'enterprise' opens the Human API and memories where the plan gate is on.
ALTER TABLE organizations ADD COLUMN plan TEXT NOT NULL DEFAULT 'free';

-- A key is good until it is revoked or has expired, whichever comes first.
ALTER TABLE keys ADD COLUMN label TEXT;
ALTER TABLE keys ADD COLUMN expires_at TEXT;
CREATE INDEX keys_by_actor ON keys (actor_id);

-- A deleted room keeps its past, but nobody is in it any more.
ALTER TABLE chats ADD COLUMN deleted_at TEXT;

CREATE INDEX messages_by_sender ON messages (sender_id, inserted_at);

CREATE TABLE contact_requests (
    id TEXT PRIMARY KEY,
    requester_id TEXT NOT NULL REFERENCES actors (id),
    recipient_id TEXT NOT NULL REFERENCES actors (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'cancelled', 'expired')),
    message TEXT,
    inserted_at TEXT NOT NULL,
    responded_at TEXT
);
-- Two have one pending request at most, whichever of them asked.
CREATE UNIQUE INDEX contact_requests_pending ON contact_requests (
    (CASE WHEN requester_id < recipient_id THEN requester_id ELSE recipient_id END),
    (CASE WHEN requester_id < recipient_id THEN recipient_id ELSE requester_id END)
) WHERE status = 'pending';
CREATE INDEX contact_requests_by_requester ON contact_requests (requester_id, inserted_at);
CREATE INDEX contact_requests_by_recipient ON contact_requests (recipient_id, inserted_at);

-- Each side of a contact has a record of its own, with an id of its own.
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES actors (id),
    contact_id TEXT NOT NULL REFERENCES actors (id),
    inserted_at TEXT NOT NULL,
    UNIQUE (owner_id, contact_id)
);
CREATE INDEX contacts_by_contact ON contacts (contact_id);

-- subject_id is whom or what a memory is about; chat_id is set where that is a room its author was in.
-- content_folded is the content without upper and lower case, for searching.
CREATE TABLE memories (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    source_agent_id TEXT NOT NULL REFERENCES actors (id),
    subject_id TEXT,
    chat_id TEXT REFERENCES chats (id),
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    segment TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('subject', 'organization')),
    status TEXT NOT NULL CHECK (status IN ('active', 'superseded', 'archived')),
    content TEXT NOT NULL,
    content_folded TEXT NOT NULL,
    thought TEXT NOT NULL,
    metadata TEXT,
    inserted_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX memories_by_organization ON memories (organization_id, status, inserted_at);
CREATE INDEX memories_by_subject ON memories (subject_id, status);
