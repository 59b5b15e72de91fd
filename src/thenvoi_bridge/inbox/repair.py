"""Tells what is wrong with the file of an inbox, and sets a damaged one aside: the platform has everything.

What waits for an answer is unprocessed there, so a fresh file is filled again by sweeping. What is lost is
what only the file knew: that an answer is on its way, or that an outcome is yet to be told.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from anyio import to_thread
from apsw import SQLError

from thenvoi_bridge.inbox.ownership import opening
from thenvoi_bridge.inbox.trouble import Damaged, File, Trouble
from thenvoi_bridge.storage import Busy, Corrupt, Full, ReadOnly, StorageError, TooNew

KEPT = 3
"""Damaged files that are kept, the last ones, for whoever wants to look into them."""

_ROOM = 1 << 20  # bytes; on a disk with less, what goes wrong goes wrong for want of room
_PARTS = ("-wal", "-shm", "")
_CODES: dict[type[StorageError], str] = {
    Busy: "inbox_busy",
    Full: "disk_full",
    ReadOnly: "inbox_read_only",
    TooNew: "inbox_too_new",
}
_ERRNO = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "inbox_read_only",
    errno.EACCES: "inbox_read_only",
    errno.EPERM: "inbox_read_only",
}


def trouble_with(file: File, error: Exception) -> Trouble:
    """What an error of the storage means, or of what stands in the file."""
    if isinstance(error, Trouble):
        return error
    reason = str(error).replace(str(file.path), "").removeprefix(": ")
    if _is_damage(file, error):
        return Damaged(file, reason if isinstance(error, Corrupt) else "it is damaged")
    usual = "disk_full" if _is_disk_full(file.path) else "inbox_unusable"
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), usual)
    return Trouble(code, reason, file.path)


def no_folder(error: Exception) -> Trouble:
    """What it means that there can be no inbox in a folder."""
    if isinstance(error, OSError):
        return Trouble(_ERRNO.get(error.errno or 0, "inbox_unusable"), error.strerror or "it takes too long")
    return Trouble("inbox_unusable", "its folder is not private to this account")


@asynccontextmanager
async def alone(path: Path) -> AsyncGenerator[None]:
    """`ownership.opening` is held until the end of the block. Raises `OSError`."""
    lock = opening(path)
    await to_thread.run_sync(lock.acquire)
    try:
        yield
    finally:
        lock.release()


async def set_aside(file: File) -> Path | None:
    """Give a damaged file another name, unless another process has; return which, None if it is nowhere.

    Whoever has it open notices, and opens what has its name by then. Raises `OSError` where it cannot be.
    """
    async with alone(file.path):
        return await to_thread.run_sync(_set_aside, file)


def _set_aside(file: File) -> Path | None:
    if file.is_there:
        at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        for part in _PARTS:
            with suppress(FileNotFoundError):
                os.replace(f"{file.path}{part}", f"{file.path}.damaged-{at}{part}")
    aside = sorted(file.path.parent.glob(f"{file.path.name}.damaged-*Z"))
    for old in aside[:-KEPT]:
        for part in _PARTS:
            Path(f"{old}{part}").unlink(missing_ok=True)
    return next((path for path in aside if File.at(path).number == file.number), None)


def _is_disk_full(path: Path) -> bool:
    """Whether that explains an error of whatever kind: for one, the index of the log cannot grow then."""
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free < _ROOM
    return False


def _is_damage(file: File, error: Exception) -> bool:
    if isinstance(error, ReadOnly):  # a header that says so, where the system does not
        return os.access(file.path, os.W_OK) and os.access(file.path.parent, os.W_OK)
    # Our SQL never changes: where it does not fit, the tables are not ours any more.
    return isinstance(error, Corrupt | UnicodeDecodeError) or isinstance(error.__cause__, SQLError)
