"""SQLite on a disk that refuses."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.storage.notes import add, held_writer, texts
from thenvoi_bridge.storage import Database, Full, ReadOnly, StorageError, Tx
from thenvoi_bridge.storage.sqlite import open_sqlite

SYSTEM = apsw.vfs_names()[0]


class Disk(apsw.VFS):
    """The system's files, with what goes wrong with them."""

    full = broken = read_only = False

    def __init__(self) -> None:
        super().__init__("disk", SYSTEM, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__(SYSTEM, name, flags)
        if disk.read_only:
            flags[1] = apsw.SQLITE_OPEN_READONLY

    def xWrite(self, data: Any, offset: int) -> None:
        if self._disk.full:
            raise apsw.FullError("no room")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self._disk.broken:
            raise apsw.IOError("no sync")
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.unregister()


async def test_a_full_disk_fails_the_whole_group_and_nothing_else(disk: Disk, file: Database) -> None:
    await file.write(partial(add, "before"))
    disk.full = True
    async with held_writer(file):
        group = asyncio.gather(*(file.write(partial(add, text)) for text in "abb"), return_exceptions=True)
    errors = await group
    assert [type(error) for error in errors] == [Full] * 3
    assert len(set(map(id, errors))) == 3
    assert await file.read(texts) == ["before"]
    disk.full = False
    await file.write(partial(add, "after"))
    assert await file.read(texts) == ["after", "before"]


async def test_a_disk_that_fills_in_the_middle_of_a_transaction_fails_its_group(
    disk: Disk, file: Database
) -> None:
    def spill(tx: Tx) -> int:
        return sum(add(f"{n:0100000}", tx) for n in range(100))

    disk.full = True
    async with held_writer(file):
        works: list[Callable[[Tx], int]] = [partial(add, "a"), spill, partial(add, "b")]
        group = asyncio.gather(*(file.write(work) for work in works), return_exceptions=True)
    assert [type(error) for error in await group] == [Full] * 3
    disk.full = False
    assert await file.write(partial(add, "after")) == 1


async def test_a_flush_that_fails_is_told_and_keeps_nothing(disk: Disk, file: Database) -> None:
    disk.broken = True
    with pytest.raises(StorageError, match="no sync"):
        await file.write(partial(add, "a"))
    disk.broken = False
    await file.write(partial(add, "b"))
    assert await file.read(texts) == ["b"]


async def test_a_file_that_may_not_be_written_is_refused(disk: Disk, file: Database, path: Path) -> None:
    await file.close()
    disk.read_only = True
    with pytest.raises(ReadOnly, match=r"test\.db"):
        await open_sqlite(path)
