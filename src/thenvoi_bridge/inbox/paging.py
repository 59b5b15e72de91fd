"""Looking through the inbox page by page, by arrival."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from thenvoi_bridge.inbox.core import Item, State
from thenvoi_bridge.inbox.table import Table


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages by arrival, those of a room in the room's order.

    `unread` counts the whole inbox. `next_cursor` leads to what arrived later; `reset` says that the cursor
    given was of another inbox, so that this page starts from the beginning.
    """

    items: list[Item]
    unread: int
    next_cursor: str
    reset: bool


def turn(
    table: Table, epoch: str, after: str | None, *, chat_id: str | None, limit: int, states: Collection[State]
) -> Page:
    """The page after a cursor, `<epoch>.<arrival number>`; from the beginning if it is of another epoch."""
    known = re.fullmatch(rf"{epoch}\.([0-9]{{1,18}})", after or "")
    start = int(known[1]) if known else 0
    items = table.after(start, chat_id, limit, states)
    last = items[-1].seq if items else start
    items.sort(key=lambda item: item.order)
    return Page(items, table.unread(), f"{epoch}.{last}", reset=after is not None and known is None)
