"""Serves `/metrics` on a port of its own, beside whatever a process does: who reaches it may scrape."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from thenvoi_bridge.metering import UNMETERED, Meter, Metric

MISSING = "Metrics need the extra `metrics`: install thenvoi-bridge[metrics]"

CONNECTIONS = 32
"""Connections at a time; 503 is the answer to more."""

PATIENCE = 5.0
"""Seconds that the looking up of gauges may take."""

FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Scraping:
    """Where to scrape, and what counts. `guard` lets pass what was meant for this server."""

    listener: socket.socket
    meter: Meter
    guard: Callable[[ASGIApp], ASGIApp]
    route: Route

    @classmethod
    def of(
        cls, listener: socket.socket, table: Iterable[Metric], guard: Callable[[ASGIApp], ASGIApp]
    ) -> Scraping:
        """Of these metrics; without the extra nothing is counted, and whoever scrapes is told so."""
        try:
            from thenvoi_bridge.metering.prometheus import Prometheus
        except ImportError:
            return cls(listener, UNMETERED, guard, Route("/metrics", _missing))
        meter = Prometheus(table)

        async def metrics(_: Request) -> Response:
            with anyio.move_on_after(PATIENCE):
                return Response(await meter.exposition(), media_type=FORMAT)
            return PlainTextResponse("The metrics could not be looked up in time", 503)

        return cls(listener, meter, guard, Route("/metrics", metrics))

    async def beside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Serve for as long as the work takes."""
        server = _Server(_config(self.guard(Starlette(routes=[self.route]))))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [self.listener])
            try:
                await work()
            finally:
                server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to the server that it stands beside."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def _missing(_: Request) -> Response:
    return PlainTextResponse(MISSING, 501)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        limit_concurrency=CONNECTIONS,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
