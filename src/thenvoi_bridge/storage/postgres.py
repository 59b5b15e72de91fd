"""Postgres behind the seam. Needs the extra `postgres`."""

import asyncio
import re
from contextlib import ExitStack, closing
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from thenvoi_bridge.storage import Database, StorageError
from thenvoi_bridge.storage.lanes import Lanes
from thenvoi_bridge.storage.postgres_tx import PostgresTx, WithoutTurns

READERS = 4
GROUP = 64  # transactions in one commit; with more parts Postgres has to look them up on disk


async def open_postgres(url: str, *, patience: float = 10.0, frozen: float | None = None) -> Database:
    """Open the database at `url`, which must be there and be for us alone.

    A write waits `patience` seconds for another process before it raises `Busy`. A process that says nothing
    for `frozen` seconds in the middle of a transaction loses it. A connection that was lost raises `Lost`
    where it was in use, and is made anew with the next transaction. Raises `StorageError`.
    """
    _check(url)
    connections = await asyncio.to_thread(_connect_all, url, patience, frozen)
    return Lanes(connections, GROUP, ExitStack())


async def open_beside(url: str, *, patience: float, frozen: float) -> Database:
    """Open the same once more, only to write, beside those who take turns.

    For what rows and their locks alone keep in order. Raises `StorageError`.
    """
    _check(url)
    connection = await asyncio.to_thread(WithoutTurns, url, patience, frozen)
    return Lanes([connection], 1, ExitStack())


class Where(NamedTuple):
    """A schema of a database, and an address under which that is the first one."""

    schema: str
    url: str


async def with_schema(url: str, suffix: str) -> Where:
    """The schema that is called as the first one at `url`, with this behind it; made where there is none.

    Its name leaves room for 20 more letters. Raises `StorageError`.
    """
    _check(url)
    schema = await asyncio.to_thread(_made, url, suffix)
    options = conninfo_to_dict(url).get("options") or ""
    return Where(schema, make_conninfo(url, options=f'{options} -csearch_path="{schema}"'))


def _made(url: str, suffix: str) -> str:
    with closing(PostgresTx(url, 10.0)) as tx:
        row = tx.one("SELECT current_schema() AS name")
        schema = f"{row and row['name']}_{suffix}"
        if not re.fullmatch(r"\w{1,43}", schema, re.ASCII):
            raise StorageError("The first schema of the search_path must have a short name, of plain letters")
        tx.alone(f'CREATE SCHEMA IF NOT EXISTS "{schema}";')
    return schema


def _check(url: str) -> None:
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise StorageError(
            "The database's address is none that Postgres knows"
        ) from None  # it may hold a password


def _connect_all(url: str, patience: float, frozen: float | None) -> list[PostgresTx]:
    """Open the writer's connection, then the readers'."""
    with ExitStack() as opened:
        connections = []
        for _ in range(1 + READERS):
            connections.append(PostgresTx(url, patience, frozen))
            opened.callback(connections[-1].close)
        connections[0].prepare()
        opened.pop_all()
        return connections
