"""Looking at an inbox. A method is one read that changes nothing; what it finds `paging` and `survey` say."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import replace

from thenvoi_bridge.inbox import protocol, survey, tidy
from thenvoi_bridge.inbox.access import Access
from thenvoi_bridge.inbox.core import HELD, Item, State
from thenvoi_bridge.inbox.listing import Listing
from thenvoi_bridge.inbox.loops import traffic
from thenvoi_bridge.inbox.paging import UNREAD, count, ready, seen
from thenvoi_bridge.inbox.table import Table


class Looking(Listing):
    """What there is in an inbox, as far as this process may see it where nothing else is said."""

    def __init__(self, shelf: Access[Table]) -> None:
        super().__init__(shelf)
        self._shelf: Access[Table] = shelf

    async def seen(self, id: str) -> Item | None:
        """The message with this id, if this process may have to do with it."""
        return next(filter(self.may_see, await self.get([id])), None)

    def may_see(self, item: Item) -> bool:
        """Whether this process may have to do with a message."""
        return self._shelf.caller(0.0).may_see(item)

    async def unread(self) -> int:
        """How many messages nobody has begun to answer."""
        by = self._shelf.caller(0.0)
        return await self._shelf.read(lambda table: count(table, UNREAD, by))

    async def beside(self, items: Collection[Item], wall: float) -> tuple[int, set[str]]:
        """`unread`, and those of the senders with whom we may be in a loop. `wall` is the Unix time."""
        by, pairs = self._shelf.caller(0.0), {(item.chat_id, item.message.sender_id) for item in items}

        def look(rows: Table) -> tuple[int, set[str]]:
            loops = {who for room, who in pairs if traffic(rows, room, who).is_loop(wall)}
            return count(rows, UNREAD, by), loops

        return await self._shelf.read(look)

    async def unread_by_room(self) -> dict[str, int]:
        """The same by room, of the rooms that have any."""
        by = self._shelf.caller(0.0)
        return await self._shelf.read(lambda rows: survey.unread(rows, by))

    async def at_hand(self, now: float) -> tuple[int, int]:
        """`unread`, and how many of them nobody holds who lives, so that they can be handed out."""
        by = self._shelf.caller(now)
        return await self._shelf.read(lambda rows: (count(rows, UNREAD, by), ready(rows, by)))

    async def dead(self) -> int:
        """How many messages have failed for good."""
        by = self._shelf.caller(0.0)
        return await self._shelf.read(lambda table: count(table, {State.DEAD}, by))

    async def held_back(self) -> int:
        """How many more there are, which this process may not see."""
        by = self._shelf.caller(0.0)
        everybody = replace(by, sees=None)
        return await self._shelf.read(lambda rows: count(rows, UNREAD, everybody) - count(rows, UNREAD, by))

    async def glimpse(self) -> str:
        """Text that is another when what this process may see has changed; it does not say what."""
        by = self._shelf.caller(0.0)
        kinds = ({State.READY}, HELD, {State.DEAD})
        return await self._shelf.read(lambda rows: str([seen(rows, states, by) for states in kinds]))

    async def senders(self) -> set[tuple[str, str]]:
        """From which rooms and senders there is something that has not ended well, seen or not."""
        return await self._shelf.read(lambda table: {*table.tally(UNREAD | {State.DEAD})})

    async def in_hand(self) -> set[str]:
        """The rooms of which this process holds something that it was handed or is answering."""
        by = self._shelf.caller(0.0)
        return await self._shelf.read(lambda rows: protocol.in_hand(rows, by))

    async def marks(self, chat_ids: Collection[str]) -> dict[str, Hashable]:
        """Something for each of these rooms that is another as soon as anything of it has come or changed."""
        return await self._shelf.read(lambda rows: survey.marks(rows, chat_ids))

    async def open_ids(self, chat_id: str | None, beginning: str) -> list[str]:
        """The ids that begin so of what waits for an answer, of one room or of all, the oldest first."""
        by = self._shelf.caller(0.0)
        return await self._shelf.read(lambda rows: survey.open_ids(rows, by, chat_id, beginning))

    async def depth(self) -> survey.Depth:
        """How much there is, for whoever looks after it."""
        return await self._shelf.read(survey.depth)

    async def seq(self) -> int:
        """The highest arrival number so far."""
        return await self._shelf.read(Table.seq)

    async def behind(self) -> set[str]:
        """The rooms of which something was not taken, once there is room again: they are to be swept."""
        return await self._shelf.read(tidy.to_sweep)

    async def rooms_waiting(self) -> set[str]:
        """The rooms in which something waits for an answer, or waits to be taken and there is room for it."""
        return await self._shelf.read(lambda rows: {*rows.rooms()} | tidy.to_sweep(rows))

    async def next_room(
        self, chat_id: str | None, now: float, *, but: Collection[str] = ()
    ) -> tuple[str, int] | None:
        """The room `lease` would hand out from now, if it can hand out anything, and `seq` at that moment;
        none of those in `but`."""
        by = self._shelf.caller(now)

        def look(rows: Table) -> tuple[str, int] | None:
            room = protocol.next_room(rows, by, chat_id, but)
            return (room, rows.seq()) if room else None

        return await self._shelf.read(look)

    async def is_full(self) -> bool:
        """Whether there is no room for something that came, so that it stays with the platform."""
        return await self._shelf.read(tidy.is_full)
