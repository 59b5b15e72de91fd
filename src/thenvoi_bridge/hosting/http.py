"""The bridge over HTTP, for whoever brings a Thenvoi key: Streamable HTTP at `/mcp`, on request the old SSE.

Needs a proxy in front that speaks TLS, if it is to be reached from elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from thenvoi_bridge.connections import Connection, allow_many_files, cut_off_who_reads_nothing
from thenvoi_bridge.contract.errors import RateLimited, ThenvoiError, Unauthorized, Unavailable
from thenvoi_bridge.hosting.allowing import allowed
from thenvoi_bridge.hosting.choosing import check_choice_for
from thenvoi_bridge.hosting.exchange import WRITING, Exchange, refusal
from thenvoi_bridge.hosting.gauging import gauged
from thenvoi_bridge.hosting.guard import HEADERS, Guard, is_origin
from thenvoi_bridge.hosting.inboxes import places
from thenvoi_bridge.hosting.tenant import MESSAGES, Tenant
from thenvoi_bridge.hosting.tenants import ENDING, Tenants, retry_after
from thenvoi_bridge.hosting.verifying import Keys, Remembered
from thenvoi_bridge.inbox.places import Places
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.ports import address, is_loopback
from thenvoi_bridge.settings import BadSetting, Settings

DRAIN = 10.0
"""Seconds that requests may take to come to their end when the server is told to stop."""

CONNECTIONS = 1000
"""Connections and requests at a time; 503 is the answer to more."""

OVER_STDIO_ONLY = ("local", "name", "feed", "channel", "approvers")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hosting:
    """How the bridge is to be hosted. `hosts` are names it answers to besides this computer's own.

    `stateless`: it is one of several replicas, and any of them may get the next request of a host.
    """

    settings: Settings
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    sse: bool = False
    stateless: bool = False
    meter: Meter = UNMETERED

    @property
    def is_stateless(self) -> bool:
        """Whether the next request of a host may reach another process; a shared database is for that."""
        return self.stateless or self.settings.database is not None

    def check(self, host: str) -> None:
        """Raise `BadSetting` for what cannot be, or would not be safe, on this address."""
        for name in OVER_STDIO_ONLY:
            if getattr(self.settings, name):
                raise BadSetting(f"{_flag(name)} works over stdio only, where a bridge has one host")
        if self.is_stateless and self.sse:
            raise BadSetting("--sse needs sessions, and replicas (--stateless, --database) have none")
        if self.is_stateless and self.settings.confirm_elsewhere:
            raise BadSetting(
                "--confirm-elsewhere needs one server that knows what was shown to whom: "
                "it cannot be had with replicas (--stateless, --database)"
            )
        if not is_loopback(host) and not self.hosts:
            raise BadSetting(
                f"--host {host} is reached from elsewhere: say by which name, with --allowed-host, "
                "so that web pages under other names are refused"
            )
        if not all(map(is_origin, self.origins)):
            raise BadSetting("--allowed-origin must be like https://app.example.com")
        allowed(self.settings)
        check_choice_for(("agent", "human"), self.settings)


class Site:
    """What is served. Once `is_ending`, nothing new is begun."""

    def __init__(self, hosting: Hosting, tenants: Tenants) -> None:
        self._tenants, self.is_ending = tenants, False
        routes = [
            Route("/healthz", self._health),
            Route("/readyz", self._readiness),
            # Without sessions there is no stream to open and nothing to end.
            Route("/mcp", _Door(self, _streamable), methods=["POST"] if hosting.is_stateless else None),
        ]
        if hosting.sse:
            logger.warning("the SSE transport is deprecated by MCP since 2025-03-26: have clients use /mcp")
            routes.append(Route("/sse", _Door(self, lambda tenant: tenant.talk), methods=["GET"]))
            routes.append(Route(MESSAGES, _Door(self, lambda tenant: tenant.sse.handle_post_message)))
        self.routes = routes
        self.app = Guard(Starlette(routes=routes), hosting.hosts, hosting.origins)

    async def answer(self, exchange: Exchange, app: Callable[[Tenant], ASGIApp]) -> None:
        """Have a request answered by its principal's tenant. Raises `ThenvoiError`."""
        if self.is_ending:
            raise Unavailable(ENDING)
        await self._tenants.answer(_credential(Headers(scope=exchange.scope)), exchange, app)

    async def end(self, seconds: float = DRAIN) -> None:
        """Begin nothing new, and bring to its end what is underway."""
        self.is_ending = True
        await self._tenants.drain(seconds)

    async def _health(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def _readiness(self, _: Request) -> Response:
        return PlainTextResponse(*(("ending", 503) if self.is_ending else ("ready", 200)))


def _streamable(tenant: Tenant) -> ASGIApp:
    return tenant.stream


class _Door:
    """A route that takes a key."""

    def __init__(self, site: Site, app: Callable[[Tenant], ASGIApp]) -> None:
        self._site, self._app = site, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._site.answer(Exchange(scope, receive, send), self._app)
        except ThenvoiError as exc:
            await _refused(exc)(scope, receive, send)


def _refused(problem: ThenvoiError) -> JSONResponse:
    if isinstance(problem, Unauthorized):
        challenge = {"WWW-Authenticate": 'Bearer realm="thenvoi"'}
        return refusal(401, "Bring a valid Thenvoi key, as Authorization: Bearer or X-API-Key", challenge)
    status = 429 if isinstance(problem, RateLimited) else 503
    return refusal(status, problem.ours, {"Retry-After": str(retry_after(problem))})


def _credential(headers: Headers) -> str:
    """The one key that came with a request. Raises `Unauthorized` if there is none, or are several."""
    schemes = [value.partition(" ") for value in headers.getlist("authorization")]
    keys = {key.strip() for scheme, _, key in schemes if scheme.casefold() == "bearer"}
    keys |= {key.strip() for key in headers.getlist("x-api-key")}
    if len(keys) != 1 or not (key := keys.pop()):
        raise Unauthorized
    return key


@dataclass(frozen=True, slots=True)
class Hosted:
    """A bridge that answers requests. `asked` is set when a signal wants it to end."""

    url: str
    site: Site
    asked: anyio.Event


@asynccontextmanager
async def hosted(hosting: Hosting, listener: socket.socket) -> AsyncGenerator[Hosted]:
    """Serve for as long as this is entered. Leaving lets what is underway come to its end."""
    with listener:
        async with places(hosting.settings) as kept, _served(hosting, listener, kept) as bridge:
            yield bridge


@asynccontextmanager
async def _served(hosting: Hosting, listener: socket.socket, kept: Places) -> AsyncGenerator[Hosted]:
    meter = hosting.meter
    verifier = Remembered(Keys(hosting.settings.base_url.rstrip("/"), meter))
    tenants = Tenants(hosting.settings, verifier, kept, stateless=hosting.is_stateless, meter=meter)
    site, asked = Site(hosting, tenants), anyio.Event()
    server = _Server(site.app, asked.set)
    cut_off_who_reads_nothing(listener, WRITING)
    with meter.sampling(partial(gauged, tenants)):
        async with tenants.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.01)
            try:
                yield Hosted(address(listener), site, asked)
            finally:
                with anyio.CancelScope(shield=True):
                    await site.end()
                server.should_exit = True


async def serve(hosting: Hosting, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called with the base URL once requests are answered."""
    allow_many_files()
    async with hosted(hosting, listener) as bridge:
        ready(bridge.url)
        await bridge.asked.wait()
        logger.info("ending: a signal")


class _Server(uvicorn.Server):
    """Does not stop at a signal, but has it told; at a second one it stops at once."""

    def __init__(self, app: ASGIApp, told: Callable[[], None]) -> None:
        super().__init__(_config(app))
        self._told, self._loop = told, asyncio.get_running_loop()
        self._signals = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn's handler of signals."""
        self._signals += 1
        self._loop.call_soon_threadsafe(self._told)
        if self._signals > 1:
            self.should_exit = self.force_exit = True


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=Connection,
        ws="none",
        h11_max_incomplete_event_size=HEADERS,  # and the guard looks at those that came whole
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=30,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=2,
    )


def _flag(name: str) -> str:
    return "--as" if name == "name" else f"--{name}"
