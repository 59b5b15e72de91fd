"""uvicorn's WebSocket, but for one thing: every upgrade is answered."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


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
