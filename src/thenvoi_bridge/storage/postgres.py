"""Postgres behind the seam. Needs the extra `postgres`."""

import asyncio
from contextlib import ExitStack

import psycopg
from psycopg.conninfo import conninfo_to_dict

from thenvoi_bridge.storage import Database, StorageError
from thenvoi_bridge.storage.lanes import Lanes
from thenvoi_bridge.storage.postgres_tx import PostgresTx

READERS = 4
GROUP = 64  # transactions in one commit; with more parts Postgres has to look them up on disk


async def open_postgres(url: str, *, patience: float = 10.0) -> Database:
    """Open the database at `url`, which must be there and be for us alone.

    A write waits `patience` seconds for another process before it raises `Busy`. A connection that was lost
    raises `Lost` where it was in use, and is made anew with the next transaction. Raises `StorageError`.
    """
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise StorageError(
            "The database's address is none that Postgres knows"
        ) from None  # it may hold a password
    connections = await asyncio.to_thread(_connect_all, url, patience)
    return Lanes(connections, GROUP, ExitStack())


def _connect_all(url: str, patience: float) -> list[PostgresTx]:
    """Open the writer's connection, then the readers'."""
    with ExitStack() as opened:
        connections = []
        for _ in range(1 + READERS):
            connections.append(PostgresTx(url, patience))
            opened.callback(connections[-1].close)
        connections[0].prepare()
        opened.pop_all()
        return connections
