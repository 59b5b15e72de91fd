"""Keeps every request that reaches a platform with one key: what a bridge does is what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MEANT = (b"idempotency-key", b"if-attempt", b"content-type")
"""Headers by which a platform would do something else."""


@dataclass
class Tap:
    """Stands around the app of a platform; `key` is whose requests are kept."""

    key: str = ""
    requests: list[str] = field(default_factory=list)

    def around(self, app: ASGIApp) -> ASGIApp:
        async def tapped(scope: Scope, receive: Receive, send: Send) -> None:
            headers = dict(scope.get("headers", ()))
            if scope["type"] != "http" or headers.get(b"x-api-key") != self.key.encode():
                await app(scope, receive, send)
                return
            body = await _whole(receive)
            meant = {name: headers[name] for name in MEANT if name in headers}
            self.requests.append(
                f"{scope['method']} {scope['path']}?{scope['query_string']!r} {meant} {body.decode()}"
            )
            await app(scope, _again(body, receive), send)

        return tapped

    def taken(self, names: Mapping[str, str]) -> list[str]:
        """The requests so far, which are forgotten; with names for what differs from run to run."""
        requests, self.requests = self.requests, []
        return [UUID.sub("(some id)", _named(request, names)) for request in requests]


def _named(text: str, names: Mapping[str, str]) -> str:
    for what, name in names.items():
        text = text.replace(what, name)
    return text


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
