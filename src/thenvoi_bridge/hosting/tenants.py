"""Everybody for whom the bridge is hosted: one session and one MCP server for each, while it is in use.

Nothing is shared between two of them. That a session of the protocol belongs to whoever opened it follows
from that: each server knows its own, and another one's is unknown to it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NoReturn

import anyio
from anyio.abc import TaskGroup
from starlette.types import ASGIApp

from thenvoi_bridge.contract.errors import RateLimited, ThenvoiError, Unauthorized, Unavailable
from thenvoi_bridge.hosting.exchange import Exchange
from thenvoi_bridge.hosting.tenant import ENDED, Tenant
from thenvoi_bridge.hosting.verifying import Principal, Verifier
from thenvoi_bridge.inbox.places import Places
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.settings import Settings

TENANTS = 100
"""Sessions with the platform at a time, one for each principal."""

LOOK = 10.0
"""Seconds between two looks whether the keys are still good whose requests are being answered."""

TICK = 0.2
"""Seconds between two looks whether everything has been answered."""

ENDING = "The server is about to end"

logger = logging.getLogger(__name__)


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
        self._underway: dict[Exchange, str] = {}
        self._tasks: TaskGroup

    def __iter__(self) -> Iterator[Tenant]:
        return iter([*self._all.values()])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Let there be tenants until the end of the block."""
        async with anyio.create_task_group() as looking:
            looking.start_soon(self._look_at_keys)
            async with anyio.create_task_group() as self._tasks:
                yield
            looking.cancel_scope.cancel()

    async def answer(self, credential: str, exchange: Exchange, app: Callable[[Tenant], ASGIApp]) -> None:
        """Have whoever this is answered, for as long as its credential is good.

        Raises `Unauthorized`, `RateLimited`, or another `ThenvoiError` if it cannot be served now.
        """
        tenant = await self._of(credential)
        self._underway[exchange] = credential
        try:
            await tenant.answer(exchange, app(tenant))
        finally:
            del self._underway[exchange]

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

    async def _look_at_keys(self) -> NoReturn:
        while True:
            await anyio.sleep(LOOK)
            async with anyio.create_task_group() as tasks:
                for credential in {*self._underway.values()}:
                    tasks.start_soon(self._cut_if_revoked, credential)

    async def _cut_if_revoked(self, credential: str) -> None:
        try:
            await self._verified(credential)
        except Unauthorized:
            for exchange in [one for one, key in self._underway.items() if key == credential]:
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


def retry_after(problem: ThenvoiError) -> int:
    """Seconds after which whoever was refused may come again."""
    return math.ceil(problem.retry_after) if isinstance(problem, RateLimited) else 5
