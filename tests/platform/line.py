"""A socket that speaks Phoenix frames in the raw, through the stock `websockets` client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import urlencode

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from tests.platform.town import Json
from tests.world import Somebody

PATIENCE = 10
PATH = "/api/v1/socket/websocket"


class Line:
    """One connection. Frames are lists: join_ref, ref, topic, event, payload."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        self._refs = count(1)

    async def send(self, *frame: object) -> None:
        await self.ws.send(json.dumps(frame))

    async def read(self) -> list[Any]:
        with anyio.fail_after(PATIENCE):
            frame = json.loads(await self.ws.recv(decode=True))
        assert isinstance(frame, list)
        assert len(frame) == 5
        return frame

    async def ask(self, topic: str, event: str = "phx_join", join_ref: str | None = None) -> Json:
        """Send something on a topic and return the payload of its reply, which must be the next frame."""
        ref = str(next(self._refs))
        join_ref = join_ref or ref
        await self.send(join_ref, ref, topic, event, {})
        *head, payload = await self.read()
        assert head == [join_ref, ref, topic, "phx_reply"]
        reply: Json = payload
        return reply

    async def join(self, topic: str) -> str:
        """Join a topic and return the join_ref."""
        assert await self.ask(topic) == {"status": "ok", "response": {}}, topic
        return str(next(self._refs) - 1)

    async def event(self, name: str) -> Json:
        """The payload of the next frame, which must be this event, pushed as the contract says."""
        join_ref, ref, _, event, payload = await self.read()
        assert (event, ref) == (name, None)
        assert isinstance(join_ref, str)
        found: Json = payload
        return found

    async def rest(self) -> list[list[Any]]:
        """What has been sent to us so far: everything before the answer to a heartbeat."""
        frames: list[list[Any]] = []
        await self.send(None, "beat", "phoenix", "heartbeat", {})
        while (frame := await self.read())[1] != "beat":
            frames.append(frame)
        assert frame == [None, "beat", "phoenix", "phx_reply", {"status": "ok", "response": {}}]
        return frames

    async def closed(self) -> tuple[int, list[list[Any]]]:
        """The code the other side closes with, and what it had sent before."""
        frames: list[list[Any]] = []
        try:
            while True:
                frames.append(await self.read())
        except ConnectionClosed as exc:
            return (exc.rcvd.code if exc.rcvd else 1006), frames


class OldLine(Line):
    """A connection in version 1 of Phoenix, whose frames have no join_ref; it is read as null."""

    async def send(self, *frame: object) -> None:
        _, ref, topic, event, payload = frame
        await self.ws.send(json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref}))

    async def read(self) -> list[Any]:
        with anyio.fail_after(PATIENCE):
            frame = json.loads(await self.ws.recv(decode=True))
        assert set(frame) == {"topic", "event", "payload", "ref"}
        return [None, frame["ref"], frame["topic"], frame["event"], frame["payload"]]


@asynccontextmanager
async def called(
    base: str,
    query: Mapping[str, str | None],
    *,
    headers: Mapping[str, str] | None = None,
    path: str = PATH,
    offered: Sequence[str] = (),
) -> AsyncGenerator[Line]:
    """A connection with this query; `vsn` is put in unless it is given, and what is None is left out.

    `offered` are subprotocols.
    """
    given = {name: value for name, value in {"vsn": "2.0.0", **query}.items() if value is not None}
    url = f"{base.replace('http', 'ws')}{path}?{urlencode(given)}"
    async with connect(
        url,
        additional_headers=headers,
        subprotocols=[Subprotocol(one) for one in offered] or None,
        proxy=None,
        max_size=None,
        ping_interval=None,
    ) as ws:
        yield Line(ws) if given.get("vsn", "").startswith("2") else OldLine(ws)


@asynccontextmanager
async def line(base: str, who: Somebody) -> AsyncGenerator[Line]:
    """Somebody's connection, with the key in the query as the clients of the era have it."""
    async with called(base, {"api_key": who.key}) as it:
        yield it


async def answered(
    base: str,
    query: Mapping[str, str | None],
    *,
    headers: Mapping[str, str] | None = None,
    path: str = PATH,
    offered: Sequence[str] = (),
) -> Response:
    """The HTTP answer that refuses an upgrade."""
    try:
        async with called(base, query, headers=headers, path=path, offered=offered):
            raise AssertionError("the connection was accepted")
    except InvalidStatus as exc:
        return exc.response


async def refusal(
    base: str,
    query: Mapping[str, str | None],
    *,
    headers: Mapping[str, str] | None = None,
    path: str = PATH,
    offered: Sequence[str] = (),
) -> tuple[int, bytes]:
    """Status and body of that answer."""
    answer = await answered(base, query, headers=headers, path=path, offered=offered)
    return answer.status_code, bytes(answer.body or b"")
