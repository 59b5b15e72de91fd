"""What can be told of rooms without reading a message: what is unread, and whether anything changed."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import LiteralString

from thenvoi_bridge.inbox.table import Table

_SIGNS: tuple[LiteralString, ...] = (
    "SELECT title, version, here FROM rooms WHERE chat_id = ?",
    "SELECT state, COUNT(*), SUM(seq), SUM(token) FROM inbox WHERE chat_id = ? GROUP BY state",
    "SELECT phase, COUNT(*), MAX(number) FROM outgoing WHERE chat_id = ? GROUP BY phase",
)


def unread(rows: Table) -> dict[str, int]:
    """How many messages nobody has begun to answer, by room, for the rooms that have any."""
    sql: LiteralString = (
        "SELECT chat_id, COUNT(*) AS number FROM inbox WHERE state IN ('ready', 'leased') GROUP BY chat_id"
    )
    return {row["chat_id"]: row["number"] for row in rows.tx.all(sql)}


def marks(rows: Table, chat_ids: Collection[str]) -> dict[str, Hashable]:
    """Something for each of these rooms that is another as soon as anything of it has come or changed."""
    return {chat_id: _mark(rows, chat_id) for chat_id in chat_ids}


def open_ids(rows: Table, chat_id: str | None, beginning: str) -> list[str]:
    """The ids that begin so of what waits for an answer, of one room or of all, the oldest first."""
    sql: LiteralString = (
        "SELECT id FROM waiting WHERE chat_id = COALESCE(?, chat_id) AND SUBSTR(id, 1, ?) = ? "
        "ORDER BY sent_at, id"
    )
    return [row["id"] for row in rows.tx.all(sql, chat_id, len(beginning), beginning)]


def _mark(rows: Table, chat_id: str) -> Hashable:
    return tuple(tuple(row.values()) for sql in _SIGNS for row in rows.tx.all(sql, chat_id))
