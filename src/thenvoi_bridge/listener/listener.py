"""The listener: one connection after another, its heartbeat, its topics, and what they bring."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn, Self

import anyio
from anyio.lowlevel import checkpoint
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from thenvoi_bridge.contract.feed import Topic, Unreadable, read_event
from thenvoi_bridge.listener.channels import Channels
from thenvoi_bridge.listener.notices import Backlog, Denied, Heard, Lost, Notice, P, Ready, Refused, Unclear
from thenvoi_bridge.listener.pace import Backoff, Ending, Gone, Pace, Returning, draw, ending
from thenvoi_bridge.listener.socket import hang_up, opener
from thenvoi_bridge.listener.standby import Standby
from thenvoi_bridge.phoenix import client as phoenix

Word = Literal["connecting", "live", "waiting", "standby", "refused"]
_OnTopic = phoenix.Pushed | phoenix.Joined | phoenix.Refused | phoenix.Dropped | phoenix.JoinTimedOut

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """For people. `since` and `heard_at` are Unix times, `attempts` the openings since the last success.

    `standby` means that another connection of this agent has taken over; it lasts until one of the rare
    openings gets in. `reason` says why there is no connection, or why there was none last.
    """

    word: Word
    since: float
    reason: str | None = None
    attempts: int = 0
    heard_at: float | None = None


class Listener:
    """One connection at a time: `run` it in a task group, and read its notices with `async for` in one task.

    A reader who falls behind finds `Unclear` in place of events once `backlog` notices wait; the connection
    never waits for it. No log, state or error shows the key. `agent_id` is for an owner's key that stands
    for an agent; `first` are the topics to begin with, and `standby` says that another computer is known to
    have the place, so that it is asked for and not taken. `state` is current at any time, and so is `lost`:
    how many connections were, whether or not the notices of that have been read.

    Raises ValueError for an address that cannot be one (`socket_url`).
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        agent_id: str | None = None,
        first: Iterable[Topic] = (),
        pace: Pace | None = None,
        backlog: int = 4096,
        standby: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pace = pace or Pace()
        self._wall = wall
        self._open = opener(url, key, agent_id, self._pace)
        self._channels = Channels(first, self._pace)
        self._notices = Backlog(backlog)
        self._backoff, self._returning = Backoff(self._pace), Returning(self._pace)
        self._link: phoenix.ClientProtocol | None = None
        self._waiting: anyio.CancelScope | None = None
        self._standby = Standby(self._pace, on=standby)
        self._running = anyio.ResourceGuard("running")
        self.state = State("connecting", wall())
        self.lost = 0

    def join(self, topic: Topic) -> None:
        """Listen to the topic from now on, over every connection; nothing changes if that is so already."""
        if self._channels.want(topic):
            self._wake()

    def leave(self, topic: Topic) -> None:
        """Want nothing more from the topic; what was heard before may still be read."""
        if self._channels.drop(topic) and self._link:
            self._link.leave(str(topic))
            self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notice:
        """The next notice; there is always one to come. Nothing is lost when cancelled."""
        return await self._notices.take()

    def more(self, kind: type[P], most: int) -> list[P]:
        """The next notices as long as they are events of this kind, at most so many; those that are there."""
        return self._notices.more(kind, most)

    async def run(self) -> None:
        """Keep the connection until cancelled; then close it with 1000, within `pace.closing` seconds."""
        with self._running:
            while True:
                await self._rest(await self._visit())

    async def _visit(self) -> Ending:
        """One connection, from the attempt to open it to its end."""
        word: Word = "standby" if self._standby.on else "connecting"
        self._become(word, self.state.reason, self.state.attempts + 1)
        try:
            ws = await self._open(self._standby.on)
            try:
                await self._converse(ws)
            finally:
                self._link = None
                await hang_up(ws, self._pace.closing)
        except (OSError, WebSocketException, UnicodeError, ImportError, Gone) as exc:
            return ending(exc, self._pace)

    async def _rest(self, end: Ending) -> None:
        now = time.monotonic()
        end = self._standby.after(end, now)
        expected = self._returning.after(end, now)
        pause = draw(expected) if expected else max(self._backoff.down(now), draw(end.pause))
        _log.warning("no connection: %s; trying again in %.1f s", end.reason, pause)
        if end.refused is not None:
            self._become("refused", end.reason, self.state.attempts)
            self._notices.put(Refused(end.refused, end.reason))
        else:
            self._become("standby" if self._standby.on else "waiting", end.reason, self.state.attempts)
            self.lost += 1
            self._notices.put(Lost(end.reason, self._standby.on))
        await anyio.sleep(pause)

    async def _converse(self, ws: ClientConnection) -> NoReturn:
        now = time.monotonic()
        self._link = link = phoenix.ClientProtocol(now, self._pace.heartbeat, self._pace.patience)
        self._channels.start()
        self._backoff.up(now)
        self._standby.up(now)
        self._become("live", None, 0)
        _log.info("connected")
        ticked = self._wall()
        while True:
            await self._say(ws, link)
            text = await self._hear(ws, link)
            before, ticked = ticked, self._wall()
            if ticked - before > self._pace.tick + self._pace.nap:
                ws.transport.abort()  # the other end has long given us up
                raise Gone("this computer slept")
            events = [] if text is None else link.receive(text)
            for event in [*events, *link.tick(time.monotonic())]:
                self._take(event)
            # `recv` does not wait while frames are at hand, and a burst compresses well: without this the
            # reader would find a full backlog before it ran at all.
            await checkpoint()

    async def _say(self, ws: ClientConnection, link: phoenix.ClientProtocol) -> None:
        now = time.monotonic()
        for topic in self._channels.take_due(now):
            link.join(str(topic), now)
        if texts := link.outgoing():
            with anyio.fail_after(self._pace.patience):
                for text in texts:
                    await ws.send(text)

    async def _hear(self, ws: ClientConnection, link: phoenix.ClientProtocol) -> str | None:
        """The next frame, or None when there is something else to do."""
        now = time.monotonic()
        until = min(link.deadline, self._channels.due_at(), now + self._pace.tick)
        with anyio.move_on_after(until - now) as self._waiting:
            data = await ws.recv()
            # A binary frame is none of Thenvoi's; as text it is a malformed one, and names its topic still.
            return data if isinstance(data, str) else data.decode(errors="replace")
        return None

    def _wake(self) -> None:
        # `recv` may be cancelled without losing a frame, so one task can both send and receive.
        if self._waiting:
            self._waiting.cancel()

    def _take(self, event: phoenix.Event) -> None:
        match event:
            case phoenix.Dead():
                raise Gone("the heartbeat is not answered")
            case phoenix.Malformed(text):
                _log.warning("a frame of the platform could not be read")
                for topic in self._channels.named_in(text):
                    self._notices.put(Unclear(topic))
            case _:
                asked = Topic.parse(event.topic)
                assert asked, "only topics that were asked for are reported"
                self._on_topic(asked, event)

    def _on_topic(self, topic: Topic, event: _OnTopic) -> None:
        match event:
            case phoenix.Pushed(event=name, payload=payload):
                self._heard(topic, name, payload)
            case phoenix.Joined():
                self._channels.joined(topic, time.monotonic())
                self._notices.put(Ready(topic))
            case phoenix.Refused(reason="unauthorized"):
                self._channels.drop(topic)
                self._notices.put(Denied(topic, "unauthorized"))
            case _:
                _log.info("%s will be joined again: %s", topic, type(event).__name__)
                self._channels.failed(topic, time.monotonic())
                self._notices.put(Unclear(topic))

    def _heard(self, topic: Topic, name: str, payload: dict[str, Any]) -> None:
        self.state = replace(self.state, heard_at=self._wall())
        if name == "supersede":
            # What a later platform says before it ends the older socket of an agent (seen in clients).
            self._standby.told()
            return
        try:
            event = read_event(name, topic, payload)
        except Unreadable as exc:
            _log.warning("an event of %s could not be read: %s", topic, exc)
            self._notices.put(Unclear(topic))
        else:
            if event is not None:
                self._notices.put(Heard(topic, event))

    def _become(self, word: Word, reason: str | None, attempts: int) -> None:
        since = self.state.since if word == self.state.word else self._wall()
        self.state = State(word, since, reason, attempts, self.state.heard_at)
