"""What is noted of each request: a line of the log, a count, a part of its trace. Nothing a caller wrote."""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thenvoi_bridge import tracing
from thenvoi_bridge.fields import Fields
from thenvoi_bridge.metering import Meter
from thenvoi_bridge.metering.table import REQUEST, REQUESTS, STORAGE_ERRORS

NO_CALL = "none"
"""The call of a request that is none of the API's."""

_KEY = "thenvoi.noted"

logger = logging.getLogger("thenvoi_bridge.platform.requests")


@dataclass(slots=True)
class Noted:
    """What is known of one request so far. `principal` is an id, `trouble` what the database had."""

    request_id: str = field(default_factory=lambda: secrets.token_hex(8))
    call: str = NO_CALL
    principal: str | None = None
    trouble: str | None = None
    status: int = 500

    @classmethod
    def of(cls, scope: Scope) -> Noted:
        """That of the request which is being answered."""
        if _KEY not in scope:
            scope[_KEY] = cls()
        noted: Noted = scope[_KEY]
        return noted


class Accounting:
    """The app, with an account of each request over HTTP."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app, self._meter = app, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        noted, started = Noted.of(scope), time.perf_counter()

        async def sent(message: Message) -> None:
            noted.status = message.get("status", noted.status)
            await send(message)

        with tracing.within(tracing.carrier_of(scope["headers"])), tracing.part(noted.call, "server") as part:
            try:
                await self._app(scope, receive, sent)
            finally:
                part.named(noted.call)
                part.answered(noted.status)
                self._account(noted, time.perf_counter() - started)

    def _account(self, noted: Noted, seconds: float) -> None:
        self._meter.add(REQUESTS, noted.call, str(noted.status))
        self._meter.observe(REQUEST, seconds, noted.call)
        if noted.trouble:
            self._meter.add(STORAGE_ERRORS, noted.trouble)
        if logger.isEnabledFor(logging.INFO):
            logger.info(
                Fields(
                    "request",
                    call=noted.call,
                    status=noted.status,
                    ms=round(seconds * 1000, 1),
                    request_id=noted.request_id,
                    principal=noted.principal,
                    trace_id=tracing.trace_id(),
                )
            )
