"""What the storage tests do in their transactions: notes, and ways to stop in the middle."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread, wait_all_tasks_blocked

from thenvoi_bridge.storage import Database, Tx

PATIENCE = 30  # seconds until a stuck test fails


def create(tx: Tx) -> None:
    tx.script("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)")


def add(text: str, tx: Tx) -> int:
    row = tx.one("INSERT INTO note SELECT coalesce(max(id), 0) + 1, ? FROM note RETURNING id", text)
    assert row is not None
    return int(row["id"])


def texts(tx: Tx) -> list[str]:
    return [row["text"] for row in tx.all("SELECT text FROM note ORDER BY text")]


class Gate:
    """Stops a transaction half-way, until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def stop(self) -> None:
        self._reached.set()
        assert self._open.wait(PATIENCE)

    async def reached(self) -> None:
        assert await to_thread.run_sync(self._reached.wait, PATIENCE)

    def open(self) -> None:
        self._open.set()


@asynccontextmanager
async def held_writer(db: Database) -> AsyncIterator[None]:
    """Inside, writes queue up; then they go as one group."""
    gate = Gate()
    holding = asyncio.ensure_future(db.write(lambda tx: gate.stop()))
    await gate.reached()
    try:
        yield
        await wait_all_tasks_blocked()
    finally:
        gate.open()
        await holding
