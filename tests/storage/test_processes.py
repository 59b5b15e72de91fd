"""Several processes on one database."""

import asyncio
import subprocess
import sys
from functools import partial
from pathlib import Path

from anyio import to_thread

from tests.storage.notes import PATIENCE, add, held_writer, texts
from tests.storage.places import opened
from thenvoi_bridge.storage import Busy, Database, Tx

ROOT = Path(__file__).parents[2]


def start(program: str, place: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-W", "error", "-c", program, place]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


async def end(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    out, err = await to_thread.run_sync(partial(process.communicate, timeout=PATIENCE))
    return out, err, process.returncode


WRITER = """
import asyncio, sys
from functools import partial
from tests.storage.notes import add
from tests.storage.places import opened

async def main():
    db = await opened(sys.argv[1])
    for n in range(100):
        await db.write(partial(add, f"theirs {n}"))
    await db.close()

asyncio.run(main())
"""


async def test_two_processes_write_one_file_at_the_same_time(db: Database, place: str) -> None:
    other = start(WRITER, place)
    for n in range(100):
        await db.write(partial(add, f"ours {n}"))
    assert await end(other) == ("", "", 0)
    assert len(await db.read(texts)) == 200


async def test_what_two_of_them_read_and_then_write_adds_up(db: Database, place: str) -> None:
    other = await opened(place)
    await db.write(partial(add, "0"))

    def increment(tx: Tx) -> None:
        (text,) = texts(tx)
        tx.run("UPDATE note SET text = ?", str(int(text) + 1))

    await asyncio.gather(*(each.write(increment) for _ in range(50) for each in (db, other)))
    assert await db.read(texts) == ["100"]
    await other.close()


async def test_the_version_changes_by_what_others_commit_and_not_by_our_own(db: Database, place: str) -> None:
    before = await db.version()
    await db.write(partial(add, "ours"))
    assert await db.version() == before
    assert await end(start(WRITER, place)) == ("", "", 0)
    assert await db.version() != before


async def test_a_lock_held_too_long_by_others_is_busy_for_all_who_wait(db: Database, place: str) -> None:
    other = await opened(place, patience=0.05)
    async with held_writer(db):
        results = await asyncio.gather(*(other.write(texts) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results].count(Busy) == 3
    assert await other.write(texts) == []
    await other.close()


ABANDONER = """
import asyncio, sys, threading
from functools import partial
from tests.storage.notes import add
from tests.storage.places import opened

begun, go = threading.Event(), threading.Event()

def work(tx):
    begun.set()
    go.wait()
    add("late", tx)

async def main():
    db = await opened(sys.argv[1])
    await db.write(partial(add, "early"))
    waiter = asyncio.ensure_future(db.write(work))
    await asyncio.to_thread(begun.wait)
    return db

db = asyncio.run(main())
go.set()

async def once_more():
    again = await opened(sys.argv[1])
    await again.write(partial(add, "once more"))

asyncio.run(once_more())
"""


async def test_a_process_ends_though_its_database_was_never_closed(db: Database, place: str) -> None:
    assert await end(start(ABANDONER, place)) == ("", "", 0)
    assert await db.read(texts) == ["early", "late", "once more"]
