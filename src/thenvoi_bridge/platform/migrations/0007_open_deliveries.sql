-- Finds what waits for an agent in a room, however much it has answered there.
CREATE INDEX deliveries_open ON deliveries (recipient_id, chat_id, seq, status)
    WHERE mentioned = 1 AND status <> 'processed';

-- How many messages of a room an agent may see: its own and those that mention it. Nobody mentions itself.
CREATE TABLE contexts (
    agent_id TEXT NOT NULL REFERENCES actors (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    number BIGINT NOT NULL,
    PRIMARY KEY (agent_id, chat_id)
);
INSERT INTO contexts (agent_id, chat_id, number)
    SELECT agent_id, chat_id, count(*) FROM (
        SELECT recipient_id AS agent_id, chat_id FROM deliveries WHERE mentioned = 1
        UNION ALL SELECT sender_id AS agent_id, chat_id FROM messages WHERE sender_type = 'Agent'
    ) AS seen GROUP BY agent_id, chat_id;
