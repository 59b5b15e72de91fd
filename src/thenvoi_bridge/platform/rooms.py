"""Being in a room: who is, in which role, and which topics tell of it."""

from __future__ import annotations

from collections.abc import Sequence

from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.feed import Topic
from thenvoi_bridge.contract.participants import Role
from thenvoi_bridge.contract.peers import PeerType
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.mentions import Mentionable
from thenvoi_bridge.storage import Row, Tx

CHUNK = 500
"""Ids that are looked up with one query."""


def room(tx: Tx, chat_id: str) -> Row:
    """The row of a room. Raises `NotFound`."""
    row = tx.one("SELECT * FROM chats WHERE id = ?", chat_id)
    if row is None:
        raise NotFound("Chat room not found")
    return row


def seat(tx: Tx, chat_id: str, me: Principal) -> Role:
    """The caller's role in a room. Raises `NotFound` alike for a missing and for a foreign room."""
    role = role_of(tx, chat_id, me.id)
    if role is None:
        raise NotFound("Chat room not found")
    return role


def room_of(tx: Tx, chat_id: str, me: Principal) -> Row:
    """The row of a room that the caller is in. Raises `NotFound` as `seat` does."""
    row = tx.one(
        "SELECT chats.* FROM participants JOIN chats ON chats.id = chat_id "
        "WHERE chat_id = ? AND actor_id = ? AND status = 'active'",
        chat_id, me.id,
    )  # fmt: skip
    if row is None:
        raise NotFound("Chat room not found")
    return row


def role_of(tx: Tx, chat_id: str, actor_id: str) -> Role | None:
    """The role of an active participant, None for anybody else."""
    sql = "SELECT role FROM participants WHERE chat_id = ? AND actor_id = ? AND status = 'active'"
    row = tx.one(sql, chat_id, actor_id)
    role: Role | None = row["role"] if row else None
    return role


def present(tx: Tx, chat_id: str) -> list[Row]:
    """The active participants with what is known of them, in the order they joined."""
    return tx.all(
        "SELECT actors.id, type, participants.role, status, name, handle, description "
        "FROM participants JOIN actors ON actors.id = actor_id "
        "WHERE chat_id = ? AND status = 'active' ORDER BY joined_at, actors.id",
        chat_id,
    )


def mentionable(tx: Tx, chat_id: str, ids: Sequence[str]) -> dict[str, Mentionable]:
    """Those of these ids that are active participants, as mentions see them; not all if some are none."""
    found: dict[str, Mentionable] = {}
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        rows = tx.all(
            "SELECT actors.id, type, handle, name FROM participants JOIN actors ON actors.id = actor_id "
            f"WHERE chat_id = ? AND status = 'active' AND actor_id IN ({', '.join('?' for _ in some)})",
            chat_id, *some,
        )  # fmt: skip
        found |= {row["id"]: Mentionable(**row) for row in rows}
        if len(rows) < len(some):
            break
    return found


def rooms_topic(actor_type: PeerType, actor_id: str) -> Topic:
    """Where an identity is told of rooms it enters and leaves."""
    return Topic("agent_rooms" if actor_type == "Agent" else "user_rooms", actor_id)
