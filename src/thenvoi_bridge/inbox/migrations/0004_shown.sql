-- Which way of reaching a host has shown a message, to which session, and when (Unix time).
CREATE TABLE shown (
    id      TEXT NOT NULL,
    rung    TEXT NOT NULL,
    session TEXT NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (id, rung, session)
) STRICT, WITHOUT ROWID;

-- It goes with its message, and what is offered again as if for the first time is shown again, too.
CREATE TRIGGER shown_goes AFTER DELETE ON inbox BEGIN
    DELETE FROM shown WHERE id = OLD.id;
END;
CREATE TRIGGER shown_again AFTER UPDATE OF state ON inbox WHEN OLD.state = 'dead' AND NEW.state = 'ready' BEGIN
    DELETE FROM shown WHERE id = OLD.id;
END;
