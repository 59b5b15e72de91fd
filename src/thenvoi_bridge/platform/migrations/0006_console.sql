-- Links that sign a person in to the console, once and for minutes. Of a link only a keyed hash is kept.
CREATE TABLE sign_ins (
    digest TEXT PRIMARY KEY,
    actor_id TEXT NOT NULL REFERENCES actors (id),
    expires_at TEXT NOT NULL
);
