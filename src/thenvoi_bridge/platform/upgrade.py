"""uvicorn's WebSocket, but it answers every upgrade, slows floods down, and can write a frame at once."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

WRITE_NOW = "thenvoi.write_now"
"""An extension of ASGI: `["write"]` takes a text that is a whole message, and says whether it was written.

It is not where a client lags behind, or is not there any more. Whoever stands between this server and an app
and is to see every message takes the extension out of the scope.
"""


READ = 2048
"""Bytes that are read at once, so that a flood of tiny frames leaves the loop to others in between."""

DISCARD = 256 * 1024
"""Bytes that are read at once where they are thrown away."""

LINGER = 1.0
"""Seconds for which what a client still sends is thrown away once it was told that this is the end.

To close at once on somebody who sends resets the connection, and the answer may be lost with it.
"""

BURST = 10
"""Seconds over which the frames of a socket are averaged."""


class Upgrade(WebSocketsSansIOProtocol):
    """Refuses a head that the library under uvicorn does not read: lines over 8 KiB, over 128 headers.

    uvicorn 0.54 waits on for ever there, and anybody could fill it with such connections. The refusal is the
    one that the gate gives. A client that sends more than `frames` a second, pings and fragments included,
    is read no faster than that; 0 is for any number.
    """

    def __init__(self, *args: Any, frames: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self._rate, self._left, self._then = frames, float(frames * BURST), self.loop.time()
        self._is_held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk."""
        super().connection_made(transport)
        self._read_at_once(READ)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(REFUSAL)
            self.transport.close()

    def handle_events(self) -> None:
        """Take the frames that came, and wait with the next if they were too many."""
        self._count(len(self.conn.events))
        super().handle_events()

    def handle_parser_exception(self) -> None:
        """Tell the app and the client of the end of a socket on which came what must not come."""
        end = self.conn.close_sent
        if end is None or self.close_sent:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": end.code, "reason": end.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)
        self._read_at_once(DISCARD)

    def handle_ping(self) -> None:
        """Answer, unless the client has yet to read so much that answers would only pile up."""
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)

    async def receive(self) -> Any:
        """The next message for the app."""
        message = await super().receive()
        if self._is_held:
            self.transport.pause_reading()  # which uvicorn has ended
        return message

    def _read_at_once(self, most: int) -> None:
        self.transport.max_size = most  # type: ignore[attr-defined]  # asyncio's own, 256 KiB

    def _count(self, frames: int) -> None:
        now = self.loop.time()
        self._left = min(self._rate * BURST, self._left + (now - self._then) * self._rate) - frames
        self._then = now
        if self._rate and self._left < 0 and not self._is_held:
            self._is_held = True
            self.transport.pause_reading()
            self.loop.call_later(-self._left / self._rate, self._let_go)

    def _let_go(self) -> None:
        self._is_held = False
        if not self.read_paused:
            self.transport.resume_reading()

    def handle_connect(self, event: Request) -> None:
        """Begin the app; it runs from the next turn of the loop on."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][WRITE_NOW] = {"write": self._write_now}

    def _write_now(self, text: str) -> bool:
        # Of few objects, for with many sockets what takes time is to reach one that was not looked at lately.
        transport = self.transport
        is_open = self.handshake_complete and not self.close_sent and not transport.is_closing()
        if not is_open or not self.writable.is_set():
            return False
        transport.write(_message(text))
        return True


@lru_cache(maxsize=4)
def _message(text: str) -> bytes:
    """A text as it goes over the wire. What many hear is made once, since nobody else's comes between."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
