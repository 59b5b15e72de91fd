"""Looking through the inbox page by page, by arrival."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from thenvoi_bridge.inbox.core import Caller, Item, State

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.incoming import Incoming


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages by arrival, those of a room in the room's order.

    `unread` counts the whole inbox, as far as it may be seen. `next_cursor` leads to what arrived later;
    `reset` says that the cursor given was of another inbox, so that this page starts from the beginning.
    """

    items: list[Item]
    unread: int
    next_cursor: str
    reset: bool


UNREAD = frozenset({State.READY, State.LEASED})
"""What nobody has begun to answer."""


def count(table: Incoming, states: Collection[State], by: Caller) -> int:
    """How many messages in these states the caller may see."""
    if by.sees is None:
        return table.count(states)
    return sum(number for number, _ in seen(table, states, by))


def ready(table: Incoming, by: Caller) -> int:
    """How many messages wait that nobody holds who lives, of those that the caller may see."""
    free = (item for item in table.held() if by.may_take(item) and by.may_see(item))
    return count(table, {State.READY}, by) + len([*free])


def seen(table: Incoming, states: Collection[State], by: Caller) -> list[tuple[int, int]]:
    """How many these are and which came last, for each room and sender that the caller may see."""
    tally = table.tally(states).items()
    return [found for pair, found in tally if by.sees is None or by.sees(*pair)]


def turn(
    table: Incoming,
    by: Caller,
    epoch: str,
    after: str | None,
    *,
    chat_id: str | None,
    limit: int,
    states: Collection[State],
) -> Page:
    """The page after a cursor, `<epoch>.<arrival number>`; from the beginning if it is of another epoch."""
    known = re.fullmatch(rf"{epoch}\.([0-9]{{1,18}})", after or "")
    start = int(known[1]) if known else 0
    items = [*islice(_from(table, by, start, chat_id, limit, states), limit)]
    last = items[-1].seq if items else start
    items.sort(key=lambda item: item.order)
    return Page(items, count(table, UNREAD, by), f"{epoch}.{last}", reset=after is not None and known is None)


def _from(
    table: Incoming, by: Caller, seq: int, chat_id: str | None, limit: int, states: Collection[State]
) -> Iterator[Item]:
    """What arrived after that and may be seen."""
    while some := table.after(seq, chat_id, limit, states):
        yield from filter(by.may_see, some)
        seq = some[-1].seq
