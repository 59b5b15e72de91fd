"""What is SQLite's alone: files."""

import os
import stat
from pathlib import Path

import pytest

from tests.storage.notes import create, texts
from thenvoi_bridge.storage import Corrupt, Database, StorageError
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


async def test_double_quotes_never_make_text(file: Database) -> None:
    with pytest.raises(StorageError, match="no such column"):
        await file.read(lambda tx: tx.all('SELECT "a"'))
