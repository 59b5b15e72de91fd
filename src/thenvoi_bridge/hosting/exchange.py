"""One request over HTTP and its answer: bounded in time, and to be cut off from outside."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = 30.0
"""Seconds that a client may take to send the body of a request."""

WRITING = 30.0
"""Seconds that a client may take to read what waits for it; one that is slower is cut off."""


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that says why there is none."""
    return JSONResponse({"error": {"status": status, "message": message}}, status, headers)


class Exchange:
    """A request, from when it was let in to the end of its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._hear, self._tell = scope, receive, send
        self._running = anyio.CancelScope()
        self._refused: tuple[int, str] | None = None
        self._read_by = anyio.current_time() + READING
        self._has_read = self._has_begun = self._has_ended = False

    @property
    def is_stream(self) -> bool:
        """Whether it lasts until somebody ends it: the stream of a session, or a subscription."""
        listens = Headers(scope=self.scope).get("mcp-method") == "subscriptions/listen"
        return self.scope["method"] == "GET" or listens

    def cut(self, status: int, why: str) -> None:
        """End it; if no answer has begun, this is the answer."""
        self._refused = self._refused or (status, why)
        self._running.cancel()

    async def run(self, app: ASGIApp) -> None:
        """Have it answered."""
        with self._running:
            await app(self.scope, self._receive, self._send)
        if self._refused and not self._has_ended:
            with anyio.move_on_after(1):
                await self._finish(*self._refused)

    async def _finish(self, status: int, why: str) -> None:
        if self._has_begun:
            await self._tell({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await refusal(status, why)(self.scope, self._hear, self._tell)

    async def _receive(self) -> Message:
        if self._has_read:
            return await self._hear()
        with anyio.CancelScope(deadline=self._read_by):
            message = await self._hear()
            self._has_read = not message.get("more_body", False)
            return message
        return await self._too_slow(408, "The request took too long")

    async def _send(self, message: Message) -> None:
        with anyio.move_on_after(WRITING) as limit:
            await self._tell(message)
        if limit.cancelled_caught:
            await self._too_slow(408, "The answer was read too slowly")
        self._has_begun = True
        self._has_ended = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def _too_slow(self, status: int, why: str) -> Message:
        self.cut(status, why)
        await anyio.sleep_forever()  # until that has come through
        raise AssertionError
