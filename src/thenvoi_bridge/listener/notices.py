"""What a listener says, and the bounded queue in which it waits to be read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import anyio

from thenvoi_bridge.contract.feed import Payload, Topic

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Ready:
    """The topic is joined on this connection: catch up by REST now, for nothing earlier will be told."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Heard:
    """An event: at most once, and in order within its topic."""

    topic: Topic
    payload: Payload


@dataclass(frozen=True, slots=True)
class Unclear:
    """Something about the topic was lost or could not be read: look at REST."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Denied:
    """The topic is not ours to hear; it is not asked for again until `join` is called anew."""

    topic: Topic
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no connection; it is tried again.

    In `standby` it is tried seldom, for another connection of this agent has taken over, and hears.
    """

    reason: str
    standby: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The platform turned us away with an HTTP status that time alone does not mend; tried again, slowly."""

    status: int
    reason: str


Notice = Ready | Heard | Unclear | Denied | Lost | Refused


class Backlog:
    """Notices that wait for one reader, at most `limit` events and each other notice once.

    Beyond the limit an event becomes `Unclear`, so that nothing is lost unsaid and nobody waits to put.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: OrderedDict[Notice | int, Notice] = OrderedDict()
        self._serial = count()
        self._bell = anyio.Event()

    def put(self, notice: Notice) -> None:
        """Add a notice behind those that wait."""
        if isinstance(notice, Heard):
            if len(self._waiting) < self._limit:
                self._waiting[next(self._serial)] = notice
            else:
                self.put(Unclear(notice.topic))
        else:
            # The latest word on the connection must be read last. Not so Unclear: in a flood it would be
            # put off again and again.
            if not isinstance(notice, Unclear):
                self._waiting.pop(notice, None)
            self._waiting.setdefault(notice, notice)
        self._bell.set()

    async def take(self) -> Notice:
        """Wait for the first notice and remove it; nothing is lost when cancelled."""
        while not self._waiting:
            self._bell = anyio.Event()
            await self._bell.wait()
        return self._waiting.popitem(last=False)[1]

    def more(self, kind: type[P], most: int) -> list[P]:
        """Remove what waits first and is an event of this kind, without waiting; at most so many."""
        found: list[P] = []
        while self._waiting and len(found) < most:
            first = next(iter(self._waiting.values()))
            if not (isinstance(first, Heard) and isinstance(first.payload, kind)):
                break
            self._waiting.popitem(last=False)
            found.append(first.payload)
        return found
