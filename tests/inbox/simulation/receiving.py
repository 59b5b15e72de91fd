"""What `bridge.receiving`, `bridge.sweeping` and `bridge.seat` do: hear, sweep, hand out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tests.inbox.simulation.clock import Rest, Steps
from tests.inbox.simulation.platform import Socket
from tests.inbox.simulation.process import Process
from thenvoi_bridge.bridge.receiving import LOOK
from thenvoi_bridge.bridge.seat import SILENT
from thenvoi_bridge.bridge.waiting import HAND_OUT
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox import protocol
from thenvoi_bridge.inbox.core import OPEN, Item, State

PAGE = 8
"""Messages on a page of a sweep: few, so that listings have several and shrink while they are read."""

HEAR, POLL = 0.2, 2.0
"""Seconds between two looks at a socket, and between two at who receives."""


class Receiver:
    """Hears for a computer, if it is this process's turn, and finds what there is to hand out."""

    def __init__(self, process: Process) -> None:
        self._process, self._computer = process, process.computer
        self._clock, self._platform, self._wire = process.clock, process.platform, process.wire
        self._rows, self._conduct = process.rows, process.conduct

    def run(self) -> Steps[None]:
        """Follow until nobody receives, then receive for ever."""
        while self._computer.leader is not None:
            if self._clock.now - self._computer.beat_at > SILENT:
                self._clock.tally["stood in"] += 1
                yield from self._sweep_all()
            yield Rest(POLL)
        self._computer.leader = self._process.id
        while True:
            yield from self._hear(self._platform.connect(self._computer))

    def lease(self) -> Steps[list[Item]]:
        """Hand out the oldest messages of a room, if the platform can say which these are."""
        asked: set[str] = set()
        while not self._computer.standby:
            but = asked if self._conduct.looks_further else ()
            room = protocol.next_room(self._rows, self._process.by, None, but)
            yield 0.0
            if room is None or room in asked:
                break
            asked.add(room)
            only = (yield from self._listed(room)) if self._conduct.asks_for_the_head else None
            if items := (yield from self._lease(room, only)):
                return items
        return []

    def _lease(self, room: str, only: set[str] | None) -> Steps[list[Item]]:
        where = room if self._conduct.leases_where_it_asked else None
        only = only if self._conduct.leases_what_was_listed else None
        return self._process.change(protocol.lease, self._process.by, where, HAND_OUT, only)

    def _listed(self, room: str) -> Steps[set[str]]:
        """What the platform has at the head of a room; nothing if it does not say."""
        try:
            return (yield from self._head(room))
        except ThenvoiError:
            return set()

    def _head(self, room: str) -> Steps[set[str]]:
        """The first pages of what is unprocessed in a room, until there is something to hand out on them.

        Where the bridge has one transaction (`Inbox.hand_out`), here are several: more can come in between.
        """
        listed: dict[str, ChatMessage] = {}
        since, page, pages = self._rows.seq(), 0, 1
        while page < pages:
            page += 1
            self._clock.tally["heads of several pages"] += page == 2
            some, pages = yield from self._wire.read(
                partial(self._platform.listed, room, page, self._conduct.head)
            )
            listed |= {message.id: message for message in some}
            yield from self._note_listed(some)
            if self._is_enough(listed):
                break
        if pages <= 1:
            yield from self._note_all(room, [*listed.values()], since)
        return {*listed}

    def _is_enough(self, listed: Iterable[str]) -> bool:
        states = {item.state for item in self._rows.find(listed)}
        if not self._conduct.looks_past_the_dead_only:
            return bool(states & OPEN)
        return not self._conduct.looks_further or states != {State.DEAD}

    def _hear(self, socket: Socket) -> Steps[None]:
        """Take what is pushed and sweep, as long as the connection lasts."""
        self._computer.standby = False
        yield from self._sweep_all()
        looked = self._clock.now
        while socket.open:
            self._computer.beat_at = self._clock.now
            if socket.heard:
                yield from self._process.change(protocol.put, [socket.heard.popleft()], {})
            elif self._clock.now - looked > LOOK:
                yield from self._sweep_all()
                looked = self._clock.now
            else:
                yield Rest(HEAR)
            if self._clock.happens(self._process.accidents.cut):
                self._clock.tally["sockets cut"] += 1
                socket.open = False
        if socket.evicted:
            yield from self._stand_by()

    def _stand_by(self) -> Steps[None]:
        """Hand out nothing, for another computer receives; ask for the place back after a while."""
        self._clock.tally["stood by"] += 1
        self._computer.standby = True
        until = self._clock.now + self._clock.rng.uniform(60.0, 300.0)
        while self._clock.now < until:
            yield from self._sweep_all()
            yield Rest(LOOK)

    def _sweep_all(self) -> Steps[None]:
        for room in sorted(self._platform.rooms):
            self._computer.beat_at = self._clock.now
            try:
                yield from self._sweep(room)
            except ThenvoiError:
                self._clock.tally["sweeps failed"] += 1

    def _sweep(self, room: str) -> Steps[None]:
        since = self._rows.seq()
        yield 0.0
        yield from self._note_all(room, (yield from self._pages(room)), since)

    def _pages(self, room: str) -> Steps[list[ChatMessage]]:
        """Everything unprocessed in a room: read again from the start until a pass brings nothing new."""
        found: dict[str, ChatMessage] = {}
        while True:
            before, page, pages = len(found), 1, 1
            while page <= pages:
                some, pages = yield from self._wire.read(partial(self._platform.listed, room, page, PAGE))
                found.update((message.id, message) for message in some)
                page += 1
            if pages <= 1 or len(found) == before:
                return [*found.values()]

    def _note_listed(self, head: list[ChatMessage]) -> Steps[None]:
        if self._conduct.reacknowledges:
            yield from self._process.change(protocol.note_listed, head, None)
        else:
            yield from self._process.change(protocol.put, head, {})

    def _note_all(self, room: str, listed: list[ChatMessage], since: int) -> Steps[None]:
        if self._conduct.reacknowledges:
            yield from self._process.change(protocol.sweep, self._process.by, room, listed, since, None)
        else:
            yield from self._process.change(protocol.put, listed, {})
