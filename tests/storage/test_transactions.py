"""Transactions in every kind of database: their results, their failures, and who waits for whom."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import LiteralString

import apsw
import psycopg
import pytest
from anyio import wait_all_tasks_blocked

from tests.storage.notes import Gate, add, create, held_writer, texts
from tests.storage.places import opened
from thenvoi_bridge.storage import Database, Duplicate, ReadOnly, StorageError, Tx, Violated


async def test_rows_have_their_columns_names_and_values(db: Database) -> None:
    row = await db.read(
        lambda tx: tx.one("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", 1, 2.5, "x", b"y", None)
    )
    assert row == {"a": 1, "b": 2.5, "c": "x", "d": b"y", "e": None}


async def test_one_returns_nothing_where_there_is_no_row(db: Database) -> None:
    assert await db.read(lambda tx: tx.one("SELECT * FROM note")) is None


async def test_run_tells_how_many_rows_it_changed(db: Database) -> None:
    await db.write(partial(add, "a"))
    await db.write(partial(add, "b"))
    assert await db.write(lambda tx: tx.run("UPDATE note SET text = text || '!'")) == 2
    assert await db.write(lambda tx: tx.run("DELETE FROM note WHERE text = ?", "c")) == 0


async def test_a_transaction_that_raises_keeps_nothing(db: Database) -> None:
    def work(tx: Tx) -> None:
        add("a", tx)
        raise KeyError("a")

    with pytest.raises(KeyError):
        await db.write(work)
    assert await db.read(texts) == []


async def test_each_caller_of_a_group_gets_its_own_result(db: Database) -> None:
    async with held_writer(db):
        group = asyncio.gather(*(db.write(partial(add, f"{n:03}")) for n in range(300)))
    assert await group == list(range(1, 301))


async def test_a_failing_transaction_leaves_its_neighbours_in_the_group_alone(db: Database) -> None:
    def fail(tx: Tx) -> int:
        add("lost", tx)
        raise KeyError("mine")

    async with held_writer(db):
        works: list[Callable[[Tx], int]] = [fail, partial(add, "a"), partial(add, "b"), partial(add, "a")]
        group = asyncio.gather(*(db.write(work) for work in works), return_exceptions=True)
    failed, a, b, duplicate = await group
    assert isinstance(failed, KeyError)
    assert isinstance(duplicate, Duplicate)
    assert a != b
    assert await db.read(texts) == ["a", "b"]


async def test_a_dangling_deferred_key_fails_its_own_transaction_only(db: Database) -> None:
    await db.write(
        lambda tx: tx.script(
            "CREATE TABLE reply (note INTEGER REFERENCES note DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    async with held_writer(db):
        dangling = asyncio.ensure_future(db.write(lambda tx: tx.run("INSERT INTO reply (note) VALUES (7)")))
        neighbour = asyncio.ensure_future(db.write(partial(add, "a")))
    with pytest.raises(Violated):
        await dangling
    assert await neighbour == 1
    assert await db.read(lambda tx: tx.all("SELECT * FROM reply")) == []


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK", "RELEASE job"])
async def test_a_transaction_that_ends_itself_is_an_error(db: Database, end: LiteralString) -> None:
    with pytest.raises(StorageError, match=r"gone|savepoint"):
        await db.write(lambda tx: tx.run(end))
    assert await db.write(partial(add, "a")) == 1


async def test_two_hundred_concurrent_increments_are_all_counted(db: Database) -> None:
    await db.write(partial(add, "0"))

    def increment(tx: Tx) -> None:
        row = tx.one("SELECT text FROM note")
        assert row is not None
        tx.run("UPDATE note SET text = ?", str(int(row["text"]) + 1))

    await asyncio.gather(*(db.write(increment) for _ in range(200)))
    assert await db.read(texts) == ["200"]


async def test_a_reader_neither_waits_for_an_open_transaction_nor_sees_it(db: Database) -> None:
    gate = Gate()

    def work(tx: Tx) -> None:
        add("a", tx)
        gate.stop()

    writing = asyncio.ensure_future(db.write(work))
    await gate.reached()
    assert await db.read(texts) == []
    gate.open()
    await writing
    assert await db.read(texts) == ["a"]


async def test_a_reader_keeps_its_snapshot_while_others_commit(db: Database) -> None:
    gate = Gate()

    def work(tx: Tx) -> tuple[list[str], list[str]]:
        before = texts(tx)
        gate.stop()
        return before, texts(tx)

    reading = asyncio.ensure_future(db.read(work))
    await gate.reached()
    await db.write(partial(add, "a"))
    gate.open()
    assert await reading == ([], [])


async def test_writing_is_refused_inside_read(db: Database) -> None:
    with pytest.raises(ReadOnly):
        await db.read(partial(add, "a"))
    assert await db.read(texts) == []


async def test_a_transaction_never_runs_once_its_waiter_is_cancelled(db: Database) -> None:
    async with held_writer(db):
        unwanted = asyncio.ensure_future(db.write(partial(add, "unwanted")))
        wanted = asyncio.ensure_future(db.write(partial(add, "wanted")))
        await wait_all_tasks_blocked()
        unwanted.cancel()
    await wanted
    assert unwanted.cancelled()
    assert await db.read(texts) == ["wanted"]


async def test_a_transaction_that_has_begun_is_committed_though_its_waiter_is_cancelled(db: Database) -> None:
    gate = Gate()

    def work(tx: Tx) -> None:
        gate.stop()
        add("a", tx)

    waiter = asyncio.ensure_future(db.write(work))
    await gate.reached()
    waiter.cancel()
    gate.open()
    assert await db.write(texts) == ["a"]
    assert waiter.cancelled()


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(place: str) -> None:
    others = set(threading.enumerate())
    db = await opened(place)
    await db.write(create)
    async with held_writer(db):
        group = asyncio.gather(*(db.write(partial(add, str(n))) for n in range(9)))
        closing = asyncio.ensure_future(db.close())
    assert await group == list(range(1, 10))
    await closing
    for late in (db.write(texts), db.read(texts), db.version()):
        with pytest.raises(StorageError, match="closed"):
            await late
    await db.close()
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "storage"]


async def test_what_was_committed_survives_reopening(db: Database, place: str) -> None:
    await db.write(partial(add, "a"))
    await db.close()
    again = await opened(place)
    assert await again.read(texts) == ["a"]
    await again.close()


async def test_errors_are_ours_and_carry_the_drivers_as_their_cause(db: Database) -> None:
    await db.write(partial(add, "a"))
    refused: dict[type[StorageError], Callable[[Tx], int]] = {
        Duplicate: partial(add, "a"),
        Violated: lambda tx: tx.run("INSERT INTO note (text) VALUES (NULL)"),
        StorageError: lambda tx: tx.run("INSERT INTO nowhere VALUES (1, 2)"),
    }
    for kind, work in refused.items():
        with pytest.raises(kind) as caught:
            await db.write(work)
        assert caught.type is kind
        assert isinstance(caught.value.__cause__, apsw.Error | psycopg.Error)
