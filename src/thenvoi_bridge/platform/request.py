"""HTTP on connections of which no client is waited for without end, and one that is refused is told why."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any

import h11

from thenvoi_bridge.connections import Connection
from thenvoi_bridge.contract.errors import BadRequest, ThenvoiError, error_envelope
from thenvoi_bridge.platform.bounds import HeadersTooLarge, TooSlow, UrlTooLong
from thenvoi_bridge.platform.upgrade import LINGER


class Together(h11.Connection):
    """Writes the head of an answer with what follows it: once, in one packet. Nothing here is a stream."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._held: list[bytes] = []

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """Called by `send`: the bytes to write now."""
        data = super().send_with_data_passthrough(event)
        if data is None:
            return None
        held, self._held = [*self._held, *data], []
        if isinstance(event, h11.Response):
            self._held = held
            return []
        return held


class Request(Connection):
    """A connection for requests, which answers 408 to who is too slow, and 414 or 431 to an endless head."""

    head, body = 10.0, 30.0

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_refused = False
        limit = self.config.h11_max_incomplete_event_size
        assert limit is not None  # `serving` says how much
        self.conn = Together(h11.SERVER, limit)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent, unless it was told that this is the end."""
        if not self._is_refused:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn is patient for five seconds if nothing of it comes.

        Nothing is done with the rest of a body that was answered already, so it has to end soon.
        """
        super().on_response_complete()
        self.wait()
        if self.conn.their_state is h11.SEND_BODY:
            self.wait_for(LINGER)

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn in the handler of what h11 has raised about a request."""
        if getattr(sys.exc_info()[1], "error_status_hint", 400) != 431:
            self._refuse(BadRequest())
        elif b"\r\n" in self.conn.trailing_data[0]:
            self._refuse(HeadersTooLarge())
        else:
            self._refuse(UrlTooLong())

    def give_up(self) -> None:
        """Refuse what is underway, and let the app know that its client is as good as gone."""
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
