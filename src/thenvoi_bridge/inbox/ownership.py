"""Which processes of this computer live, which one leads, and which one opens a file, told by file locks.

The kernel drops a dead process's locks at once, even if children of it live on. A child that was forked needs
objects of its own.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from filelock import BaseFileLock, FileLock, Timeout

from thenvoi_bridge.inbox.onlooking import Onlooker, is_held, signs_of_life
from thenvoi_bridge.inbox.privacy import private_folder

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.store import Inbox

_PATIENCE = 10.0  # seconds to wait while another process starts; it needs about a millisecond
_OPENING = 30.0  # the same while others open the file of an inbox or set it aside; milliseconds, too


class Owner(Onlooker):
    """This process's sign of life in a folder, from `start` to `close` or to its end, however it ends.

    No process ids, which are used again, and no clocks, which jump. Close it with `close`.
    """

    def __init__(self, id: str, procs: Path, lock: BaseFileLock) -> None:
        super().__init__(procs)
        self.id = id
        self._lock = lock

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Give this process an id and a lock in `folder`, and tidy up after dead processes.

        Waits for others that start in the same folder, a moment as a rule. Raises `TimeoutError` if that
        takes 10 seconds, and `NotPrivate` or `OSError` as `private_folder` does.
        """
        procs = signs_of_life(folder)
        id = uuid4().hex
        lock = FileLock(procs / f"{id}.lock", thread_local=False)
        # A new lock file is free for an instant before it is locked. Tidied up in that instant, its process
        # would hold a lock on a file without a name and look dead for life. So this is done one at a time.
        with FileLock(procs.with_suffix(".lock"), timeout=_PATIENCE):
            _tidy(procs)
            lock.acquire(timeout=0)
        return cls(id, procs, lock)

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


def opening(path: Path) -> BaseFileLock:
    """The lock under which nobody else opens the file of this name, or sets it aside.

    In between, whoever opens it would take the log of one file for that of another.
    """
    return FileLock(path.with_name("opening.lock"), timeout=_OPENING, thread_local=False)


def is_led(folder: Path) -> bool:
    """Whether a process leads in a folder at this moment."""
    return is_held(folder / "leader.lock")


def _took(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _tidy(procs: Path) -> None:
    for path in procs.glob("*.lock"):
        if not is_held(path):
            with suppress(OSError):  # Windows: somebody is just asking whether it is held
                path.unlink(missing_ok=True)
