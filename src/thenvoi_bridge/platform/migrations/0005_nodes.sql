-- The log gets one count over all topics, without gaps, so that one question tells what has grown; and the
-- time, so that it can be trimmed. What it held before is as old as can be.
ALTER TABLE events RENAME TO events_before;
CREATE TABLE events (
    number BIGINT PRIMARY KEY,
    topic TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    payload TEXT NOT NULL,
    logged_at TEXT NOT NULL,
    UNIQUE (topic, seq)
);
INSERT INTO events (number, topic, seq, event, payload, logged_at)
SELECT row_number() OVER (ORDER BY topic, seq), topic, seq, event, payload, '' FROM events_before;
DROP TABLE events_before;

-- The pepper that the keys were made with, as far as that may be told.
CREATE TABLE pepper (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    fingerprint TEXT NOT NULL
);

-- On Postgres: the processes that serve this platform, each until it says no more that it lives (milliseconds
-- of the database's clock), and their sockets. `number` tells which one of an actor's sockets is the last.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    alive_until BIGINT NOT NULL
);
CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    node_id TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    actor_id TEXT NOT NULL REFERENCES actors (id),
    number BIGINT NOT NULL,
    superseded INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX connections_by_actor ON connections (actor_id);
CREATE INDEX connections_by_node ON connections (node_id);
CREATE INDEX connections_superseded ON connections (node_id) WHERE superseded = 1;
