"""The REST surface: one route per call, all alike.

Parse, recognise the caller, handle, log, answer; what a handler raises becomes the error envelope.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute
from starlette.types import Receive, Scope, Send

from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Json, Route
from thenvoi_bridge.contract.errors import (
    BadRequest,
    NotFound,
    RateLimited,
    ThenvoiError,
    Unauthorized,
    Unavailable,
    error_envelope,
)
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.accounting import Noted
from thenvoi_bridge.platform.auth import Auth, Claim
from thenvoi_bridge.platform.bodies import checked_query, parsed, whole
from thenvoi_bridge.platform.handlers import Handler
from thenvoi_bridge.platform.headers import IDEMPOTENCY_KEY, REPLAYED, attempt_of
from thenvoi_bridge.platform.idempotency import Reply, fingerprint, once
from thenvoi_bridge.platform.limits import Rates, check_plan
from thenvoi_bridge.platform.log import Bell, Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Busy, Database, Full, Lost, Tx

logger = logging.getLogger(__name__)

Taken = tuple[type[Call[Any]], Route]
"""A call, and the spelling of it that a request used."""

NOT_OFFERED = (
    "Agents that think on the platform are not offered here; "
    "register one that thinks elsewhere with POST /api/v1/me/agents/register"
)


class MethodNotAllowed(ThenvoiError):
    """Use another method."""

    status, code, default = 405, "method_not_allowed", "This path does not take that method"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as it can be read without knowing its call."""

    where: str
    headers: Headers
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    claim: Claim | None
    noted: Noted


class Rest:
    """Everything a request needs to be answered."""

    def __init__(
        self,
        db: Database,
        bell: Bell,
        auth: Auth,
        site: Site,
        handlers: Mapping[type[Call[Any]], Handler],
    ) -> None:
        self._db, self._bell, self._auth, self._site, self._handlers = db, bell, auth, site, handlers
        self._rates = Rates(site.settings.rate)
        self._names = {kind: kind.snake_name() for kind in CALLS}

    def routes(self) -> Iterator[HttpRoute]:
        """One Starlette route per path. Raises `LookupError` naming calls that nobody handles."""
        if missing := [kind.__name__ for kind in CALLS if kind not in self._handlers]:
            raise LookupError(f"calls without a handler: {', '.join(missing)}")
        by_path: defaultdict[str, dict[str, Taken]] = defaultdict(dict)
        for kind in CALLS:
            for route in kind.routes():
                by_path[route.template][route.method] = kind, route
        # Paths without a placeholder first: a 405 has the methods of the first path that fits.
        for path, methods in sorted(by_path.items(), key=lambda known: known[0].count("{")):
            yield HttpRoute(path, Answering(partial(self._answer, methods)), methods=list(methods))
        yield HttpRoute(
            "/api/v1/me/agents", Answering(_not_offered), methods=["POST"]
        )  # named by a seed, described by none

    async def _answer(self, methods: Mapping[str, Taken], request: Request) -> Response:
        kind, route = methods["GET" if request.method == "HEAD" else request.method]
        Noted.of(request.scope).call = self._names[kind]
        work = partial(self._work, kind, route, await self._asked(route, request))
        if route.method == "GET":
            reply, _ = await self._db.read(work)
        else:
            reply, topics = await self._db.write(work)
            self._bell.ring(topics)
        return _rendered(reply)

    async def _asked(self, route: Route, request: Request) -> Asked:
        body = await whole(request, self._site.settings.max_body) if route.has_body else b""
        claim = None if route.side == "open" else await self._auth.claim_of_request(request.headers)
        scope, path = request.scope, request.path_params
        query = dict(request.query_params) if scope["query_string"] else {}
        return Asked(scope["path"], request.headers, path, query, body, claim, Noted.of(scope))

    def _work(self, kind: type[Call[Any]], route: Route, asked: Asked, tx: Tx) -> tuple[Reply, list[str]]:
        """Runs inside the transaction, so that what the caller may do and does is one moment."""
        now = clock.now()
        me = self._caller(tx, kind, asked.claim, now) if asked.claim else None
        asked.noted.principal = me.id if me else None
        change = Change(tx, now, self._site, attempt_of(kind, route, asked.headers))
        key = IDEMPOTENCY_KEY.of(kind, route, asked.headers)
        call = self._call(kind, route, asked)

        def run() -> Reply:
            return _reply(kind, route, self._handlers[kind](call, me, change))

        if me is None or key is None:
            return run(), change.log()
        request = fingerprint(route.method, asked.where, change.if_attempt, asked.body)
        return once(change, me.id, key, request, run), change.log()

    def _call(self, kind: type[Call[Any]], route: Route, asked: Asked) -> Call[Any]:
        body = parsed(asked.body, self._site.settings.max_depth)
        if self._site.settings.lenient_bodies:
            body = _known(kind, route, body)
        return kind.from_wire(asked.path, checked_query(asked.query), body, route)

    def _caller(self, tx: Tx, kind: type[Call[Any]], claim: Claim, now: str) -> Principal:
        me = self._auth.caller(tx, claim, kind.route.side, now)
        self._rates.take(me.key_id or me.id)
        check_plan(self._site.settings, kind, me)
        return me


class Answering:
    """A path of the API as an ASGI app, which answers whatever happens."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
        except Exception as exc:
            handlers = error_handlers()
            response = next(handlers[kind] for kind in type(exc).__mro__ if kind in handlers)(request, exc)
        await response(scope, receive, send)


def error_handlers() -> dict[Any, Callable[[Request, Exception], Response]]:
    """What becomes of every exception, in Starlette, too: always the envelope, never a traceback."""
    return {
        ThenvoiError: _refused,
        HTTPException: _no_route,
        ClientDisconnect: _gone,
        Busy: _busy,
        Full: _busy,
        Lost: _busy,
        Exception: _bug,
    }


def _known(kind: type[Call[Any]], route: Route, body: Json | None) -> Json | None:
    """What a lenient platform reads of a body: the properties that the call knows."""
    inner = body.get(route.wrap) if body and route.wrap else body
    if not isinstance(inner, dict):
        return body
    known = {name: value for name, value in inner.items() if name in kind.model_fields}
    return {route.wrap: known} if route.wrap else known


async def _not_offered(_: Request) -> Response:
    raise NotFound(NOT_OFFERED)


def _reply(kind: type[Call[Any]], route: Route, answer: object) -> Reply:
    return Reply(204, b"") if answer is None else Reply(route.status, kind.write_answer(answer))


def _rendered(reply: Reply) -> Response:
    headers = {} if reply.replayed is None else {REPLAYED: str(reply.replayed).lower()}
    if not reply.body:
        return Response(status_code=reply.status, headers=headers)
    return Response(reply.body, reply.status, headers, media_type="application/json")


def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ThenvoiError)
    request_id = Noted.of(request.scope).request_id
    return JSONResponse(error_envelope(exc, request_id), exc.status, _advice(exc))


def _advice(error: ThenvoiError) -> dict[str, str] | None:
    """The headers that go with a refusal."""
    match error:
        case RateLimited(retry_after=seconds):
            return {"Retry-After": str(math.ceil(seconds))}
        case Unauthorized():
            return {"WWW-Authenticate": "Bearer"}  # RFC 9110, 15.5.2; there is no registered name for a key
    return None


def _no_route(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code != 405:
        return _refused(request, NotFound("No such path"))
    answer = _refused(request, MethodNotAllowed())
    answer.headers.update(exc.headers or {})  # Allow
    return answer


def _busy(request: Request, exc: Exception) -> Response:
    logger.warning("storage: %s", exc)
    Noted.of(request.scope).trouble = type(exc).__name__
    return _refused(request, Unavailable())


def _gone(request: Request, _: Exception) -> Response:
    """The client left in the middle of its body; nobody hears this."""
    return _refused(request, BadRequest())


def _bug(request: Request, exc: Exception) -> Response:
    error, request_id = ThenvoiError(), Noted.of(request.scope).request_id
    logger.error("request %s failed", request_id, exc_info=exc)
    return JSONResponse(error_envelope(error, request_id), error.status)
