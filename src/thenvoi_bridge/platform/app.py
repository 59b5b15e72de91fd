"""The composition root: a folder becomes a database, a bell, a hub and handlers, and those an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.platform import agents
from thenvoi_bridge.platform.auth import Keys
from thenvoi_bridge.platform.handlers import HANDLERS, Handler
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.log import Bell
from thenvoi_bridge.platform.rest import Rest, error_handlers
from thenvoi_bridge.platform.socket import Gate
from thenvoi_bridge.storage import Database, StorageError
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

SOCKET_PATHS = ("/api/v1/socket/websocket", "/api/v1/socket/websocket/")
"""Where the socket is; both spellings are in use."""

for _group in {kind.group() for kind in CALLS}:
    import_module(f"thenvoi_bridge.platform.{_group}")  # their handlers register themselves


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[tuple[Database, Keys]]:
    """The state of a platform, brought up to date: its database and its keys. Raises `StorageError`."""
    try:
        await anyio.Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = Keys.kept_in(folder)
    except OSError as exc:
        raise StorageError(f"{folder}: {exc.strerror}") from exc
    db = await open_sqlite(folder / "platform.db")
    try:
        await migrate(db, "thenvoi_bridge.platform.migrations")
        yield db, keys
    finally:
        await db.close()


@asynccontextmanager
async def running(db: Database, keys: Keys) -> AsyncGenerator[Starlette]:
    """The ASGI app over an open platform, with its hub at work for as long as this is entered."""
    bell = Bell()
    hub = Hub(db, bell)
    handlers: dict[type[Call[Any]], Handler] = {**HANDLERS, RegisterMyAgent: partial(agents.register, keys)}
    gate = Gate(db, keys, hub)
    sockets = [WebSocketRoute(path, gate.serve) for path in SOCKET_PATHS]
    app = Starlette(
        routes=[*Rest(db, bell, keys, handlers).routes(), *sockets], exception_handlers=error_handlers()
    )
    app.router.redirect_slashes = False
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        yield app
        tasks.cancel_scope.cancel()
