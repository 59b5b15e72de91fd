"""Which message was shown on which rung of the ladder to which session; `ladder` says what is due."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING, LiteralString

from thenvoi_bridge.inbox.core import Caller, Item
from thenvoi_bridge.inbox.ladder import Rung, Shown, is_due
from thenvoi_bridge.storage import Corrupt

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.access import Access
    from thenvoi_bridge.inbox.incoming import Incoming

PAGE = 100
"""Messages that are looked at together."""


class Ledger:
    """Notes beside the messages, for all processes of an identity. All may raise `StorageError`.

    `now` is the Unix time. To note that a message was shown changes nothing about it, and rings nobody here.
    """

    def __init__(self, shelf: Access[Incoming]) -> None:
        self._shelf = shelf

    def wall(self) -> float:
        """The Unix time of all processes of the inbox."""
        return self._shelf.life.wall()

    async def due(self, rung: Rung, session: str, limit: int, now: float) -> list[Item]:
        """Up to `limit` messages that are to be shown on a rung to a session, first come first."""
        by = self._shelf.caller(self._shelf.life.now())
        return await self._shelf.read(lambda rows: [*islice(_due(rows, by, rung, session, now), limit)])

    async def note(self, rung: Rung, session: str, ids: Collection[str], now: float) -> set[str]:
        """Note that messages were shown there; return those of which that was not known.

        Of several that note the same at the same time one is told so; whoever notes first and shows then
        shows each message once.
        """
        if not await self._shelf.read(lambda rows: _unnoted(rows, rung, session, ids)):
            return set()
        return await self._shelf.change(lambda rows: _note(rows, rung, session, ids, now))

    async def of(self, id: str) -> list[Shown]:
        """Where a message was shown, first shown first."""
        return await self._shelf.read(lambda rows: _shown(rows, id))


# What was shown there once never is again, so that it need not be looked at.
_UNSHOWN: LiteralString = (
    "SELECT seq, id FROM waiting WHERE seq > ? AND NOT EXISTS "
    "(SELECT 1 FROM shown WHERE shown.id = waiting.id AND rung = ? AND session = ?) ORDER BY seq LIMIT ?"
)
_NOTE: LiteralString = (
    "INSERT INTO shown (id, rung, session, at) SELECT id, ?, ?, ? FROM inbox WHERE id = ? "
    "ON CONFLICT DO NOTHING"
)
_KNOWN: LiteralString = "SELECT 1 FROM shown WHERE id = ? AND rung = ? AND session = ?"


def _due(rows: Incoming, by: Caller, rung: Rung, session: str, now: float) -> Iterator[Item]:
    seq = 0
    while page := rows.tx.all(_UNSHOWN, seq, rung, session, PAGE):
        seq = page[-1]["seq"]
        for item in rows.find(row["id"] for row in page):
            if is_due(item, _shown(rows, item.id), rung, session, by, now):
                yield item


def _shown(rows: Incoming, id: str) -> list[Shown]:
    found = rows.tx.all("SELECT rung, session, at FROM shown WHERE id = ? ORDER BY at, rung, session", id)
    try:
        return [Shown(Rung(row["rung"]), row["session"], row["at"]) for row in found]
    except ValueError:
        raise Corrupt("it is damaged") from None


def _unnoted(rows: Incoming, rung: Rung, session: str, ids: Collection[str]) -> bool:
    return not all(rows.tx.one(_KNOWN, id, rung, session) for id in ids)


def _note(rows: Incoming, rung: Rung, session: str, ids: Collection[str], now: float) -> set[str]:
    return {id for id in ids if rows.tx.run(_NOTE, rung, session, now, id)}
