"""uvicorn's HTTP, but no client is waited for without end, and one that is refused is told why."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from thenvoi_bridge.contract.errors import BadRequest, ThenvoiError, error_envelope
from thenvoi_bridge.platform.bounds import HeadersTooLarge, TooSlow, UrlTooLong
from thenvoi_bridge.platform.upgrade import LINGER

HEAD = 10.0
"""Seconds that a client may take for the head of a request, from when it could begin."""

BODY = 30.0
"""Seconds it may take for the body."""


class Request(H11Protocol):
    """A connection for requests, which answers 408 to who is too slow, and 414 or 431 to an endless head."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._awaited: object = None
        self._limit: asyncio.TimerHandle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent, and wait for the rest of it if there is one."""
        if not self._is_refused:
            super().data_received(data)
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn is patient for five seconds if nothing of it comes.

        Nothing is done with the rest of a body that was answered already, so it has to end soon.
        """
        super().on_response_complete()
        self._wait()
        if self.conn.their_state is h11.SEND_BODY and self._limit:
            self._limit.cancel()
            self._limit = self.loop.call_later(LINGER, self._give_up)

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn in the handler of what h11 has raised about a request."""
        if getattr(sys.exc_info()[1], "error_status_hint", 400) != 431:
            self._refuse(BadRequest())
        elif b"\r\n" in self.conn.trailing_data[0]:
            self._refuse(HeadersTooLarge())
        else:
            self._refuse(UrlTooLong())

    def _wait(self) -> None:
        """Give the client its time for what it is to send next; for the rest of the same it runs on."""
        gone = self.transport.is_closing() or self.transport.get_protocol() is not self
        state = None if gone else self.conn.their_state
        if state is self._awaited:
            return
        if self._limit:
            self._limit.cancel()
        self._awaited = state
        seconds = HEAD if state is h11.IDLE else BODY if state is h11.SEND_BODY else None
        self._limit = self.loop.call_later(seconds, self._give_up) if seconds else None

    def _give_up(self) -> None:
        self._refuse(TooSlow())
        if self.cycle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _refuse(self, error: ThenvoiError) -> None:
        """Answer in place of the app, unless it has begun to, and end the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(error_envelope(error, secrets.token_hex(8))).encode()
            length = str(len(body)).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", length)]
            answer = h11.Response(status_code=error.status, headers=[*headers, (b"connection", b"close")])
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self._is_refused = True
        self.loop.call_later(LINGER, self.transport.close)
