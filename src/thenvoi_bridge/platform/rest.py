"""The REST surface: one route per call, all alike.

Parse, recognise the caller, handle, log, answer; what a handler raises becomes the error envelope.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.errors import (
    BadRequest,
    NotFound,
    RateLimited,
    ThenvoiError,
    Unavailable,
    error_envelope,
)
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.auth import Keys
from thenvoi_bridge.platform.handlers import Handler
from thenvoi_bridge.platform.log import Bell, Change
from thenvoi_bridge.storage import Busy, Database, Full, Tx

MAX_BODY = 1024 * 1024
"""Bytes of a request body."""

MAX_DEPTH = 64
"""Levels of a request body. Readers of JSON give up at some depth, our own client at about 200."""

logger = logging.getLogger(__name__)


class TooLarge(ThenvoiError):
    """Send less."""

    status, code, default = 413, "payload_too_large", f"The body is larger than {MAX_BODY} bytes"


class MethodNotAllowed(ThenvoiError):
    """Use another method."""

    status, code, default = 405, "method_not_allowed", "This path does not take that method"


class Rest:
    """Everything a request needs to be answered."""

    def __init__(
        self, db: Database, bell: Bell, keys: Keys, handlers: Mapping[type[Call[Any]], Handler]
    ) -> None:
        self._db, self._bell, self._keys, self._handlers = db, bell, keys, handlers

    def routes(self) -> list[Route]:
        """One Starlette route per call. Raises `LookupError` naming calls that nobody handles."""
        if missing := [kind.__name__ for kind in CALLS if kind not in self._handlers]:
            raise LookupError(f"calls without a handler: {', '.join(missing)}")
        return [
            Route(kind.route.template, partial(self._answer, kind), methods=[kind.route.method])
            for kind in CALLS
        ]

    async def _answer(self, kind: type[Call[Any]], request: Request) -> Response:
        body = await _body(request)
        work = partial(self._work, kind, request, body)
        if kind.route.method == "GET":
            answer, _ = await self._db.read(work)
        else:
            answer, topics = await self._db.write(work)
            self._bell.ring(topics)
        return _rendered(kind, answer)

    def _work(self, kind: type[Call[Any]], request: Request, body: bytes, tx: Tx) -> tuple[object, list[str]]:
        """Runs inside the transaction, so that what the caller may do and does is one moment."""
        side = kind.route.side
        me = None if side == "system" else self._keys.caller(tx, request.headers, side)
        call = kind.from_wire(request.path_params, dict(request.query_params), _parsed(body))
        change = Change(tx, clock.now())
        answer = self._handlers[kind](call, me, change)
        return answer, change.log()


def error_handlers() -> dict[Any, Callable[[Request, Exception], Response]]:
    """What Starlette is to do with every exception: always the envelope, never a traceback."""
    return {ThenvoiError: _refused, HTTPException: _no_route, Busy: _busy, Full: _busy, Exception: _bug}


async def _body(request: Request) -> bytes:
    if int(request.headers.get("content-length", "0") or 0) > MAX_BODY:
        raise TooLarge()
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise TooLarge()
        parts.append(part)
    return b"".join(parts)


def _parsed(body: bytes) -> dict[str, Any] | None:
    if not body.strip():
        return None
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError as exc:
        raise BadRequest("The body is not JSON") from exc
    if not _is_readable(parsed, MAX_DEPTH):
        raise BadRequest("The body is nested too deeply, or has a number too large to keep")
    if not isinstance(parsed, dict):
        raise BadRequest("The body is not a JSON object")
    return parsed


def _is_readable(value: object, depth: int) -> bool:
    """Whether everybody who gets to see the value can read it: at most `depth` levels, no number infinite."""
    match value:
        case dict():
            return depth > 0 and all(_is_readable(inner, depth - 1) for inner in value.values())
        case list():
            return depth > 0 and all(_is_readable(inner, depth - 1) for inner in value)
        case float():
            return math.isfinite(value)
    return True


def _rendered(kind: type[Call[Any]], answer: object) -> Response:
    if answer is None:
        return Response(status_code=204)
    return Response(kind.write_answer(answer), kind.route.status, media_type="application/json")


def _refused(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, ThenvoiError)
    headers = {"Retry-After": str(round(exc.retry_after))} if isinstance(exc, RateLimited) else None
    return JSONResponse(error_envelope(exc, secrets.token_hex(8)), exc.status, headers)


def _no_route(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return _refused(request, MethodNotAllowed() if exc.status_code == 405 else NotFound("No such path"))


def _busy(request: Request, exc: Exception) -> Response:
    logger.warning("storage: %s", exc)
    return _refused(request, Unavailable())


def _bug(_: Request, exc: Exception) -> Response:
    error, request_id = ThenvoiError(), secrets.token_hex(8)
    logger.error("request %s failed", request_id, exc_info=exc)
    return JSONResponse(error_envelope(error, request_id), error.status)
