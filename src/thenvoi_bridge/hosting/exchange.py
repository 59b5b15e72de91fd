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


GRACE = 1.0
"""Seconds that what is cut off may take to end by itself."""


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that says why there is none."""
    return JSONResponse({"error": {"status": status, "message": message}}, status, headers)


class Exchange:
    """A request, from when it was let in to the end of its answer, which is when it `is_over`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._hear, self._tell = scope, receive, send
        self._running, self._hearing = anyio.CancelScope(), set[anyio.CancelScope]()
        self._refused: tuple[int, str] | None = None
        self._read_by = anyio.current_time() + READING
        self._has_read = self._has_begun = self.is_over = False

    @property
    def is_stream(self) -> bool:
        """Whether it lasts until somebody ends it: the stream of a session, or a subscription."""
        listens = Headers(scope=self.scope).get("mcp-method") == "subscriptions/listen"
        return self.scope["method"] == "GET" or listens

    def cut(self, status: int, why: str) -> None:
        """End it, as if the client had gone; if no answer has begun, this is the answer."""
        if self._refused is None:
            self._refused = status, why
            for hearing in self._hearing:
                hearing.cancel()
            self._running.deadline = anyio.current_time() + GRACE

    async def run(self, app: ASGIApp) -> None:
        """Have it answered."""
        with self._running:
            await app(self.scope, self._receive, self._send)
        if self._refused and not self.is_over:
            with anyio.move_on_after(1):
                await self._finish(*self._refused)

    async def _finish(self, status: int, why: str) -> None:
        if self._has_begun:
            await self._tell({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await refusal(status, why)(self.scope, self._hear, self._tell)

    async def _receive(self) -> Message:
        if self._has_read:
            return await self._until_gone()
        with anyio.CancelScope(deadline=self._read_by):
            message = await self._hear()
            if message["type"] == "http.disconnect":  # before it has said what it wants
                self._running.cancel()
                await anyio.sleep_forever()
            self._has_read = not message.get("more_body", False)
            return message
        return await self._too_slow(408, "The request took too long")

    async def _until_gone(self) -> Message:
        with anyio.CancelScope() as hearing:
            self._hearing.add(hearing)
            try:
                if not self._refused:
                    return await self._hear()
            finally:
                self._hearing.discard(hearing)
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        # Before the client can know it: its next request must not find this one underway.
        self.is_over = message["type"] == "http.response.body" and not message.get("more_body", False)
        with anyio.move_on_after(WRITING) as limit:
            await self._tell(message)
        if limit.cancelled_caught:
            await self._too_slow(408, "The answer was read too slowly")
        self._has_begun = True

    async def _too_slow(self, status: int, why: str) -> Message:
        self.cut(status, why)
        await anyio.sleep_forever()  # until that has come through
        raise AssertionError
