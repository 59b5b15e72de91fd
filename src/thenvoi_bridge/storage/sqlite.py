"""SQLite behind the seam."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import apsw

from thenvoi_bridge.storage import Database
from thenvoi_bridge.storage.connecting import connect, create, prepare_writer
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
            create(path)
            connections = [connect(path, patience, opened) for _ in range(1 + READERS)]
            prepare_writer(connections[0], flush)
            for reader in connections[1:]:
                reader.pragma("query_only", "ON")
                reader.pragma("schema_version")  # opens the log, by a name another may have later
        except apsw.Error as error:
            raise translated(error, where=f"{path}: ") from error
        opened.pop_all()
        return connections
