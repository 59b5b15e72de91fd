CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    inserted_at TEXT NOT NULL
);

-- People and agents: whatever can be a participant, hold a key, or be mentioned.
CREATE TABLE actors (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL CHECK (type IN ('User', 'Agent')),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    owner_id TEXT REFERENCES actors (id),
    handle TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    email TEXT UNIQUE,
    first_name TEXT,
    last_name TEXT,
    role TEXT NOT NULL DEFAULT 'user',
    is_global INTEGER NOT NULL DEFAULT 0,
    deleted_at TEXT,
    inserted_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX actors_by_owner ON actors (owner_id);
CREATE INDEX actors_by_organization ON actors (organization_id, type);

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    actor_id TEXT NOT NULL REFERENCES actors (id),
    digest TEXT NOT NULL,
    inserted_at TEXT NOT NULL,
    revoked_at TEXT
);

-- last_seq and last_at give every message of a room its number and a time later than the one before.
CREATE TABLE chats (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    task_id TEXT,
    last_seq BIGINT NOT NULL DEFAULT 0,
    last_at TEXT NOT NULL,
    inserted_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE participants (
    chat_id TEXT NOT NULL REFERENCES chats (id),
    actor_id TEXT NOT NULL REFERENCES actors (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive')),
    joined_at TEXT NOT NULL,
    PRIMARY KEY (chat_id, actor_id)
);
CREATE INDEX participants_by_actor ON participants (actor_id, status);

CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    seq BIGINT NOT NULL,
    message_type TEXT NOT NULL,
    content TEXT NOT NULL,
    metadata TEXT,
    sender_id TEXT NOT NULL REFERENCES actors (id),
    sender_type TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    inserted_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (chat_id, seq)
);

-- How far a recipient has come with a message. `mentioned` is 0 where an agent marked a message not meant for it.
CREATE TABLE deliveries (
    message_id TEXT NOT NULL REFERENCES messages (id),
    recipient_id TEXT NOT NULL REFERENCES actors (id),
    chat_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    mentioned INTEGER NOT NULL,
    status TEXT NOT NULL,
    delivered_at TEXT,
    processed_at TEXT,
    attempts TEXT NOT NULL,
    PRIMARY KEY (message_id, recipient_id)
);
CREATE INDEX deliveries_in_order ON deliveries (recipient_id, chat_id, seq, status);
CREATE INDEX deliveries_by_room ON deliveries (chat_id, seq);

-- The log: what subscribers of a topic are to be told, numbered within the topic.
CREATE TABLE topics (
    topic TEXT PRIMARY KEY,
    seq BIGINT NOT NULL
);
CREATE TABLE events (
    topic TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (topic, seq)
);
