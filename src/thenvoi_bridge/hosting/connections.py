"""Connections over HTTP: uvicorn's, which alone would wait for the head of a request for ever, and room for
many of them.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

READING = 30.0
"""Seconds that a client may take to send the head of a request, from its first byte or the connection on."""

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(H11Protocol):
    """Is closed if its client takes too long to say what it wants."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop, as are those below."""
        super().connection_made(transport)
        self._mind_the_time()

    def data_received(self, data: bytes) -> None:
        """Part of a head, or of what comes after it."""
        super().data_received(data)
        self._mind_the_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def _mind_the_time(self) -> None:
        if self.conn.their_state is not h11.IDLE:  # the head is there
            self._stop()
        elif self._limit is None:
            self._limit = self.loop.call_later(READING, self._give_up)

    def _stop(self) -> None:
        if self._limit:
            self._limit.cancel()
        self._limit = None

    def _give_up(self) -> None:
        self.transport.write(TOO_SLOW)
        self.transport.close()


def allow_many_files() -> None:
    """Let this process open as many files as it may: one principal takes eleven, and often 1024 is all."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS may have a lower limit besides
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
