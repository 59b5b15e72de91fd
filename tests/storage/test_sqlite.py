"""What is SQLite's alone: files."""

import asyncio
import os
import stat
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import LiteralString

import apsw
import pytest

from tests.storage.notes import add, create, texts
from thenvoi_bridge.storage import Corrupt, Database, Row, StorageError, Tx
from thenvoi_bridge.storage.sqlite import open_sqlite


async def test_a_database_without_a_path_is_gone_when_closed() -> None:
    first, second = await open_sqlite(None), await open_sqlite(None)
    await first.write(create)
    where = await first.read(lambda tx: tx.one("PRAGMA database_list"))
    with pytest.raises(StorageError, match="no such table"):
        await second.read(texts)
    await first.close()
    await second.close()
    assert where is not None
    assert not Path(where["file"]).parent.exists()


async def test_a_new_file_is_for_its_owner_only(file: Database, path: Path) -> None:
    if os.name == "posix":
        files = list(path.parent.glob("test.db*"))
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
        assert len(files) == 3


async def test_opening_tells_what_is_wrong_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    (tmp_path / "folder").mkdir()
    with pytest.raises(Corrupt, match="text"):
        await open_sqlite(tmp_path / "text")
    for place in ("folder", "missing/test.db"):
        with pytest.raises(StorageError, match=place):
            await open_sqlite(tmp_path / place)


async def test_closing_leaves_nothing_but_the_file(path: Path) -> None:
    db = await open_sqlite(path, synchronous="NORMAL")
    await db.write(create)
    await db.close()
    assert [file.name for file in path.parent.iterdir()] == ["test.db"]


async def test_an_open_file_that_is_renamed_is_never_read_by_the_log_of_the_next(path: Path) -> None:
    first = await open_sqlite(path)
    await first.write(create)
    for nth in range(9):
        await first.write(partial(add, f"{nth} of the first"))
    for part in ("", "-wal", "-shm"):
        os.replace(f"{path}{part}", f"{path}.aside{part}")
    second = await open_sqlite(path)
    await second.write(create)
    assert [len(found) for found in [await first.read(texts) for _ in range(10)]] == [9] * 10
    assert await second.read(texts) == []
    await second.close()
    await first.close()


async def test_double_quotes_never_make_text(file: Database) -> None:
    with pytest.raises(StorageError, match="no such column"):
        await file.read(lambda tx: tx.all('SELECT "a"'))


def found(sql: LiteralString, text: str, tx: Tx) -> list[Row]:
    return tx.all(sql, text)


@pytest.fixture
def connections() -> Iterator[list[apsw.Connection]]:
    """The connections that are opened meanwhile, the writer's first."""
    opened: list[apsw.Connection] = []
    apsw.connection_hooks.append(opened.append)
    yield opened
    apsw.connection_hooks.remove(opened.append)


async def test_a_statement_is_planned_once_whatever_it_is_asked(
    connections: list[apsw.Connection], file: Database
) -> None:
    planned: list[int] = []

    def leave(action: int, *_: str | None) -> int:  # what SQLite asks for whenever it plans a statement
        planned.append(action)
        return apsw.SQLITE_OK

    connections[0].set_authorizer(leave)
    joined: LiteralString = "SELECT a.id FROM note AS a JOIN note AS b ON b.id = a.id WHERE a.text = ?"
    for text in ("a", "b", "c"):
        await file.write(partial(found, joined, text))
    assert planned.count(apsw.SQLITE_SELECT) == 1


async def test_what_is_asked_for_in_one_turn_of_the_loop_is_one_commit(
    connections: list[apsw.Connection], file: Database
) -> None:
    begun = threading.Event()
    commits: list[int] = []

    def committed(_: apsw.Connection, __: str, pages: int) -> int:
        commits.append(pages)
        return apsw.SQLITE_OK

    def begin(tx: Tx) -> None:
        begun.set()
        add("one", tx)

    async def other() -> None:
        assert not begun.wait(0.05)  # nor has the loop turned
        await file.write(partial(add, "other"))

    connections[0].set_wal_hook(committed)
    await asyncio.gather(file.write(begin), other())
    assert len(commits) == 1
