"""Much data at once, put into a platform's database beside its server, past REST."""

from __future__ import annotations

from pathlib import Path

from thenvoi_bridge.contract.messages import Mention, SendMyMessage
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.administration import add_agent, add_user, administer
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.platform.auth import principal_of
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.messages import send_message

LATER = 600.0
"""Seconds before now at which what is put there was said."""


async def mention(folder: Path, person: str, agent: str, rooms: list[str], number: int) -> list[str]:
    """Mention an agent so often, in one transaction, as REST would; the ids. The server hears of it."""

    def work(change: Change) -> list[str]:
        row = change.one("SELECT actors.*, '' AS key_id, '' AS plan FROM actors WHERE id = ?", person)
        assert row
        me, whom = principal_of(row), [Mention(id=agent)]
        calls = (
            SendMyMessage(chat_id=rooms[n % len(rooms)], content=f"number {n}", mentions=whom)
            for n in range(number)
        )
        return [send_message(call, me, change).id for call in calls]

    async with opened(folder) as (db, keys):
        return await administer(db, keys, work)


async def fill(folder: Path, person: str, agent: str, room: str, number: int) -> None:
    """Put so many messages of a person to an agent into a room, all of them answered long ago."""
    then = clock.earlier(clock.now(), LATER)

    def work(change: Change) -> None:
        row = change.one("SELECT last_seq FROM chats WHERE id = ?", room)
        assert row
        known = (number, row["last_seq"])
        change.run(
            f"WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < ?) {_MESSAGES}",
            *known, room, person, then, then,
        )  # fmt: skip
        change.run(_DELIVERIES, agent, then, then, room, row["last_seq"])
        change.run(_CONTEXTS, agent, room, number)
        change.run("UPDATE chats SET last_seq = last_seq + ?, last_at = ? WHERE id = ?", number, then, room)

    async with opened(folder) as (db, keys):
        await administer(db, keys, work)


async def tenants(folder: Path, number: int) -> None:
    """Add so many organisations, each with a person and an agent."""

    def work(change: Change) -> None:
        for n in range(number):
            email = f"somebody@tenant{n}.example"
            add_user(change, email=email, name="Somebody", organization=f"Tenant {n}")
            add_agent(change, owner=email, name="Agent", description="Is there")

    async with opened(folder) as (db, keys):
        await administer(db, keys, work)


_CONTEXTS = (
    "INSERT INTO contexts (agent_id, chat_id, number) VALUES (?, ?, ?) "
    "ON CONFLICT (agent_id, chat_id) DO UPDATE SET number = contexts.number + excluded.number"
)
_MESSAGES = (
    "INSERT INTO messages (id, chat_id, seq, message_type, content, metadata, sender_id, sender_type, "
    "sender_name, inserted_at, updated_at) SELECT lower(hex(randomblob(16))), p.room, p.last + n, 'text', "
    "'said long ago', NULL, p.person, 'User', 'Person', p.at, p.also FROM many, "
    "(SELECT ? AS last, ? AS room, ? AS person, ? AS at, ? AS also) AS p"
)
_DELIVERIES = (
    "INSERT INTO deliveries (message_id, recipient_id, chat_id, seq, mentioned, status, delivered_at, "
    "processed_at, attempts) SELECT id, ?, chat_id, seq, 1, 'processed', ?, ?, '[]' FROM messages "
    "WHERE chat_id = ? AND seq > ?"
)
