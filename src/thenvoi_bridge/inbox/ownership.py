"""Which processes of this computer live and which one leads, told by file locks.

The kernel drops a dead process's locks at once, even if children of it live on. A child that was forked needs
objects of its own.
"""

from __future__ import annotations

import math
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from filelock import BaseFileLock, FileLock, Timeout

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.store import Inbox

_PATIENCE = 10.0  # seconds to wait while another process starts; it needs about a millisecond


class NotPrivate(Exception):
    """The folder could be read or changed by others on this computer, so nothing may be kept in it."""


def private_folder(path: Path) -> Path:
    """Make `path` a folder that only this account can enter, and return it.

    Raises `NotPrivate` where it is a link, no folder, or another account's, and `OSError` where it cannot
    be made.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate(f"{path} is a link; give the folder it leads to")
    if not stat.S_ISDIR(found.st_mode):
        raise NotPrivate(f"{path} is not a folder")
    if sys.platform != "win32":
        if found.st_uid != os.getuid():
            raise NotPrivate(f"{path} belongs to another account")
        path.chmod(0o700)
    return path


class Owner:
    """This process's sign of life in a folder, from `start` to `close` or to its end, however it ends.

    No process ids, which are used again, and no clocks, which jump. Close it with `close`.
    """

    def __init__(self, id: str, procs: Path, lock: BaseFileLock) -> None:
        self.id = id
        self._procs = procs
        self._lock = lock

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Give this process an id and a lock in `folder`, and tidy up after dead processes.

        Waits for others that start in the same folder, a moment as a rule. Raises `TimeoutError` if that
        takes 10 seconds, and `NotPrivate` or `OSError` as `private_folder` does.
        """
        procs = private_folder(private_folder(folder) / "procs")
        id = uuid4().hex
        lock = FileLock(procs / f"{id}.lock", thread_local=False)
        # A new lock file is free for an instant before it is locked. Tidied up in that instant, its process
        # would hold a lock on a file without a name and look dead for life. So this is done one at a time.
        with FileLock(procs.with_suffix(".lock"), timeout=_PATIENCE):
            _tidy(procs)
            lock.acquire(timeout=0)
        return cls(id, procs, lock)

    def alive(self, other: str) -> bool:
        """Whether the owner with this id still lives, in this process or any other. Does not wait.

        Ids are never used again, so a missing file means dead for good. Two who ask after the same dead
        owner at the same instant may see each other's lock; the next time they ask they know.
        """
        return _held(self._procs / f"{other}.lock")

    def now(self) -> float:
        """Seconds of the clock that all processes of a computer share and nobody sets."""
        return time.monotonic()

    def wall(self) -> float:
        """The Unix time."""
        return time.time()

    def close(self) -> None:
        """Be dead to the others. The file stays until somebody starts."""
        self._lock.release()


class Leadership:
    """Which one process of this computer leads in a folder, and whether it hangs.

    A leader is never robbed: the kernel takes the lead from it when it ends, however it ends. For as long as
    it is only silent another may stand in for it.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `NotPrivate` or `OSError` as `private_folder` does."""
        private_folder(folder)
        # Locks are taken by the file, not by its name, so nobody may ever remove these files.
        self._lead = FileLock(folder / "leader.lock", thread_local=False)
        self._place = FileLock(folder / "stand_in.lock", thread_local=False)
        self._beaten = folder / "leader.beat"

    def take(self) -> bool:
        """Lead, unless another process does. Does not wait. Raises `OSError` where there can be no lock."""
        if self._lead.is_locked:
            return True
        if not _took(self._lead):
            return False
        self.beat()  # the last sign may be from before a restart of the computer
        self._place.release()  # for whoever has to stand in for us
        return True

    def stand_in(self) -> bool:
        """Do a silent leader's work for it, unless another process does already; until `take` or `give`.

        Does not wait. Raises `OSError` where there can be no lock.
        """
        return self._place.is_locked or _took(self._place)

    def give(self) -> None:
        """Neither lead nor stand in any more; nothing happens if that is so already."""
        self._lead.release()
        self._place.release()

    async def hold(self, every: float) -> None:
        """As `Lead.hold`. It never ends: the lead is a living process's until it gives it."""
        import anyio  # whoever only looks leads nowhere

        while True:
            self.beat()
            await anyio.sleep(every)

    def guarded(self, inbox: Inbox) -> Inbox:
        """The inbox as it is, since nobody else takes the lead."""
        return inbox

    def beat(self) -> None:
        """Show that the leader does not hang; to be called every few seconds. A sign that fails is missed."""
        # All processes of a computer share this clock, and nobody sets it. As the date of a file it is
        # written and read in one piece, on a full disk too.
        beaten = time.monotonic_ns()
        with suppress(OSError):
            if not self._beaten.exists():
                self._beaten.touch(mode=0o600)
            os.utime(self._beaten, ns=(beaten, beaten))

    def silent(self) -> float:
        """Seconds since the leader's last sign; infinite if it gave none, or only before a restart.

        Of use only while somebody leads.
        """
        try:
            since = time.monotonic_ns() - self._beaten.stat().st_mtime_ns
        except FileNotFoundError:
            return math.inf
        return since / 1e9 if since >= 0 else math.inf


def is_led(folder: Path) -> bool:
    """Whether a process leads in a folder at this moment."""
    return _held(folder / "leader.lock")


def _took(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _held(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _tidy(procs: Path) -> None:
    for path in procs.glob("*.lock"):
        if not _held(path):
            with suppress(OSError):  # Windows: somebody is just asking whether it is held
                path.unlink(missing_ok=True)
