"""Numbered SQL files, applied once and in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.storage.places import opened
from thenvoi_bridge.storage import Database, StorageError, T, TooNew, Tx
from thenvoi_bridge.storage.migrate import migrate

NOTES = "CREATE TABLE note (text TEXT);\nINSERT INTO note VALUES ('first'); -- done\n"
MORE = "INSERT INTO note VALUES ('second');"


class Package:
    """A package of migrations that can be imported, and grows."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self._folder = folder
        folder.mkdir()
        self.add("__init__.py", "")

    def add(self, file: str, text: str) -> None:
        (self._folder / file).write_text(text)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.syspath_prepend(tmp_path)
    return Package(tmp_path / f"migrations_of_{tmp_path.name}")


@pytest.fixture
async def db(place: str) -> AsyncIterator[Database]:
    db = await opened(place)
    yield db
    await db.close()


def notes(tx: Tx) -> list[str]:
    return [row["text"] for row in tx.all("SELECT text FROM note")]


def record(tx: Tx) -> list[tuple[int, str]]:
    return [(row["number"], row["name"]) for row in tx.all("SELECT * FROM schema_version ORDER BY number")]


async def test_files_are_applied_in_the_order_of_their_numbers(db: Database, package: Package) -> None:
    package.add("0002_more.sql", MORE)
    package.add("0001_notes.sql", NOTES)
    assert await migrate(db, package.name) == 2
    assert await db.read(notes) == ["first", "second"]
    assert await db.read(record) == [(1, "notes"), (2, "more")]


async def test_only_what_is_missing_is_applied(db: Database, package: Package) -> None:
    package.add("0001_notes.sql", NOTES)
    assert await migrate(db, package.name) == 1
    package.add("0002_more.sql", MORE)
    assert await migrate(db, package.name) == 2
    assert await migrate(db, package.name) == 2
    assert await db.read(notes) == ["first", "second"]


async def test_a_package_without_files_is_version_nought(db: Database, package: Package) -> None:
    assert await migrate(db, package.name) == 0


async def test_a_failing_file_leaves_no_trace_and_those_before_it_in_place(
    db: Database, package: Package
) -> None:
    package.add("0001_notes.sql", NOTES)
    package.add("0002_more.sql", MORE + "INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StorageError, match="nowhere"):
        await migrate(db, package.name)
    assert await db.read(notes) == ["first"]
    assert await db.read(record) == [(1, "notes")]


class Meeting:
    """A database whose users wait for each other after every transaction."""

    def __init__(self, db: Database, everybody: asyncio.Barrier) -> None:
        self._db = db
        self._everybody = everybody
        self.read, self.version, self.close = db.read, db.version, db.close

    async def write(self, work: Callable[[Tx], T]) -> T:
        result = await self._db.write(work)
        await self._everybody.wait()
        return result


async def test_openers_who_all_find_a_file_missing_apply_it_once(package: Package, place: str) -> None:
    package.add("0001_notes.sql", NOTES)
    package.add("0002_more.sql", MORE)
    everybody = asyncio.Barrier(3)
    openers = [Meeting(await opened(place), everybody) for _ in range(3)]
    assert await asyncio.gather(*(migrate(each, package.name) for each in openers)) == [2] * 3
    assert await openers[0].read(notes) == ["first", "second"]
    for opener in openers:
        await opener.close()


async def test_a_database_newer_than_the_program_is_left_alone(db: Database, package: Package) -> None:
    package.add("0001_notes.sql", NOTES)
    await migrate(db, package.name)
    await db.write(lambda tx: tx.run("INSERT INTO schema_version VALUES (2, 'future', 'later')"))
    with pytest.raises(TooNew, match=r"version 2, .* up to 1\. Please upgrade"):
        await migrate(db, package.name)


@pytest.mark.parametrize(
    "file", ["0003_gap.sql", "0001_again.sql", "0002-dash.sql", "2_short.sql", "0000_zero.sql"]
)
async def test_files_numbered_wrongly_are_refused_before_any_is_applied(
    db: Database, package: Package, file: str
) -> None:
    package.add("0001_notes.sql", NOTES)
    package.add(file, MORE)
    with pytest.raises(ValueError, match=r"numbered|no name"):
        await migrate(db, package.name)
    with pytest.raises(StorageError, match=r"no such table|does not exist"):
        await db.read(record)
