-- Finds the last text of a person in a room, and the last of an agent before a moment, however long the room is.
CREATE INDEX texts_by_time ON messages (chat_id, sender_type, inserted_at) WHERE message_type = 'text';
