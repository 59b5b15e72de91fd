CREATE TABLE inbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- by arrival; AUTOINCREMENT never gives a number twice
    id          TEXT NOT NULL UNIQUE,
    chat_id     TEXT NOT NULL,
    chat_title  TEXT,
    sent_at     TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'ready',
    attempts    INTEGER NOT NULL DEFAULT 0,
    owner       TEXT,
    token       INTEGER NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL DEFAULT 0,
    outcome     TEXT,
    error       TEXT,
    digest      TEXT,
    answer      TEXT,
    message     TEXT NOT NULL  -- last, so that the columns before it are found without reading it
) STRICT;

CREATE INDEX inbox_state ON inbox (state, seq);

CREATE VIEW waiting AS SELECT * FROM inbox WHERE state IN ('ready', 'leased', 'answering');

CREATE INDEX inbox_waiting ON inbox (chat_id, sent_at, id) WHERE state IN ('ready', 'leased', 'answering');

CREATE TABLE about (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
