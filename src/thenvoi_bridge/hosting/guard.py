"""Which names a server answers to, and which web pages may talk to it: a page of somebody else's, whose name
was made to lead here, must not.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from thenvoi_bridge.hosting.exchange import refusal

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""What this computer calls itself; always answered to."""

HEADERS = 32 * 1024
"""Bytes of the head of a request."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^][:@/?#\s]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class Guard:
    """Lets pass what was meant for this server: 421 for another `Host`, 403 for an `Origin` not allowed.

    And what can be read: 415 for a body that is encoded, 431 for too long a head.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), origins: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = {host.casefold() for host in (*LOOPBACK, *hosts)}
        self._origins = {origin.casefold().rstrip("/") for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers, app = Headers(scope=scope), self._app
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS:
            app = refusal(431, "The head of the request is too long")
        if {*headers.getlist("content-encoding")} - {"identity"}:
            app = refusal(415, "Send the body as it is, without a Content-Encoding")
        if not all(map(self._allows, headers.getlist("origin"))):
            app = refusal(403, "Pages of this origin may not use this server; see --allowed-origin")
        if [self._answers_to(host) for host in headers.getlist("host")] != [True]:
            app = refusal(421, "This server does not answer to this name; see --allowed-host")
        await app(scope, receive, send)

    def _answers_to(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        return found is not None and found[1].casefold() in self._hosts

    def _allows(self, origin: str) -> bool:
        if origin.casefold() in self._origins:
            return True
        scheme, _, host = origin.partition("://")
        found = _HOST.fullmatch(host)
        return scheme in ("http", "https") and found is not None and found[1].casefold() in LOOPBACK


def is_origin(text: str) -> bool:
    """Whether a browser may send this as an `Origin`."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and text.rstrip("/") == f"{parts.scheme}://{parts.netloc}"
