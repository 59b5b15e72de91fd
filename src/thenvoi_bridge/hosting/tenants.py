"""Everybody for whom the bridge is hosted: one session and one MCP server for each, while it is in use.

Nothing is shared between two of them. That a session of the protocol belongs to whoever opened it follows
from that: each server knows its own, and another one's is unknown to it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.endpoint import Endpoint
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.errors import RateLimited, ThenvoiError, Unauthorized, Unavailable
from thenvoi_bridge.hosting.allowing import allowed
from thenvoi_bridge.hosting.choosing import choice
from thenvoi_bridge.hosting.exchange import Exchange
from thenvoi_bridge.hosting.oversight import Oversight
from thenvoi_bridge.hosting.patiences import Patiences
from thenvoi_bridge.hosting.verifying import Principal, Verifier
from thenvoi_bridge.inbox.places import Places
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.settings import Settings

IDLE = 1800.0
"""Seconds without a request after which somebody's session ends; what comes in meanwhile is kept for it."""

TENANTS = 100
"""Sessions with the platform at a time, one for each principal."""

SESSIONS = 32
"""Sessions of the protocol that a principal may have open."""

EXCHANGES = 64
"""Requests of one principal that may be answered at a time, streams among them."""

BODY = 1024 * 1024
"""Bytes of a request's body."""

LOOK = 10.0
"""Seconds between two looks whether a key is still good while its request is being answered."""

TICK = 0.2
"""Seconds between two looks whether everything has been answered."""

MESSAGES = "/messages/"
"""Where clients of the old transport send what they have to say."""

ENDING = "The server is about to end"
ENDED = "The session has ended"

logger = logging.getLogger(__name__)


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
        agent, person = (key, None) if principal.side == "agent" else (None, key)
        endpoint = Endpoint(settings.base_url.rstrip("/"), settings.ws_url, agent, person)

        async def locate(_: str) -> Endpoint:
            return endpoint

        self.session = Session(
            locate,
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
            watch=Oversight(str(principal)),
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


class Tenants:
    """All of them, by principal. `running` gives them a place to live. `stateless` as `Tenant` has it."""

    def __init__(
        self,
        settings: Settings,
        verifier: Verifier,
        places: Places,
        *,
        stateless: bool = False,
        meter: Meter = UNMETERED,
    ) -> None:
        self._settings, self._verifier, self._places = settings, verifier, places
        self._stateless, self._meter = stateless, meter
        self._all: dict[Principal, Tenant] = {}
        self._tasks: TaskGroup

    def __iter__(self) -> Iterator[Tenant]:
        return iter([*self._all.values()])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Let there be tenants until the end of the block."""
        async with anyio.create_task_group() as self._tasks:
            yield

    async def answer(self, credential: str, exchange: Exchange, app: Callable[[Tenant], ASGIApp]) -> None:
        """Have whoever this is answered, for as long as its credential is good.

        Raises `Unauthorized`, `RateLimited`, or another `ThenvoiError` if it cannot be served now.
        """
        tenant = await self._of(credential)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cut_when_revoked, credential, exchange)
            refused = await _caught(tenant, exchange, app(tenant))
            tasks.cancel_scope.cancel()
        if refused:
            raise refused

    async def drain(self, seconds: float) -> None:
        """Have waits answered, give the rest so long to come to its end, close streams, and end."""
        for tenant in self._all.values():
            tenant.session.end_waits()
        with anyio.move_on_after(seconds):
            await anyio.sleep(TICK)  # over the old transport an answer comes on a stream, and is not seen
            while any(tenant.is_answering for tenant in self._all.values()):  # noqa: ASYNC110 - bounded
                await anyio.sleep(TICK)
        for tenant in list(self._all.values()):
            self._end(tenant, ENDING)

    async def _of(self, credential: str) -> Tenant:
        principal = await self._verified(credential)
        if (there := self._all.get(principal)) and there.key != credential:
            await self._check(there.key)  # of two keys the one that the session uses may have been revoked
        there = self._all.get(principal)
        return self._begin(principal, credential) if there is None or there.has_ended else there

    async def _check(self, key: str) -> None:
        try:
            await self._verified(key)
        except ThenvoiError:
            logger.debug("the key of a session is no longer good, or cannot be checked")

    async def _verified(self, credential: str) -> Principal:
        """Whose it is. If it is nobody's now, a session that uses it ends."""
        try:
            return await self._verifier.verify(credential)
        except Unauthorized:
            for tenant in [one for one in self._all.values() if one.key == credential]:
                self._end(tenant, ENDED)
            raise

    async def _cut_when_revoked(self, credential: str, exchange: Exchange) -> None:
        while True:
            await anyio.sleep(LOOK)
            try:
                await self._verified(credential)
            except Unauthorized:
                exchange.cut(401, "The key is no longer valid")
            except ThenvoiError as exc:
                logger.info("a key could not be checked again (%s)", exc.code)

    def _begin(self, principal: Principal, key: str) -> Tenant:
        """A new one, if need be in the place of an idle one. Raises `Unavailable` if none is idle."""
        if len(self._all) >= TENANTS:
            longest = max(self._all.values(), key=lambda tenant: tenant.idle)
            if not longest.idle:
                raise Unavailable("Too many others use this server now")
            self._end(longest, ENDED)
        tenant = Tenant(
            principal, key, self._settings, self._places, stateless=self._stateless, meter=self._meter
        )
        self._all[principal] = tenant
        self._tasks.start_soon(self._live, tenant)
        logger.info("%s: beginning", principal)
        return tenant

    async def _live(self, tenant: Tenant) -> None:
        try:
            await tenant.run()
        except Exception:
            logger.exception("%s: broke down", tenant.principal)
        finally:
            self._end(tenant, ENDED)
        logger.info("%s: ended", tenant.principal)

    def _end(self, tenant: Tenant, why: str) -> None:
        if self._all.get(tenant.principal) is tenant:
            del self._all[tenant.principal]
        tenant.end(why)


async def _caught(tenant: Tenant, exchange: Exchange, app: ASGIApp) -> ThenvoiError | None:
    """A refusal as a value: out of a task group it would come in a group of its own."""
    try:
        await tenant.answer(exchange, app)
    except ThenvoiError as exc:
        return exc
    return None


def retry_after(problem: ThenvoiError) -> int:
    """Seconds after which whoever was refused may come again."""
    return math.ceil(problem.retry_after) if isinstance(problem, RateLimited) else 5
