"""What any process can tell of an inbox: what came in, to whom that was shown, what the others have said."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from thenvoi_bridge.inbox.board import Board
from thenvoi_bridge.inbox.core import OPEN, Item, Sees, State
from thenvoi_bridge.inbox.ledger import Ledger

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.access import Access
    from thenvoi_bridge.inbox.incoming import Incoming
    from thenvoi_bridge.inbox.paging import Page


class Listing:
    """The messages of an inbox.

    `board` is what its processes tell each other, `ledger` where messages were shown.
    """

    def __init__(self, shelf: Access[Incoming]) -> None:
        self._shelf = shelf
        self.board = Board(shelf)
        self.ledger = Ledger(shelf)

    def show_only(self, sees: Sees) -> None:
        """From now on have to do with nothing else, as if `Inbox.open` had been told so."""
        self._shelf.sees = sees

    async def page(
        self, after: str | None, chat_id: str | None, limit: int, states: Collection[State] = OPEN
    ) -> Page:
        """Look at up to `limit` messages that arrived after a cursor, without touching them."""
        from thenvoi_bridge.inbox.paging import turn  # a hook has no use for it

        by, epoch = self._shelf.caller(0.0), self._shelf.epoch
        return await self._shelf.read(
            lambda rows: turn(rows, by, epoch, after, chat_id=chat_id, limit=limit, states=states)
        )

    async def get(self, ids: Iterable[str]) -> list[Item]:
        """The messages with these ids, in the order of the ids; unknown ones are left out."""
        return await self._shelf.read(lambda rows: rows.find(ids))
