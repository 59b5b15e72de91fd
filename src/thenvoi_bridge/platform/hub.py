"""Carries the log to the sockets of this process.

One reader for all topics somebody here listens to; each event is encoded once, whoever hears it. The reader
wakes when the bell rings and looks besides every few seconds, because bells may be missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import anyio

from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.metering.table import STORAGE_ERRORS, TOLD
from thenvoi_bridge.phoenix.frames import Broadcast
from thenvoi_bridge.platform import clock, lifecycle, log
from thenvoi_bridge.platform.rules.access import Principal, hears
from thenvoi_bridge.storage import Database, StorageError, Tx

POLL = 2.0
"""Seconds after which a missed bell no longer matters."""

POLL_OF_MANY = 0.25
"""The same where other nodes write, whose bells are carried to us and may be lost on the way."""

SLICE = 500
"""Most lines of one topic that are read at once."""

logger = logging.getLogger(__name__)


class Ear(Protocol):
    """A socket, as the hub sees it."""

    @property
    def principal(self) -> Principal: ...

    def hear(self, broadcast: Broadcast) -> None:
        """Take an event; must not block or raise."""

    def come_back(self, reason: str) -> None:
        """Be closed so that the client connects anew and looks for itself; must not block or raise."""


class Hub:
    """Who listens to what, and how far each topic has been told."""

    def __init__(self, db: Database, bell: log.Bell, *, alone: bool = True, meter: Meter = UNMETERED) -> None:
        self._db, self._bell, self._meter = db, bell, meter
        self._poll = POLL if alone else POLL_OF_MANY
        self._seen: int | None = None  # what the log held up to here is told to all whom it concerns
        self._behind_since: float | None = None
        self._ears: dict[str, dict[Ear, int]] = {}  # with the number after which each is told
        self._positions: dict[str, int] = {}
        self._rung: set[str] = set()
        self._woken = anyio.Event()
        self._next_look = 0.0
        self._reached: list[tuple[str, str]] = []
        self._reached_some = anyio.Event()

    @property
    def lag(self) -> float:
        """Seconds for which it has been known that there is something to tell."""
        return 0.0 if self._behind_since is None else anyio.current_time() - self._behind_since

    async def listen(self, topic: str, ear: Ear, allowed: Callable[[Tx], bool]) -> bool:
        """Let `ear` hear all that is logged on `topic` after the moment at which it is `allowed` to.

        False if it is not. One snapshot answers both, so nobody who is taken out meanwhile goes on listening.
        """
        while True:
            head = await self._db.read(lambda tx: log.head(tx, topic) if allowed(tx) else None)
            if head is None:
                return False
            if self._positions.setdefault(topic, head) <= head:
                self._ears.setdefault(topic, {})[ear] = head
                self._on_ring([topic])  # what came after the snapshot has rung in vain
                return True
            # Others have been told of more than this snapshot had, perhaps of the end of `ear`: look again.

    def ignore(self, topic: str, ear: Ear) -> None:
        """Stop telling `ear` about `topic`. Harmless if it did not listen."""
        ears = self._ears.get(topic, {})
        ears.pop(ear, None)
        if not ears:
            self._ears.pop(topic, None)
            self._positions.pop(topic, None)

    async def run(self) -> None:
        """Read and tell until cancelled."""
        stop = self._bell.listen(self._on_ring)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._note_deliveries)
                while True:
                    await self._wait()
                    await self._look()
        finally:
            stop()

    def _on_ring(self, topics: log.Topics) -> None:
        if topics is None:
            self._next_look = 0.0
        self._rung.update(topic for topic in topics or () if topic in self._positions)
        if self._rung and self._behind_since is None:
            self._behind_since = anyio.current_time()
        self._woken.set()

    async def _wait(self) -> None:
        with anyio.CancelScope(deadline=self._next_look):
            await self._woken.wait()
        self._woken = anyio.Event()

    async def _look(self) -> None:
        """Tell of the topics that rang and, if it is time, however often others ring, of all that grew."""
        rung, self._rung = self._rung, set()
        late = anyio.current_time() >= self._next_look
        try:
            growth = await self._growth() if late else None
            await self._tell_all(self._due(rung, growth))
        except StorageError as exc:
            self._meter.add(STORAGE_ERRORS, type(exc).__name__)
            logger.warning("cannot read what to tell, will look again: %s", exc)
            self._rung |= rung
            self._next_look = anyio.current_time() + POLL
        else:
            self._seen = growth.newest if growth else self._seen
            self._behind_since = anyio.current_time() if self._rung else None

    async def _growth(self) -> log.Growth:
        self._next_look = anyio.current_time() + self._poll
        growth = await self._db.read(partial(log.grown, after=self._seen))
        if growth.missed:
            self._call_back([ear for ears in self._ears.values() for ear in ears])
        return growth

    def _due(self, rung: set[str], growth: log.Growth | None) -> dict[str, int]:
        """The topics to look at, with our position in each."""
        heads = growth.heads if growth else {}
        grown = {topic for topic, head in heads.items() if head > self._positions.get(topic, head)}
        return {topic: self._positions[topic] for topic in rung | grown if topic in self._positions}

    async def _tell_all(self, due: dict[str, int]) -> None:
        while due:
            lines = await self._db.read(partial(log.since, positions=due, limit=SLICE))
            for logged in lines:
                self._tell(logged)
            more = len(lines) >= SLICE  # only then can a topic have been cut short
            due = {topic: self._positions[topic] for topic in due if topic in self._positions} if more else {}

    async def _note_deliveries(self) -> None:
        """Write down who was reached, apart from the telling so that nobody waits for it."""
        while True:
            await self._reached_some.wait()
            self._reached_some = anyio.Event()
            pairs, self._reached = self._reached, []
            try:
                await self._db.write(partial(lifecycle.note_delivered, pairs=pairs, now=clock.now()))
            except StorageError as exc:  # a full disk must not keep anybody from hearing
                self._meter.add(STORAGE_ERRORS, type(exc).__name__)
                logger.warning("%d deliveries stay unrecorded: %s", len(pairs), exc)

    def _tell(self, logged: log.Logged) -> None:
        position = self._positions.get(logged.topic, logged.seq)
        if logged.seq <= position:
            return
        self._positions[logged.topic] = logged.seq
        if logged.seq > position + 1:
            return self._call_back(self._ears[logged.topic])
        payload = log.decoded(logged)
        if logged.event in (log.LEFT, log.CLOSED):
            return self._forget(logged, payload.get("id"))
        broadcast = Broadcast(logged.topic, logged.event, logged.payload)
        told = 0
        for ear, since in self._ears.get(logged.topic, {}).items():
            if logged.seq > since and hears(ear.principal, logged.event, payload):
                ear.hear(broadcast)
                told += 1
                if ear.principal.type == "Agent" and logged.event == "message_created":
                    self._reached.append((payload["id"], ear.principal.id))
                    self._reached_some.set()
        self._meter.add(TOLD, logged.event, by=told)

    def _call_back(self, ears: Iterable[Ear]) -> None:
        """What these should have heard was trimmed before we read it: have them look for themselves."""
        for ear in ears:
            ear.come_back("events were missed")

    def _forget(self, end: log.Logged, actor_id: str | None) -> None:
        """End the subscriptions of an actor, or everybody's."""
        for ear, since in list(self._ears.get(end.topic, {}).items()):
            if actor_id in (None, ear.principal.id) and end.seq > since:  # it may have come back since
                self.ignore(end.topic, ear)
