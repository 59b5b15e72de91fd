"""Where the platforms of the tests have their databases: in their folders, or on a server of Postgres.

`tests/system/test_on_postgres.py` switches that, for all tests of the platform.
"""

from __future__ import annotations

import os
import socket
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw

from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.platform import app, serving
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.serving import Around, Served
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Database

SWITCH = "TESTS_ON_POSTGRES"
"""The variable with the URL of the server that is used instead of files, if any."""


def database_of(folder: Path) -> str | None:
    """The address of the database of the platform whose data is in a folder, if that is no file there."""
    if SWITCH not in os.environ:
        return None
    from tests.postgres import fresh

    return fresh(os.environ[SWITCH], f"of_{sha256(str(folder).encode()).hexdigest()[:40]}")


def environ_of(folder: Path) -> dict[str, str]:
    """What a command that works on a folder has to be told besides."""
    database = database_of(folder)
    return {"THENVOI_PLATFORM_DATABASE": database} if database else {}


def opened(folder: Path) -> AbstractAsyncContextManager[tuple[Database, Keys]]:
    """As `platform.app.opened`."""
    return app.opened(folder, database_of(folder))


def settings_of(folder: Path, settings: Platform | None = None) -> Platform:
    """The settings of a platform, with its database."""
    return replace(settings or Platform(), database=database_of(folder))


def served(
    folder: Path,
    listener: socket.socket,
    settings: Platform | None = None,
    *,
    around: Around | None = None,
    meter: Meter = UNMETERED,
) -> AbstractAsyncContextManager[Served]:
    """As `platform.serving.served`."""
    return serving.served(folder, listener, settings_of(folder, settings), around=around, meter=meter)


def contents(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a platform keeps, by table."""
    if database := database_of(folder):
        return _contents_of_postgres(database)
    file = apsw.Connection(str(folder / "platform.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: list(file.execute(f'SELECT * FROM "{name}" ORDER BY rowid')) for name in tables}
    finally:
        file.close()


def stored(folder: Path) -> bytes:
    """The same as it lies on disk, as far as one can look there: of a file the journal, too."""
    if SWITCH in os.environ:
        return repr(contents(folder)).encode()
    return b"".join(file.read_bytes() for file in folder.glob("platform.db*"))


def _contents_of_postgres(database: str) -> dict[str, list[tuple[Any, ...]]]:
    from psycopg import connect

    with connect(database) as db:
        tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
        # Turns count every transaction, also one that does nothing; nodes say every second that they live.
        names = [name for (name,) in tables if name not in ("turns", "nodes", "connections")]
        return {
            name: db.execute(f'SELECT * FROM "{name}" t ORDER BY t::text'.encode()).fetchall()
            for name in names
        }
