"""The feed: what waits for an answer, appended to a file that programs of the user's follow, a line each.

A line is written before it is noted, so a bridge that dies in between writes it once more, and none is lost.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from anyio import to_thread
from filelock import AsyncFileLock, Timeout

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.records import record
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.inbox.trouble import Trouble

MOST = 5 * 2**20
"""Bytes at which a file is full: it becomes `.1`, in place of the one before, and a new one begins."""

SOME = 100
"""Lines that are written together."""

PATIENCE = 5.0
"""Seconds to wait for another process that writes."""

# The last two do not exist on Windows. Without the second a pipe that nobody reads would hold us up.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The file is none that messages may be written to. One sentence: why, and what to do."""


class Feed:
    """The rung of the ladder that writes to a file. All bridges that share `lock` take turns."""

    def __init__(self, session: Session, path: Path, lock: Path) -> None:
        self._session, self._path, self._lock = session, path, lock
        self._unnoted: set[str] = set()
        self._complaint = ""

    async def look(self) -> None:
        """Write what is due. What cannot be written now is due the next time."""
        seat = self._session.seat_now
        if seat is None:
            return
        try:
            async with AsyncFileLock(self._lock, timeout=PATIENCE):
                await self._write(seat.inbox)
        except (OSError, Timeout, Refused, Trouble) as exc:
            self._complain(str(exc))
        else:
            self._complain("")

    async def _write(self, inbox: Inbox) -> None:
        name, whose = str(self._path), await inbox.board.identity()
        while items := await inbox.ledger.due(Rung.FEED, name, SOME, time.time()):
            new = [item for item in items if item.id not in self._unnoted]
            await to_thread.run_sync(
                append, self._path, [json.dumps(record(whose, item) | {"rung": Rung.FEED}) for item in new]
            )
            self._unnoted |= {item.id for item in new}  # however long the inbox cannot be written
            await inbox.ledger.note(Rung.FEED, name, [item.id for item in items], time.time())
            self._unnoted -= {item.id for item in items}

    def _complain(self, complaint: str) -> None:
        if complaint and complaint != self._complaint:
            logger.warning("the feed cannot be written, and what is due waits: %s", complaint)
        self._complaint = complaint


def check(path: Path) -> None:
    """Make the file, if it is not there and can be. Raises `Refused` for one that is not to be written to."""
    with suppress(OSError):
        os.close(_opened(path))


def append(path: Path, lines: Iterable[str]) -> None:
    """Append whole lines, or nothing. Raises `Refused`, and `OSError` where there is no folder or no room."""
    data = "".join(f"{line}\n" for line in lines).encode()
    _turn_over(path, len(data))
    file = _opened(path)
    try:
        size = os.fstat(file).st_size
        try:
            while data:
                data = data[os.write(file, data) :]
        except OSError:
            os.ftruncate(file, size)
            raise
    finally:
        os.close(file)


def _turn_over(path: Path, more: int) -> None:
    """Begin a new file where so many bytes more would be too many."""
    with suppress(FileNotFoundError):
        size = path.lstat().st_size
        if size and size + more > MOST:
            os.close(_opened(path))  # only what we may write to is moved
            os.replace(path, f"{path}.1")


def _opened(path: Path) -> int:
    if path.is_symlink():
        raise Refused(f"{path} is a link; give the file it leads to")
    if path.exists() and not path.is_file():
        raise Refused(f"{path} is no file")
    file = os.open(path, _FLAGS, 0o600)
    try:
        _refuse_others(path, os.fstat(file))
    except BaseException:
        os.close(file)
        raise
    return file


def _refuse_others(path: Path, found: os.stat_result) -> None:
    """What others wrote there would pass for messages, and what we write is for this account alone."""
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"{path} is no file")
    if sys.platform == "win32":  # permissions say nothing there
        return
    if found.st_uid != os.getuid():
        raise Refused(f"{path} belongs to another account")
    if found.st_mode & 0o077:
        raise Refused(f"{path} is open to other accounts; chmod 600 it, or give another file")
