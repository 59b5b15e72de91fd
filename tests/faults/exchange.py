"""One request between uvicorn and the app, and what each fault does with it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any, NamedTuple

import anyio
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.faults.connection import reset_on_close
from tests.faults.plan import Answered, Delayed, Garbled, LostReply, NotApplied, RequestFault, Slow, Status
from thenvoi_bridge.contract.errors import error_envelope, error_from

Headers = Iterable[tuple[bytes, bytes]]

Tell = Callable[[int | None, Headers], None]
"""Told the status and the headers of an answer, or None if there will be none."""

Note = Callable[..., None]
"""Told what else is to be known of a fault that comes about now."""

PAGE = b"<!doctype html><title>Oops</title><h1>Something stands between you and the platform</h1>"
JSON, HTML = b"application/json", b"text/html; charset=utf-8"


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


class Exchange:
    """A request and its answer, which may be had from the app, given, or cut off."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, tell: Tell) -> None:
        self._app, self._scope, self._receive, self._send, self._tell = app, scope, receive, send, tell
        self._held: deque[Message] = deque()
        self._told = False

    async def passed(self) -> None:
        """Let the app answer by itself."""
        await self._app(self._scope, self._receive, self._say)

    async def hold(self) -> None:
        """Wait for the whole request, as it must be had before a connection is cut."""
        self._held.append(await self._receive())
        while self._held[-1].get("more_body"):
            self._held.append(await self._receive())

    async def applied(self) -> Reply:
        """What the app answers; by then all that it does is done."""
        said: list[Message] = []

        async def listen(message: Message) -> None:
            said.append(message)

        await self._app(self._scope, self._next, listen)
        body = b"".join(message.get("body", b"") for message in said[1:])
        return Reply(said[0]["status"], said[0]["headers"], body)

    async def give(self, reply: Reply) -> None:
        """Answer. Nothing happens once the client has gone."""
        start = {"type": "http.response.start", "status": reply.status, "headers": [*reply.headers]}
        await self._say(start)
        await self._say({"type": "http.response.body", "body": reply.body})

    async def cut(self) -> None:
        """Reset the connection, and wait until uvicorn knows."""
        self._tell_once(None)
        reset(self._send)
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _next(self) -> Message:
        return self._held.popleft() if self._held else await self._receive()

    async def _say(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._tell_once(message["status"], message["headers"])
        await self._send(message)

    def _tell_once(self, status: int | None, headers: Headers = ()) -> None:
        if not self._told:
            self._told = True
            self._tell(status, headers)


async def suffer(fault: RequestFault, it: Exchange, note: Note) -> None:
    """Let the fault befall the request."""
    match fault:
        case NotApplied():
            note()
            await it.cut()
        case LostReply():
            note(status=(await it.applied()).status)
            await it.cut()
        case Delayed():
            await _delay(fault, it, note)
        case Slow():
            reply = await it.applied()
            await anyio.sleep(fault.delay)
            note(status=reply.status)
            await it.give(reply)
        case Status():
            note(status=fault.status, retry_after=fault.retry_after)
            await it.give(refusal(fault, fault.status))
        case Garbled():
            reply = await it.applied()
            note(status=reply.status)
            await it.give(_garbled(fault, reply))


def refusal(fault: Answered, status: int) -> Reply:
    """The answer a fault gives in place of the app's."""
    html = fault.body == "html"
    headers = {
        b"content-type": HTML if html else JSON,
        b"retry-after": _retry_after(fault),
        b"location": fault.location and fault.location.encode(),
    }
    body = PAGE if html else to_json(error_envelope(error_from(status, None), "by-a-fault"))
    return Reply(status, [(name, value) for name, value in headers.items() if value], body)


def reset(send: Send) -> None:
    """End the TCP connection behind uvicorn's `send` with an RST."""
    # ASGI has no word for it, but what uvicorn hands over is a method of what holds the connection.
    transport: Any = send.__self__.transport  # type: ignore[attr-defined]
    reset_on_close(transport.get_extra_info("socket"))
    transport.abort()


async def _delay(fault: Delayed, it: Exchange, note: Note) -> None:
    await it.hold()
    if fault.cut:
        await it.cut()
    await anyio.sleep(fault.delay)
    reply = await it.applied()
    note(status=reply.status)
    await it.give(reply)


def _garbled(fault: Garbled, reply: Reply) -> Reply:
    if fault.form == "html":
        return Reply(200, [(b"content-type", HTML)], PAGE)
    return Reply(200, [(b"content-type", JSON)], reply.body[: len(reply.body) // 2])


def _retry_after(fault: Answered) -> bytes | None:
    match fault.retry_after:
        case "seconds":
            return f"{fault.seconds:g}".encode()
        case "date":
            return formatdate(math.ceil(time.time() + fault.seconds), usegmt=True).encode()
        case "absurd":
            return b"1000000000"
        case "negative":
            return b"-5"
        case "garbage":
            return b"in a moment"
    return None
