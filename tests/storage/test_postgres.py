"""What is Postgres' alone: a network in between, locales, accounts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import psycopg
import pytest

from tests import postgres
from tests.storage.notes import Gate, add, create, held_writer, texts
from thenvoi_bridge.storage import (
    Busy,
    Corrupt,
    Database,
    Full,
    Lost,
    ReadOnly,
    StorageError,
    Tx,
    Violated,
    postgres_tx,
)
from thenvoi_bridge.storage.postgres import open_postgres


@pytest.fixture
def place(server: str) -> str:
    return postgres.fresh(server)


@pytest.fixture
async def db(place: str) -> AsyncIterator[Database]:
    db = await open_postgres(place)
    await db.write(create)
    yield db
    await db.close()


def cut_all(place: str) -> None:
    """Break every other connection to the server."""
    with psycopg.connect(place, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


async def test_connections_that_were_lost_while_idle_are_made_anew_unnoticed(
    db: Database, place: str
) -> None:
    await db.write(partial(add, "a"))
    cut_all(place)
    await db.write(partial(add, "b"))
    cut_all(place)
    assert await asyncio.gather(*(db.read(texts) for _ in range(8))) == [["a", "b"]] * 8
    cut_all(place)
    assert await db.version() == await db.version()


async def test_a_connection_lost_in_the_middle_keeps_nothing_and_the_next_one_works(
    db: Database, place: str
) -> None:
    gate = Gate()

    def work(tx: Tx) -> None:
        add("a", tx)
        gate.stop()
        add("b", tx)

    writing = asyncio.ensure_future(db.write(work))
    await gate.reached()
    cut_all(place)
    gate.open()
    with pytest.raises(Lost):
        await writing
    await db.write(partial(add, "c"))
    assert await db.read(texts) == ["c"]


async def test_a_connection_lost_at_the_commit_fails_all_of_the_group(db: Database, place: str) -> None:
    async with held_writer(db):
        works: list[Callable[[Tx], object]] = [partial(add, "a"), lambda _: cut_all(place)]
        group = asyncio.gather(*(db.write(work) for work in works), return_exceptions=True)
    assert [type(error) for error in await group] == [Lost] * 2
    assert await db.write(texts) == []


async def test_a_process_that_says_nothing_any_more_loses_its_turn(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_tx, "FROZEN", 0.2)
    frozen, gate = await open_postgres(place), Gate()
    await frozen.write(create)

    def work(tx: Tx) -> None:
        add("a", tx)
        gate.stop()
        add("b", tx)

    writing = asyncio.ensure_future(frozen.write(work))
    await gate.reached()
    other = await open_postgres(place)
    await other.write(partial(add, "c"))
    gate.open()
    with pytest.raises(Lost):
        await writing
    assert await other.read(texts) == ["c"]
    await other.close()
    await frozen.close()


async def test_a_snapshot_whose_connection_is_lost_is_told_so(db: Database, place: str) -> None:
    def read(tx: Tx) -> list[str]:
        before = texts(tx)
        cut_all(place)
        return before + texts(tx)

    with pytest.raises(Lost):
        await db.read(read)
    assert await db.read(texts) == []


async def test_an_error_that_is_passed_over_fails_its_transaction_and_not_its_neighbours(
    db: Database,
) -> None:
    def careless(tx: Tx) -> None:
        add("lost", tx)
        with pytest.raises(StorageError):
            tx.run("INSERT INTO nowhere VALUES (1)")

    async with held_writer(db):
        a = asyncio.ensure_future(db.write(partial(add, "a")))
        failing = asyncio.ensure_future(db.write(careless))
        b = asyncio.ensure_future(db.write(partial(add, "b")))
    with pytest.raises(StorageError, match="aborted"):
        await failing
    assert [await a, await b] == [1, 2]
    assert await db.read(texts) == ["a", "b"]


async def test_two_openers_at_once_make_what_turns_need_once(place: str) -> None:
    both = await asyncio.gather(*(open_postgres(place) for _ in range(4)))
    turns = await both[0].read(lambda tx: tx.all("SELECT * FROM turns"))
    assert turns == [{"number": 0}]
    for each in both:
        await each.close()


async def test_text_sorts_by_code_point_whatever_the_locale(db: Database) -> None:
    rows = await db.read(
        lambda tx: tx.all(
            "SELECT collation_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND data_type = 'text'"
        )
    )
    assert rows == [{"collation_name": "C"}]


async def test_a_database_that_may_only_be_read_says_so(place: str) -> None:
    db = await open_postgres(place)
    await db.write(create)
    await db.close()
    with pytest.raises(ReadOnly):
        await open_postgres(place + "%20-cdefault_transaction_read_only%3Don")


async def test_a_database_of_another_encoding_is_refused(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StorageError, match="SQL_ASCII; please make one with ENCODING 'UTF8'"):
        await open_postgres(server.removesuffix("postgres") + "ascii")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@127.0.0.1:1/nowhere",
        "postgresql://me:secret@127.0.0.1:port/nowhere",
        "postgresql://me:secret@[nowhere/x",
        "postgresql://me@127.0.0.1/nowhere?pasword=secret",
    ],
)
async def test_no_word_about_a_place_that_cannot_be_reached_has_its_password(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        await open_postgres(url)
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert "\n" not in str(caught.value)


async def test_text_with_nul_is_looked_up_in_vain_and_kept_with_a_mark_in_its_place(db: Database) -> None:
    await db.write(partial(add, "a\0b"))
    assert await db.read(texts) == ["a\ufffdb"]
    assert await db.read(lambda tx: tx.all("SELECT * FROM note WHERE text = ?", "\0")) == []


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (psycopg.errors.DiskFull, Full),
        (psycopg.errors.SerializationFailure, Busy),
        (psycopg.errors.DeadlockDetected, Busy),
        (psycopg.errors.TooManyConnections, Busy),
        (psycopg.errors.AdminShutdown, Lost),
        (psycopg.errors.ConnectionFailure, Lost),
        (psycopg.errors.DataCorrupted, Corrupt),
        (psycopg.errors.CheckViolation, Violated),
        (psycopg.errors.SyntaxError, StorageError),
    ],
)
def test_what_a_test_cannot_make_happen_is_known_by_its_state(
    theirs: type[psycopg.Error], ours: type[StorageError]
) -> None:
    assert type(postgres_tx.translated(theirs("so it is"))) is ours


async def test_an_error_has_nothing_of_what_was_to_be_written(db: Database) -> None:
    await db.write(partial(add, "secret"))
    with pytest.raises(StorageError) as caught:
        await db.write(partial(add, "secret"))
    assert "secret" not in str(caught.value)
