"""The WebSocket endpoint: Phoenix Channels for one connected identity, fed by the hub."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from thenvoi_bridge.contract.errors import Unauthorized
from thenvoi_bridge.contract.feed import Topic
from thenvoi_bridge.phoenix.frames import Broadcast, ProtocolError
from thenvoi_bridge.phoenix.server import JoinAsked, Left, ServerProtocol
from thenvoi_bridge.platform.auth import Keys
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.rooms import role_of
from thenvoi_bridge.platform.rules.access import Principal, own_topic
from thenvoi_bridge.storage import Database, Tx

IDLE = 45.0
"""Seconds without any inbound frame after which a socket is closed (vendor text); clients beat every 30."""

BACKLOG = 1000
"""Frames a slow reader may lag behind. Over it the socket is closed, and the client catches up by REST."""

CLOSING = 5.0
"""Seconds a client that reads nothing may hold up the end of its own socket."""

MAX_FRAME = 64 * 1024
"""Bytes of an inbound frame; clients only join, leave and beat."""

CLOSED_IDLE = 4000  # a code of our own: published clients give up for good on 1000, 1001 and 1008
CLOSED_BROKEN = 1011

logger = logging.getLogger(__name__)


class Gate:
    """Lets connections in: authenticates the upgrade and serves the socket."""

    def __init__(self, db: Database, keys: Keys, hub: Hub) -> None:
        self._db, self._keys, self._hub = db, keys, hub

    async def serve(self, ws: WebSocket) -> None:
        """Serve one WebSocket from its upgrade to its end.

        Any refusal is an HTTP 403 before the upgrade: published clients stop on 403 and retry on all else.
        """
        principal = await self._db.read(lambda tx: self._principal(tx, ws))
        if principal is None or not ws.query_params.get("vsn", "").startswith("2.0."):
            await ws.close()  # before `accept` this is the 403
            return
        await ws.accept()
        await Socket(ws, principal, self._hub).serve()

    def _principal(self, tx: Tx, ws: WebSocket) -> Principal | None:
        """Whom the upgrade's key stands for, or the agent of that person which `agent_id` names."""
        key = ws.headers.get("x-api-key") or ws.query_params.get("api_key") or ""
        agent_id = ws.query_params.get("agent_id", "")
        try:
            principal = self._keys.principal(tx, key)
        except Unauthorized:
            return None
        # phoenix.js writes an unset parameter as the text "undefined".
        if agent_id in ("", "undefined", principal.id):
            return principal
        return self._keys.as_agent(tx, principal, agent_id)


class Socket:
    """One connected identity. An `Ear` of the hub."""

    def __init__(self, ws: WebSocket, principal: Principal, hub: Hub) -> None:
        self.principal = principal
        self._ws, self._hub = ws, hub
        self._protocol = ServerProtocol()
        self._queue: list[str] = []
        self._queued = anyio.Event()
        self._scope = anyio.CancelScope()

    def hear(self, broadcast: Broadcast) -> None:
        """Queue an event for the client. Never waits."""
        self._protocol.push(broadcast)
        self._flush()

    async def serve(self) -> None:
        """Talk until either side ends it."""
        try:
            with self._scope:
                await self._talk()
        finally:
            for topic in self._protocol.joined:
                self._hub.ignore(topic, self)
        if self._scope.cancelled_caught:
            await self._close(CLOSED_BROKEN, "reading too slowly")

    async def _talk(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write)
            await self._read()
            tasks.cancel_scope.cancel()

    async def _read(self) -> None:
        while True:
            with anyio.move_on_after(IDLE) as patience:
                text = await self._receive()
                if text is None:
                    return
                await self._take(text)
            if patience.cancelled_caught:
                return await self._close(CLOSED_IDLE, "idle")

    async def _receive(self) -> str | None:
        """The next text frame, or None once the client has gone."""
        message = await self._ws.receive()
        return None if message["type"] == "websocket.disconnect" else message.get("text") or ""

    async def _take(self, text: str) -> None:
        try:
            events = self._protocol.receive(text)
        except ProtocolError:
            return await self._close(CLOSED_BROKEN, "not a frame")
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
        if not await self._hub.listen(asked.topic, self, partial(self._may_join, topic)):
            return self._protocol.refuse(asked, "unauthorized")
        self._protocol.accept(asked)  # nothing was awaited since, so the reply leaves before any event

    def _may_join(self, topic: Topic, tx: Tx) -> bool:
        verdict = own_topic(self.principal, topic)
        if verdict == "ask the room":
            return role_of(tx, topic.id, self.principal.id) is not None
        return verdict == "yes"

    def _flush(self) -> None:
        self._queue += self._protocol.outgoing()
        self._queued.set()
        if len(self._queue) > BACKLOG:
            self._scope.cancel()

    async def _write(self) -> None:
        while True:
            await self._queued.wait()
            self._queued = anyio.Event()
            queue, self._queue = self._queue, []
            try:
                for text in queue:
                    await self._ws.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                return  # the reader is told of it too, and ends the talk

    async def _close(self, code: int, reason: str) -> None:
        logger.info("closing a socket of %s: %s", self.principal.id, reason)
        with anyio.move_on_after(CLOSING), suppress(WebSocketDisconnect, RuntimeError):
            await self._ws.close(code, reason)
