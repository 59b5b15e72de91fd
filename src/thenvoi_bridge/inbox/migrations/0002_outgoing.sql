-- Our own messages, recorded before they are sent.
CREATE TABLE outgoing (
    id          TEXT PRIMARY KEY,          -- the Idempotency-Key
    number      INTEGER NOT NULL,          -- by order: clocks may be set back
    chat_id     TEXT NOT NULL,
    digest      TEXT NOT NULL,             -- of the order
    recipients  TEXT NOT NULL,             -- ids, sorted, with spaces between
    gist        TEXT NOT NULL,             -- of the text
    made_at     REAL NOT NULL,
    tried_at    REAL NOT NULL,
    seq         INTEGER NOT NULL,
    since       TEXT NOT NULL,
    phase       TEXT NOT NULL,
    confirmed   INTEGER NOT NULL DEFAULT 0,
    owner       TEXT,
    token       INTEGER NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    answer      TEXT,
    error       TEXT,
    body        TEXT NOT NULL
) STRICT;

CREATE INDEX outgoing_number ON outgoing (number);
CREATE INDEX outgoing_digest ON outgoing (digest, number);
CREATE INDEX outgoing_room ON outgoing (chat_id, number);
CREATE INDEX outgoing_unsent ON outgoing (number) WHERE phase = 'sending';

-- Before this, an answer was kept with each message that it answered.
INSERT INTO outgoing (id, number, chat_id, digest, recipients, gist, made_at, tried_at, seq, since, phase, answer, body)
    SELECT digest, MAX(seq), chat_id, digest, '', '', 0, 0, MAX(seq), MAX(sent_at), 'sent', MAX(answer), '{}'
    FROM inbox WHERE answer IS NOT NULL AND digest IS NOT NULL GROUP BY digest, chat_id;

DROP INDEX inbox_waiting;
DROP INDEX inbox_state;
DROP VIEW waiting;
ALTER TABLE inbox RENAME TO inbox_before;

CREATE TABLE inbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    chat_id     TEXT NOT NULL,
    chat_title  TEXT,
    sent_at     TEXT NOT NULL,
    sender_id   TEXT NOT NULL,
    sender_type TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'ready',
    attempts    INTEGER NOT NULL DEFAULT 0,
    attempt     INTEGER,
    owner       TEXT,
    token       INTEGER NOT NULL DEFAULT 0,
    taken_at    REAL NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL DEFAULT 0,
    outcome     TEXT,
    error       TEXT,
    outgoing_id TEXT,
    ended_at    REAL,                      -- Unix time at which it was seen to have ended
    message     TEXT NOT NULL              -- last, so that the columns before it are found without reading it
) STRICT;

-- What was being answered had no record of the answer, so it is offered again.
INSERT INTO inbox (seq, id, chat_id, chat_title, sent_at, sender_id, sender_type, state, attempts, token,
                   outcome, error, outgoing_id, message)
    SELECT seq, id, chat_id, chat_title, sent_at, json_extract(message, '$.sender_id'),
           json_extract(message, '$.sender_type'),
           CASE WHEN state IN ('leased', 'answering') THEN 'ready' ELSE state END,
           attempts, token + 1, outcome, error, CASE WHEN answer IS NOT NULL THEN digest END, message
    FROM inbox_before ORDER BY seq;
DROP TABLE inbox_before;

CREATE INDEX inbox_state ON inbox (state, seq);
CREATE VIEW waiting AS SELECT * FROM inbox WHERE state IN ('ready', 'leased', 'answering');
CREATE INDEX inbox_waiting ON inbox (chat_id, sent_at, id) WHERE state IN ('ready', 'leased', 'answering');
CREATE INDEX inbox_room ON inbox (chat_id, seq);
CREATE INDEX inbox_answer ON inbox (outgoing_id) WHERE outgoing_id IS NOT NULL;

-- What the process that listens knows of each room, for those that do not.
CREATE TABLE rooms (
    chat_id TEXT PRIMARY KEY,
    title   TEXT,
    here    INTEGER NOT NULL DEFAULT 1,    -- 0: the identity has left it
    version INTEGER NOT NULL DEFAULT 0     -- grows whenever its participants may have changed
) STRICT;
