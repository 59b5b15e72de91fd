-- Times are Unix times, by the clock of the database. An identity is named as its schema.
CREATE TABLE owners (
    id       TEXT PRIMARY KEY,
    identity TEXT NOT NULL,
    until    REAL NOT NULL               -- lives until then, unless that is renewed
);
CREATE INDEX owners_identity ON owners (identity);

CREATE TABLE leads (
    identity TEXT PRIMARY KEY,
    owner    TEXT,
    epoch    INTEGER NOT NULL,           -- grows with each taking
    until    REAL NOT NULL
);

CREATE TABLE changes (
    identity TEXT NOT NULL,
    owner    TEXT NOT NULL,
    number   BIGINT NOT NULL,            -- of the turn in which this owner last changed that inbox
    PRIMARY KEY (identity, owner)
);
CREATE INDEX changes_number ON changes (number);
