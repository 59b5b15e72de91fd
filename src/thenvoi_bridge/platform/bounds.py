"""Refuses requests whose head is too large, before anything reads them."""

from __future__ import annotations

from typing import ClassVar

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from thenvoi_bridge.contract.errors import ThenvoiError, error_envelope
from thenvoi_bridge.platform.accounting import Noted
from thenvoi_bridge.settings import Platform


class UrlTooLong(ThenvoiError):
    """Ask for less in the address."""

    status: ClassVar = 414
    code, default = "uri_too_long", "The address of the request is too long"


class HeadersTooLarge(ThenvoiError):
    """Send fewer or shorter headers."""

    status: ClassVar = 431
    code, default = "headers_too_large", "The headers of the request are too large"


class Bounded:
    """The app, behind the limits for addresses and headers."""

    def __init__(self, app: ASGIApp, settings: Platform) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it; a socket is refused with 403, like for any other reason."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            envelope = error_envelope(refusal, Noted.of(scope).request_id)
            await JSONResponse(envelope, refusal.status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ThenvoiError | None:
        if len(scope["raw_path"]) + len(scope["query_string"]) > self._settings.max_url:
            return UrlTooLong()
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._settings.max_headers:
            return HeadersTooLarge()
        return None
