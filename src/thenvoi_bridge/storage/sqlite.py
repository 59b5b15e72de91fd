"""SQLite behind the seam."""

import asyncio
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import apsw

from thenvoi_bridge.storage import Database, ReadOnly, StorageError
from thenvoi_bridge.storage.lanes import Lanes
from thenvoi_bridge.storage.sqlite_tx import SqliteTx, translated

READERS = 2
GROUP = 128  # transactions in one commit


async def open_sqlite(
    path: Path | None, *, synchronous: Literal["NORMAL", "FULL"] = "FULL", patience: float = 10.0
) -> Database:
    """Open the database in `path`. A new one is for its owner's eyes only; its folder must exist.

    With no path it is a temporary one, gone after `close`. FULL keeps every commit through a power failure,
    NORMAL may lose the last of them then; neither loses one when only the process dies. A write waits
    `patience` seconds for another process before it raises `Busy`. Raises `StorageError`.
    """
    flush: str = synchronous
    with ExitStack() as belongings:
        if path is None:
            # SQLite's own memory databases know no snapshots, and readers would wait for the writer.
            scratch = TemporaryDirectory(prefix="thenvoi-", ignore_cleanup_errors=True)
            path, flush = Path(belongings.enter_context(scratch), "db"), "OFF"
        connections = await asyncio.to_thread(_connect_all, path, flush, patience)
        return Lanes([SqliteTx(each) for each in connections], GROUP, belongings.pop_all())


def _connect_all(path: Path, flush: str, patience: float) -> list[apsw.Connection]:
    """Open the writer's connection, then the readers'."""
    with ExitStack() as opened:
        try:
            _create(path)
            connections = [_connect(path, patience, opened) for _ in range(1 + READERS)]
            _prepare_writer(connections[0], flush)
            for reader in connections[1:]:
                reader.pragma("query_only", "ON")
        except apsw.Error as error:
            raise translated(error, where=f"{path}: ") from error
        opened.pop_all()
        return connections


def _create(path: Path) -> None:
    try:
        with suppress(FileExistsError):
            # Never an existing file: closing it would drop the locks SQLite has on it in this process.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def _connect(path: Path, patience: float, opened: ExitStack) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    opened.callback(connection.close)
    connection.set_busy_timeout(round(patience * 1000))
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)  # as in Postgres, "x" is a name and never text
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    # Else a statement is planned anew for each value that might tell of a better way: half of what it costs.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.pragma("foreign_keys", "ON")
    connection.pragma("temp_store", "MEMORY")
    return connection


def _prepare_writer(connection: apsw.Connection, flush: str) -> None:
    if connection.readonly("main"):
        raise ReadOnly(f"{connection.filename}: the file may not be written")
    if connection.pragma("journal_mode", "WAL") != "wal":
        raise StorageError(f"{connection.filename}: no write-ahead log on this disk, perhaps a network share")
    connection.pragma("synchronous", flush)
