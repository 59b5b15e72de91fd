"""SQLite behind the seam: one thread that writes, two that read beside it, each with its own connection."""

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import apsw

from thenvoi_bridge.storage import Database, ReadOnly, StorageError, T, Tx
from thenvoi_bridge.storage.sqlite_lane import Lane
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
        writing, *reading = await asyncio.to_thread(_connect_all, path, flush, patience)
        writer, readers = Lane(most=GROUP), Lane(most=1)
        writer.start(writing)
        for connection in reading:
            readers.start(connection)
        return Sqlite(writer, readers, belongings.pop_all())


class Sqlite:
    """A `Database` in one file."""

    def __init__(self, writer: Lane, readers: Lane, belongings: ExitStack) -> None:
        self._writer = writer
        self._readers = readers
        self._belongings = belongings

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction."""
        return await self._writer.ask(work, grouped=True)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a snapshot."""
        return await self._readers.ask(lambda tx: _snapshot(tx, work))

    async def version(self) -> int:
        """Return a number that other processes' commits change."""
        # The writer's connection is asked, for its own commits do not count.
        return await self._writer.ask(lambda tx: int(tx.all("PRAGMA data_version")[0]["data_version"]))

    async def close(self) -> None:
        """Finish what waits, then close the file."""
        self._writer.close()
        self._readers.close()
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        self._writer.join()
        self._readers.join()
        self._belongings.close()


def _snapshot(tx: SqliteTx, work: Callable[[Tx], T]) -> T:
    tx.run("BEGIN")
    try:
        return work(tx)
    finally:
        tx.roll_back()


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
    connection.pragma("foreign_keys", "ON")
    connection.pragma("temp_store", "MEMORY")
    return connection


def _prepare_writer(connection: apsw.Connection, flush: str) -> None:
    if connection.readonly("main"):
        raise ReadOnly(f"{connection.filename}: the file may not be written")
    if connection.pragma("journal_mode", "WAL") != "wal":
        raise StorageError(f"{connection.filename}: no write-ahead log on this disk, perhaps a network share")
    connection.pragma("synchronous", flush)
