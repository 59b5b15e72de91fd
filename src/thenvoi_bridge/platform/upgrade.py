"""uvicorn's WebSocket, but for two things: every upgrade is answered, and a frame may be written at once."""

from __future__ import annotations

from functools import lru_cache

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

WRITE_NOW = "thenvoi.write_now"
"""An extension of ASGI: `["write"]` takes a text that is a whole message, and says whether it was written.

It is not where a client lags behind, or is not there any more. Whoever stands between this server and an app
and is to see every message takes the extension out of the scope.
"""


class Upgrade(WebSocketsSansIOProtocol):
    """Refuses a head that the library under uvicorn does not read: lines over 8 KiB, over 128 headers.

    uvicorn 0.54 waits on for ever there, and anybody could fill it with such connections. The refusal is the
    one that the gate gives.
    """

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(REFUSAL)
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Begin the app; it runs from the next turn of the loop on."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][WRITE_NOW] = {"write": self._write_now}

    def _write_now(self, text: str) -> bool:
        if self.conn.state is not OPEN or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(_message(text))
        return True


@lru_cache(maxsize=4)
def _message(text: str) -> bytes:
    """A text as it goes over the wire. What many hear is made once, since nobody else's comes between."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
