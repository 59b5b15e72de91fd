"""The composition root: a folder becomes a database, a bell, a hub and handlers, and those an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from thenvoi_bridge.contract import CALLS
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.platform.accounting import Accounting
from thenvoi_bridge.platform.auth import Auth
from thenvoi_bridge.platform.bells import carriers
from thenvoi_bridge.platform.bounds import Bounded
from thenvoi_bridge.platform.console.routes import Console
from thenvoi_bridge.platform.gate import Gate, no_upgrade
from thenvoi_bridge.platform.gauging import Gauges
from thenvoi_bridge.platform.handlers import HANDLERS
from thenvoi_bridge.platform.health import Health
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Bell
from thenvoi_bridge.platform.nodes import Nodes
from thenvoi_bridge.platform.openapi.routes import ROUTES
from thenvoi_bridge.platform.rest import Rest, error_handlers
from thenvoi_bridge.platform.revocation import Revocation
from thenvoi_bridge.platform.shortcut import Shortcut
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.platform.tokens import Tokens
from thenvoi_bridge.platform.trimming import Trimming
from thenvoi_bridge.storage import Database, StorageError
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

SOCKET_PATHS = ("/api/v1/socket/websocket", "/api/v1/socket/websocket/")
"""Where the socket is; both spellings are in use."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods of plain HTTP that are answered there."""

MIGRATIONS = "thenvoi_bridge.platform.migrations"
"""Where the shape of the database is written down."""

for _group in {kind.group() for kind in CALLS}:
    import_module(f"thenvoi_bridge.platform.{_group}")  # their handlers register themselves


@asynccontextmanager
async def opened(
    folder: Path, database: str | None = None, pepper: str | None = None
) -> AsyncGenerator[tuple[Database, Keys]]:
    """The state of a platform, brought up to date: its database and its keys.

    The database is a file in the folder, or the Postgres at that address; the pepper is one, too, unless it
    is given. Raises `StorageError`, `OtherPepper` among them.
    """
    try:
        if not (database and pepper):
            await anyio.Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = Keys.told(pepper) if pepper else Keys.kept_in(folder)
    except OSError as exc:
        raise StorageError(f"{folder}: {exc.strerror}") from exc
    db = await open_database(folder, database)
    try:
        await migrate(db, MIGRATIONS)
        await db.write(keys.check)
        yield db, keys
    finally:
        await db.close()


async def open_database(folder: Path, address: str | None) -> Database:
    """A platform's database as it is: the file in its folder, or the Postgres at that address.

    Raises `StorageError`.
    """
    return await (_postgres(address) if address else open_sqlite(folder / "platform.db"))


@asynccontextmanager
async def running(db: Database, site: Site, meter: Meter = UNMETERED) -> AsyncGenerator[ASGIApp]:
    """The ASGI app over an open platform, with its hub at work for as long as this is entered.

    Raises `BadSetting` and `StorageError`.
    """
    bell = Bell()
    nodes = Nodes(db, bell, site.presence) if site.settings.database else None
    site = replace(site, presence=nodes or site.presence)
    hub = Hub(db, bell, alone=nodes is None, meter=meter)
    auth = Auth(site.keys, Tokens(site.settings))
    gate = Gate(db, auth, hub, site)
    sockets = [WebSocketRoute(path, gate.serve) for path in SOCKET_PATHS]
    plain = [Route(path, no_upgrade, methods=METHODS) for path in SOCKET_PATHS]
    calls = [*Rest(db, bell, auth, site, HANDLERS).routes()]
    besides = [*Health(db, site).routes(), *Console(db, auth, site).routes()]
    routes = [*calls, *sockets, *plain, *ROUTES, *besides]
    app = Starlette(routes=routes, exception_handlers=error_handlers())
    app.router.redirect_slashes = False
    ringing, gauges = carriers(site, bell), Gauges(db, site.presence, hub, meter)
    if nodes:
        await nodes.begin()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        tasks.start_soon(Revocation(db, site.presence).run)
        tasks.start_soon(Trimming(db, site).run)
        for one in (*ringing, *([nodes] if nodes else [])):
            tasks.start_soon(one.run)
        with meter.sampling(gauges.look):
            yield Accounting(Bounded(Shortcut(app, calls), site.settings), meter)
        tasks.cancel_scope.cancel()


async def _postgres(address: str) -> Database:
    try:
        from thenvoi_bridge.storage.postgres import open_postgres
    except ImportError as exc:
        raise StorageError("Postgres needs the extra `postgres`; install thenvoi-bridge[postgres]") from exc
    return await open_postgres(address)
