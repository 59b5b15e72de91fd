"""One principal for whom the bridge is hosted: its session with the platform, and its MCP server."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.endpoint import Endpoint, Locate
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.errors import RateLimited, Unavailable
from thenvoi_bridge.hosting.allowing import allowed
from thenvoi_bridge.hosting.choosing import choice
from thenvoi_bridge.hosting.exchange import Exchange
from thenvoi_bridge.hosting.oversight import Oversight
from thenvoi_bridge.hosting.patiences import Patiences
from thenvoi_bridge.hosting.verifying import Principal
from thenvoi_bridge.inbox.places import Places
from thenvoi_bridge.metering import Meter
from thenvoi_bridge.settings import Settings

IDLE = 1800.0
"""Seconds without a request after which somebody's session ends; what comes in meanwhile is kept for it."""

SESSIONS = 32
"""Sessions of the protocol that a principal may have open."""

EXCHANGES = 96
"""Requests of one principal that may be answered at a time: 64 calls, and the stream of each session."""

BODY = 1024 * 1024
"""Bytes of a request's body."""

MESSAGES = "/messages/"
"""Where clients of the old transport send what they have to say."""

ENDED = "The session has ended"


class Tenant:
    """One principal: its session with the platform, and its MCP server. `key` is what the session uses.

    `stateless`: the next request of a host may reach another process.
    """

    def __init__(
        self,
        principal: Principal,
        key: str,
        settings: Settings,
        places: Places,
        *,
        stateless: bool,
        meter: Meter,
    ) -> None:
        self.principal, self.key = principal, key
        self.session = Session(
            _way(principal, key, settings),
            settings.state_dir,
            allowed(settings),
            places=places,
            replicated=stateless,
            meter=meter,
        )
        self.server, self._changes = build(
            self.session,
            (principal.side,),
            local=False,
            choice=choice(settings).for_sides((principal.side,)),
            confirm=settings.confirm_elsewhere,
            watch=Oversight(str(principal), settings.max_changes),
            sessions=not stateless,
        )
        sdk.on_each_request(self.server, Patiences(settings.max_wait).around)
        self.streamable = StreamableHTTPSessionManager(
            self.server,
            stateless=stateless,
            session_idle_timeout=IDLE,
            max_request_body_size=BODY,
            max_sessions=SESSIONS,
        )
        self.sse = SseServerTransport(MESSAGES, max_request_body_size=BODY)
        self._exchanges: set[Exchange] = set()
        self._used = anyio.current_time()
        self._is_up, self._over = anyio.Event(), anyio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._underway > 0

    @property
    def is_answering(self) -> bool:
        """Whether there is one that ends by itself."""
        return any(not (exchange.is_over or exchange.is_stream) for exchange in self._exchanges)

    @property
    def has_ended(self) -> bool:
        """Whether it is over, or about to be."""
        return self._over.is_set()

    @property
    def idle(self) -> float:
        """Seconds since the last request; 0 while one is being answered."""
        return 0.0 if self.is_busy else anyio.current_time() - self._used

    async def answer(self, exchange: Exchange, app: ASGIApp) -> None:
        """Have a request answered. Raises `RateLimited` if there are too many, `Unavailable` at its end."""
        with self._noted(exchange):
            if not self._is_up.is_set():
                await self._is_up.wait()
            if self.has_ended:
                raise Unavailable(ENDED)
            await exchange.run(app)

    @property
    def _underway(self) -> int:
        return sum(not exchange.is_over for exchange in self._exchanges)

    @contextmanager
    def _noted(self, exchange: Exchange) -> Generator[None]:
        if self._underway >= EXCHANGES:
            raise RateLimited("Too many requests at a time")
        self._exchanges.add(exchange)
        self._used = anyio.current_time()
        try:
            yield
        finally:
            self._exchanges.discard(exchange)
            self._used = anyio.current_time()

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of Streamable HTTP. Raises `Unavailable` if too many sessions are in use."""
        if sdk.opens_a_session(Headers(scope=scope)) and not await sdk.make_room(self.streamable, SESSIONS):
            raise Unavailable("Too many sessions of yours are in use")
        await self.streamable.handle_request(scope, receive, send)

    async def talk(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the old transport."""
        async with self.sse.connect_sse(scope, receive, send) as (read, write):
            await sdk.serve(self.server, read, write)

    async def run(self) -> None:
        """Be there, until told to end or idle for long enough."""
        async with self.streamable.run(), anyio.create_task_group() as tasks:
            tasks.start_soon(self.session.run)
            tasks.start_soon(fan_out, self.session, [self._changes])
            self._is_up.set()
            while not self.has_ended and self.idle < IDLE:
                with anyio.move_on_after(IDLE - self.idle):
                    await self._over.wait()
            self._over.set()
            tasks.cancel_scope.cancel()

    def end(self, why: str) -> None:
        """Cut off what is being answered, and end."""
        for exchange in list(self._exchanges):
            exchange.cut(503, why)
        self._over.set()


def _way(principal: Principal, key: str, settings: Settings) -> Locate:
    """How a session finds the platform, which for all of them is the same, with the key of this principal."""
    agent, person = (key, None) if principal.side == "agent" else (None, key)
    endpoint = Endpoint(settings.base_url.rstrip("/"), settings.ws_url, agent, person)

    async def locate(_: str) -> Endpoint:
        return endpoint

    return locate
