"""How many durable transactions a second a database takes, by the number of callers who wait at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from bench.figures import Effort, Figure
from bench.rounds import interleaved
from tests import postgres
from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.postgres import open_postgres
from thenvoi_bridge.storage.sqlite import open_sqlite

SECONDS = 1.0
CALLERS = (1, 8, 64)
SCHEMA = (
    "DROP TABLE IF EXISTS message; CREATE TABLE message (id INTEGER PRIMARY KEY, chat TEXT);"
    "CREATE INDEX by_chat ON message (chat)"
)
IDS = count()
WHAT = "durable transactions a second"


async def measure(effort: Effort) -> list[Figure]:
    with TemporaryDirectory(dir=Path.cwd()) as folder, postgres.server() as server:
        return [
            await figure("SQLite", await open_sqlite(Path(folder) / "bench.db"), effort),
            await figure("Postgres", await open_postgres(server), effort),
        ]


async def figure(name: str, db: Database, effort: Effort) -> Figure:
    await db.write(lambda tx: tx.script(SCHEMA))
    them = {f"{callers} callers": partial(rate, db, callers, SECONDS * effort.scale) for callers in CALLERS}
    found = await interleaved(effort, them)
    await db.close()
    return Figure(f"{WHAT}, {name}", "transactions", found.values[WHAT])


def insert(tx: Tx) -> None:
    tx.one("INSERT INTO message (id, chat) VALUES (?, ?) RETURNING id", next(IDS), "room")


async def write_until(db: Database, deadline: float, done: list[int]) -> None:
    while time.perf_counter() < deadline:
        await db.write(insert)
        done[0] += 1


async def rate(db: Database, callers: int, seconds: float) -> Mapping[str, float]:
    done = [0]
    async with anyio.create_task_group() as tasks:
        for _ in range(callers):
            tasks.start_soon(write_until, db, time.perf_counter() + seconds, done)
    return {WHAT: done[0] / seconds}
