"""The connections of a server, for both halves: many of them, and no client is waited for without end."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(H11Protocol):
    """uvicorn's, which alone would wait for a request for ever: 408 is the answer to who is too slow."""

    head: ClassVar[float] = 30.0
    """Seconds that a client may take for the head of a request, from when it could begin or does."""

    body: ClassVar[float | None] = None
    """Seconds for the body; None if whoever reads it sees to that."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._awaited: object = None
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head. Called by the event loop, as are those below."""
        super().connection_made(transport)
        self.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self.wait()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent, and wait for the rest of it if there is one."""
        super().data_received(data)
        self.wait()

    def wait(self) -> None:
        """Give the client its time for what it is to send next; for the rest of the same it runs on."""
        gone = self.transport.is_closing() or self.transport.get_protocol() is not self
        state = None if gone else self.conn.their_state
        if state is not self._awaited:
            self._awaited = state
            self.wait_for(self.head if state is h11.IDLE else self.body if state is h11.SEND_BODY else None)

    def wait_for(self, seconds: float | None) -> None:
        """Give the client so long from now on; None for any time."""
        if self._limit:
            self._limit.cancel()
        self._limit = self.loop.call_later(seconds, self.give_up) if seconds else None

    def give_up(self) -> None:
        """Tell the client that it took too long."""
        self.transport.write(TOO_SLOW)
        self.transport.close()


def cut_off_who_reads_nothing(listener: socket.socket, seconds: float) -> None:
    """Have the system end a connection whose other end takes nothing for so long, where it can.

    What a server has yet to send when it ends an exchange lies with the system, which would be patient.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def allow_many_files() -> None:
    """Let this process open as many files as it may: connections are files, and often 1024 is all."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS may have a lower limit besides
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
