"""Two agents that answer each other for ever: when it looks like that, somebody has to say that it is meant.

Messages of people are never counted and never held up: one of them starts the count anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thenvoi_bridge.inbox.errors import LoopSuspected
from thenvoi_bridge.inbox.outgoing import Order, Outgoing, gist_of
from thenvoi_bridge.inbox.rows import Rows

TURNS = 25
"""Messages between us and one agent, in either direction, with nobody else's word in the room."""

MOST, RECENT = 20, 600.0
"""Messages to one agent in a room within so many seconds."""

SAME = 3
"""Messages to one agent in a row that say the same."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went on with one agent in a room since a person spoke, or since it was said that it is meant.

    `mine` are the messages to it, last first; `theirs` how many came from it.
    """

    mine: Sequence[Outgoing]
    theirs: int

    def is_loop(self, wall: float, gist: str | None = None) -> bool:
        """Whether another message, of this gist, would be one too many. `wall` is the Unix time."""
        if not self.theirs:
            return False  # whoever does not answer is in no loop
        recent = sum(abs(wall - out.made_at) < RECENT for out in self.mine)
        last = [out.gist for out in self.mine[: SAME - 1]]
        same = len(last) == SAME - 1 and set(last) == {gist}
        return same or recent >= MOST or len(self.mine) + self.theirs >= TURNS


def check(rows: Rows, order: Order) -> None:
    """Raise `LoopSuspected` for a message that looks like one of a loop, unless it is confirmed."""
    gist = gist_of(order.call.content)
    for mention in order.call.mentions:
        with_them = traffic(rows, order.call.chat_id, mention.id)
        if not order.confirmed and with_them.is_loop(order.wall, gist):
            raise LoopSuspected(mention.id)


def traffic(rows: Rows, chat_id: str, peer_id: str) -> Traffic:
    """What went on with one agent in a room."""
    start = rows.last_person(chat_id)
    mine = []
    for out in rows.said_since(chat_id, start, TURNS):
        if peer_id in out.recipients.split():
            mine.append(out)
            if out.confirmed:
                start = out.seq
                break
    return Traffic(mine, rows.came_from(chat_id, peer_id, start))
