"""One connection to a SQLite file, and the settings that every one of ours has."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import apsw

from thenvoi_bridge.storage import ReadOnly, StorageError
from thenvoi_bridge.storage.sqlite_tx import SqliteTx, translated

NEW_OR_OLD = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


@contextmanager
def connected(path: Path, patience: float, *, writing: bool) -> Iterator[SqliteTx]:
    """A file that is there, on the thread that asks, until the end of the block. Raises `StorageError`.

    Without `writing` nothing of it can be changed, not even when it is closed, though its index may be made.
    """
    try:
        with ExitStack() as opened:
            flags = apsw.SQLITE_OPEN_READWRITE if writing else apsw.SQLITE_OPEN_READONLY
            connection = connect(path, patience, opened, flags)
            if writing:
                prepare_writer(connection, "FULL")
            yield SqliteTx(connection)
    except apsw.Error as error:
        raise translated(error, where=f"{path}: ") from error


def create(path: Path) -> None:
    """Make the file, for its owner's eyes only, unless it is there. Raises `StorageError`."""
    try:
        with suppress(FileExistsError):
            # Never an existing file: closing it would drop the locks SQLite has on it in this process.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def connect(path: Path, patience: float, opened: ExitStack, flags: int = NEW_OR_OLD) -> apsw.Connection:
    """Connect until `opened` closes, by these flags of SQLite's. Raises `apsw.Error`."""
    connection = apsw.Connection(str(path), flags=flags)
    opened.callback(connection.close)
    connection.set_busy_timeout(round(patience * 1000))
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)  # as in Postgres, "x" is a name and never text
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    # Else a statement is planned anew for each value that might tell of a better way: half of what it costs.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.pragma("foreign_keys", "ON")
    connection.pragma("temp_store", "MEMORY")
    return connection


def prepare_writer(connection: apsw.Connection, flush: str) -> None:
    """Have its commits kept in a write-ahead log. Raises `StorageError` and `apsw.Error`."""
    if connection.readonly("main"):
        raise ReadOnly(f"{connection.filename}: the file may not be written")
    if connection.pragma("journal_mode", "WAL") != "wal":
        raise StorageError(f"{connection.filename}: no write-ahead log on this disk, perhaps a network share")
    connection.pragma("synchronous", flush)
