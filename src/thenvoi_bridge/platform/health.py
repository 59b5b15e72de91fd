"""Whether the platform serves, for whoever restarts it or sends it requests. Says nothing of anybody."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, StorageError

PATIENCE = 2.0
"""Seconds in which a database that works has answered."""


class Health:
    """`/healthz` and `/readyz`, which need no key and are not of the API."""

    def __init__(self, db: Database, site: Site) -> None:
        self._db, self._site = db, site

    def routes(self) -> Iterator[Route]:
        """One Starlette route per path."""
        yield Route("/healthz", self._alive)
        yield Route("/readyz", self._ready)

    async def _alive(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def _ready(self, _: Request) -> Response:
        if self._site.ending.is_set():
            return PlainTextResponse("ending", 503)
        ready = await self._database_answers()
        return PlainTextResponse("ready") if ready else PlainTextResponse("no database", 503)

    async def _database_answers(self) -> bool:
        with anyio.move_on_after(PATIENCE):
            try:
                return await self._db.read(lambda tx: tx.one("SELECT 1 AS one") is not None)
            except StorageError:
                return False
        return False
