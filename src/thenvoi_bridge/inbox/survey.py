"""What can be told of rooms without reading a message: what is unread, and whether anything changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from thenvoi_bridge.inbox.core import Caller, State
from thenvoi_bridge.inbox.paging import UNREAD

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.table import Table

_SIGNS: tuple[LiteralString, ...] = (
    "SELECT title, version, here FROM rooms WHERE chat_id = ?",
    "SELECT state, COUNT(*) AS many, SUM(seq) AS seqs, SUM(token) AS tokens FROM inbox WHERE chat_id = ? "
    "GROUP BY state",
    "SELECT phase, COUNT(*) AS many, MAX(number) AS last FROM outgoing WHERE chat_id = ? GROUP BY phase",
)


@dataclass(frozen=True, slots=True)
class Depth:
    """How much there is, whoever may see it. `oldest` is when the first of what waits was sent."""

    open: int
    dead: int
    oldest: str | None


def depth(rows: Table) -> Depth:
    """How much waits for an answer, and since when."""
    row = rows.tx.one("SELECT COUNT(*) AS number, MIN(sent_at) AS oldest FROM waiting")
    assert row is not None
    return Depth(row["number"], rows.count({State.DEAD}), row["oldest"])


def unread(rows: Table, by: Caller) -> dict[str, int]:
    """How many messages the caller may see that nobody has begun to answer, by room, where there are any."""
    found: Counter[str] = Counter()
    for (chat_id, sender_id), (number, _) in rows.tally(UNREAD).items():
        found[chat_id] += number if by.sees is None or by.sees(chat_id, sender_id) else 0
    return dict(+found)


def marks(rows: Table, chat_ids: Collection[str]) -> dict[str, Hashable]:
    """Something for each of these rooms that is another as soon as anything of it has come or changed."""
    return {chat_id: _mark(rows, chat_id) for chat_id in chat_ids}


def open_ids(rows: Table, by: Caller, chat_id: str | None, beginning: str) -> list[str]:
    """The ids that begin so of what waits for an answer and the caller may see, the oldest first."""
    sql: LiteralString = (
        "SELECT id, chat_id, sender_id FROM waiting "
        "WHERE chat_id = COALESCE(?, chat_id) AND SUBSTR(id, 1, ?) = ? ORDER BY sent_at, id"
    )
    found = rows.tx.all(sql, chat_id, len(beginning), beginning)
    return [row["id"] for row in found if by.sees is None or by.sees(row["chat_id"], row["sender_id"])]


def _mark(rows: Table, chat_id: str) -> Hashable:
    return tuple(tuple(row.values()) for sql in _SIGNS for row in rows.tx.all(sql, chat_id))
