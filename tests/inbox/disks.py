"""Disks that refuse, for everybody in this process who opens a file from now on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

SYSTEM = apsw.vfs_names()[0]


class Disk(apsw.VFS):
    """The system's files, with what goes wrong with those in `folder`."""

    full = read_only = False

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        super().__init__("disk", SYSTEM, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        ours = path is not None and path.startswith(self._folder)
        return DiskFile(self, name, flags) if ours else apsw.VFSFile(SYSTEM, name, flags)


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


@contextmanager
def disk_under(folder: Path) -> Iterator[Disk]:
    disk = Disk(folder)
    try:
        yield disk
    finally:
        disk.unregister()


@contextmanager
def disk_without_shared_memory() -> Iterator[None]:
    """As a network share: a write-ahead log is not possible on it."""
    plain = apsw.VFS("plain", "unix-dotfile", makedefault=True)
    try:
        yield
    finally:
        plain.unregister()
