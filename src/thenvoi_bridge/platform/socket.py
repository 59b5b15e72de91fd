"""A connected socket: Phoenix Channels for one identity, fed by the hub.

Whoever serves one awaits `talk` and then `close`. In between nothing is heard any more, but what was heard
before is still to be sent.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from uuid import uuid4

import anyio
from anyio.lowlevel import checkpoint
from starlette.websockets import WebSocket, WebSocketDisconnect

from thenvoi_bridge.contract.feed import Supersede, Topic, event_name
from thenvoi_bridge.phoenix.frames import Broadcast, Codec, ProtocolError
from thenvoi_bridge.phoenix.server import JoinAsked, Left, ServerProtocol
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.rooms import role_of
from thenvoi_bridge.platform.rules.access import Principal, own_topic
from thenvoi_bridge.platform.upgrade import WRITE_NOW
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import StorageError, Tx

CLOSING = 5.0
"""Seconds a client that reads nothing may hold up the end of its own socket."""

MAX_FRAME = 64 * 1024
"""Bytes of an inbound frame; clients only join, leave and beat."""

CLOSED_CLEANLY = 1000
CLOSED_REVOKED = 1008
CLOSED_BROKEN = 1011
CLOSED_RESTART = 1012
CLOSED_IDLE = 4000  # a code of our own: published clients give up for good on 1000, 1001 and 1008

logger = logging.getLogger(__name__)


class Socket:
    """One connected identity. An `Ear` of the hub and a `Connection` of the presence."""

    def __init__(
        self, ws: WebSocket, principal: Principal, hub: Hub, codec: Codec, settings: Platform
    ) -> None:
        self.principal = principal
        self._ws, self._hub, self._settings = ws, hub, settings
        self._protocol = ServerProtocol(codec)
        self._queue: deque[str] = deque()
        self._lag = 0
        self._queued = anyio.Event()
        self._write_now = _writer(ws)
        self._scope = anyio.CancelScope()
        self._ending: tuple[int, str] | None = None

    def hear(self, broadcast: Broadcast) -> None:
        """Queue an event for the client. Never waits."""
        text = self._protocol.framed(broadcast)
        if text is not None:
            self._say(text)

    def supersede(self) -> None:
        """Tell an agent that a newer socket of its own has taken over, and close.

        A clean 1000 is what makes the published clients fight least over it. Those that know of `supersede`
        do not come back.
        """
        farewell = Supersede(
            reason="superseded",
            message="Another connection of this agent has taken over",
            correlation_id=str(uuid4()),
        )
        topic = str(Topic("agent_control", self.principal.id))
        self.hear(Broadcast(topic, event_name(farewell), farewell.model_dump_json()))
        self.end(CLOSED_CLEANLY, "superseded")

    def come_back(self, reason: str) -> None:
        """Close as a server that is restarted does: clients connect anew, and look at what they missed."""
        self.end(CLOSED_RESTART, reason)

    def end(self, code: int, reason: str) -> None:
        """Hear and read nothing more, and be closed with `code`."""
        self._ending = code, reason
        self._scope.cancel()

    async def talk(self) -> None:
        """Talk until either side ends it."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._write)
                    await self._read()
                    tasks.cancel_scope.cancel()
        except Exception:
            logger.exception("a socket of %s failed", self.principal.id)
            self.end(CLOSED_BROKEN, "internal error")
        finally:
            for topic in self._protocol.joined:
                self._hub.ignore(topic, self)

    async def close(self) -> None:
        """Send what is queued and close, if the client has not done so."""
        if self._ending is None:
            return
        code, reason = self._ending
        logger.info("closing a socket of %s: %s", self.principal.id, reason)
        with anyio.move_on_after(CLOSING), suppress(WebSocketDisconnect, RuntimeError):
            await self._send_queued()
            await self._ws.close(code, reason)

    async def _read(self) -> None:
        """Any frame counts as a sign of life; pings do not, since uvicorn answers them without telling us."""
        while True:
            with anyio.move_on_after(self._settings.idle or None) as patience:
                text = await self._receive()
            if patience.cancelled_caught:
                return self.end(CLOSED_IDLE, "idle")
            if text is None:
                return
            await self._take(text)
            await checkpoint()  # what came at once must not keep the writer from its work

    async def _receive(self) -> str | None:
        """The next text frame, or None once the client has gone. Binary frames pass for malformed ones."""
        message = await self._ws.receive()
        return None if message["type"] == "websocket.disconnect" else message.get("text") or ""

    async def _take(self, text: str) -> None:
        try:
            events = self._protocol.receive(text)
        except ProtocolError:
            return self.end(CLOSED_BROKEN, "not a frame")
        self._flush()  # what is heard while a join is decided comes after this
        for event in events:
            match event:
                case JoinAsked():
                    await self._join(event)
                case Left(topic):
                    self._hub.ignore(topic, self)
        self._flush()

    async def _join(self, asked: JoinAsked) -> None:
        topic = Topic.parse(asked.topic)
        if topic is None:
            return self._protocol.refuse(asked, "unmatched topic")
        if 0 < self._settings.topics <= len(self._protocol.joined):
            return self._protocol.refuse(asked, "too many topics")
        try:
            heard = await self._listen(topic)
        except StorageError as exc:
            logger.warning("cannot tell whether %s may join: %s", self.principal.id, exc)
            return self._protocol.refuse(asked, "join crashed")
        if not heard:
            return self._protocol.refuse(asked, "unauthorized")
        self._protocol.accept(asked)  # nothing was awaited since, so the reply leaves before any event

    async def _listen(self, topic: Topic) -> bool:
        """Hear a topic from now on; False if that is not allowed, which is cheap to say for most topics."""
        verdict = own_topic(self.principal, topic)
        if verdict == "no":
            return False
        ask = partial(self._is_in, topic.id) if verdict == "ask the room" else lambda tx: True
        return await self._hub.listen(str(topic), self, ask)

    def _is_in(self, chat_id: str, tx: Tx) -> bool:
        return role_of(tx, chat_id, self.principal.id) is not None

    def _flush(self) -> None:
        frames = self._protocol.outgoing()
        if self._ending is not None:
            return
        for text in frames:
            self._say(text)

    def _say(self, text: str) -> None:
        if self._ending is None and (self._lag or not self._write_now(text)):
            self._queue.append(text)
            self._lag += len(text)
            self._queued.set()
            self._check_lag()

    def _check_lag(self) -> None:
        """End it beyond the limits; one frame, however large, is none."""
        frames, characters = self._settings.backlog, self._settings.buffer
        if 0 < frames < len(self._queue) or (0 < characters < self._lag and len(self._queue) > 1):
            self.end(CLOSED_BROKEN, "reading too slowly")

    async def _write(self) -> None:
        while True:
            await self._queued.wait()
            self._queued = anyio.Event()
            try:
                await self._send_queued()
            except (WebSocketDisconnect, RuntimeError):
                return  # the reader is told of it too, and ends the talk

    async def _send_queued(self) -> None:
        while self._queue:
            await self._ws.send_text(self._queue[0])
            self._lag -= len(self._queue.popleft())  # only now: a send that is cancelled has sent nothing


def _writer(ws: WebSocket) -> Callable[[str], bool]:
    """What writes a text without waking a task, where the server can; it says whether it did."""
    extension = ws.scope["extensions"].get(WRITE_NOW)
    write: Callable[[str], bool] = extension["write"] if extension else lambda _: False
    return write
