"""How many durable transactions a second one database takes, by the number of callers who wait at a time.

    uv run python bench/transactions.py [ADDRESS]

Without the address of an empty Postgres database it measures a file in the folder where it is started.

Prints a line for each number of callers, and the ratio to one caller, which is what group commit brings.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.postgres import open_postgres
from thenvoi_bridge.storage.sqlite import open_sqlite

SECONDS = 3.0
CALLERS = (1, 8, 64)
SCHEMA = (
    "DROP TABLE IF EXISTS message; CREATE TABLE message (id INTEGER PRIMARY KEY, chat TEXT);"
    "CREATE INDEX by_chat ON message (chat)"
)
IDS = count()
ADDRESS = sys.argv[1:2]


def insert(tx: Tx) -> None:
    tx.one("INSERT INTO message (id, chat) VALUES (?, ?) RETURNING id", next(IDS), "room")


async def write_until(db: Database, deadline: float, done: list[int]) -> None:
    while time.perf_counter() < deadline:
        await db.write(insert)
        done[0] += 1


async def rate(callers: int) -> float:
    """Transactions a second."""
    done = [0]
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        db = await (open_postgres(ADDRESS[0]) if ADDRESS else open_sqlite(Path(folder) / "bench.db"))
        await db.write(lambda tx: tx.script(SCHEMA))
        async with anyio.create_task_group() as tasks:
            for _ in range(callers):
                tasks.start_soon(write_until, db, time.perf_counter() + SECONDS, done)
        await db.close()
    return done[0] / SECONDS


async def main() -> None:
    rates = {callers: await rate(callers) for callers in CALLERS}
    for callers, each in rates.items():
        print(f"{callers:3} callers: {each:7,.0f} a second, {each / rates[1]:4.1f} times one caller")


anyio.run(main)
