"""Puts a platform on a port and keeps it there until it is told to stop, or has been idle long enough."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from thenvoi_bridge.connections import allow_many_files, cut_off_who_reads_nothing
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.platform.app import opened, running
from thenvoi_bridge.platform.ending import Server
from thenvoi_bridge.platform.request import Request
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.platform.socket import MAX_FRAME
from thenvoi_bridge.platform.upgrade import Upgrade
from thenvoi_bridge.ports import address
from thenvoi_bridge.settings import Platform

READING = 30.0
"""Seconds for which a client may take nothing of what is sent to it."""

SPARE = 1024
"""Bytes of a head that are neither address nor headers, with some to spare."""

logger = logging.getLogger(__name__)


Around = Callable[[ASGIApp], ASGIApp]
"""Puts something between uvicorn and the app."""


def publish(path: Path, url: str) -> None:
    """Write the base URL where others look for it, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.write_text(url)
    draft.replace(path)


class Watched:
    """The app, with an eye on when it was last used."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = 0
        self._last = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since the last use; 0 while a request or a socket is open."""
        return 0.0 if self._open else time.monotonic() - self._last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1
            self._last = time.monotonic()


@dataclass(frozen=True, slots=True)
class Served:
    """A platform that answers requests. `ended` is set when it stopped by itself or by a signal."""

    url: str
    app: Watched
    ended: anyio.Event


@asynccontextmanager
async def served(
    folder: Path,
    listener: socket.socket,
    settings: Platform | None = None,
    *,
    around: Around | None = None,
    meter: Meter = UNMETERED,
) -> AsyncGenerator[Served]:
    """Serve the platform whose data is in `folder` for as long as this is entered.

    Leaving closes its sockets with 1012, which clients take as "come back". Raises `StorageError` and
    `BadSetting`.
    """
    settings = settings or Platform()
    async with AsyncExitStack() as stack:
        db, keys = await stack.enter_async_context(opened(folder, settings.database, settings.pepper))
        site = Site(keys, settings)
        app = await stack.enter_async_context(running(db, site, meter))
        watched, ended = Watched(around(app) if around else app), anyio.Event()
        server = Server(_config(watched, settings), site)
        cut_off_who_reads_nothing(listener, READING)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run, server, listener, ended)
            while not server.started and not ended.is_set():  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.01)
            try:
                yield Served(address(listener), watched, ended)
            finally:
                server.should_exit = True


async def serve(
    folder: Path,
    listener: socket.socket,
    settings: Platform | None = None,
    *,
    ready: Callable[[str], None],
    idle_exit: float | None = None,
    meter: Meter = UNMETERED,
) -> None:
    """Serve until SIGINT or SIGTERM, or until nobody has used the platform for `idle_exit` seconds.

    `ready` is called with the base URL once requests are answered.
    """
    allow_many_files()
    async with (
        served(folder, listener, settings, meter=meter) as platform,
        anyio.create_task_group() as tasks,
    ):
        ready(platform.url)
        if idle_exit is not None:
            tasks.start_soon(_end_when_idle, platform, idle_exit)
        await platform.ended.wait()
        tasks.cancel_scope.cancel()


def _config(app: ASGIApp, settings: Platform) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=Request,
        h11_max_incomplete_event_size=_most_of_a_head(settings),
        ws=cast(type[asyncio.Protocol], partial(Upgrade, frames=settings.frames)),
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        log_level="warning",  # below that its lines hold the query, and so the keys of sockets
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )


def _most_of_a_head(settings: Platform) -> int:
    limits = settings.max_url, settings.max_headers
    return sum(limits) + SPARE if all(limits) else sys.maxsize


async def _run(server: uvicorn.Server, listener: socket.socket, ended: anyio.Event) -> None:
    await server.serve(sockets=[listener])
    ended.set()


async def _end_when_idle(platform: Served, limit: float) -> None:
    while (idle := platform.app.idle) < limit:  # noqa: ASYNC110 - idleness is the absence of events
        await anyio.sleep(limit - idle)
    logger.info("nobody has used this platform for %.0f seconds; ending", limit)
    platform.ended.set()
