-- What was answered to requests that brought an Idempotency-Key, for a day.
CREATE TABLE idempotency_keys (
    actor_id TEXT NOT NULL REFERENCES actors (id),
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    inserted_at TEXT NOT NULL,
    PRIMARY KEY (actor_id, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (inserted_at);
