-- What was thrown away of what has ended, and where something had to stay with the platform for want of room.
ALTER TABLE inbox ADD COLUMN bare INTEGER NOT NULL DEFAULT 0;  -- 1: its text was thrown away

CREATE INDEX inbox_ended ON inbox (state, bare, ended_at) WHERE state IN ('done', 'dead', 'gone');
CREATE INDEX outgoing_wordy ON outgoing (made_at) WHERE phase <> 'sending' AND body <> '{}';
CREATE INDEX outgoing_made ON outgoing (made_at);

CREATE TABLE behind (
    chat_id TEXT PRIMARY KEY,
    last_id TEXT                           -- the last message that was not taken; NULL: one is not known
) STRICT;
