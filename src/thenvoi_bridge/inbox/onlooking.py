"""A process that looks into an inbox and is handed nothing, so that it needs no sign of life of its own."""

from __future__ import annotations

import time
from pathlib import Path

from thenvoi_bridge.inbox.privacy import private_folder


class Onlooker:
    """The `Life` of one, by the folder in which the others have their signs of life."""

    id = ""

    def __init__(self, procs: Path) -> None:
        self._procs = procs

    def alive(self, other: str) -> bool:
        """Whether the owner with this id still lives, in this process or any other. Does not wait.

        Ids are never used again, so a missing file means dead for good. Two who ask after the same dead
        owner at the same instant may see each other's lock; the next time they ask they know.
        """
        return is_held(self._procs / f"{other}.lock")

    def now(self) -> float:
        """Seconds of the clock that all processes of a computer share and nobody sets."""
        return time.monotonic()

    def wall(self) -> float:
        """The Unix time."""
        return time.time()


def signs_of_life(folder: Path) -> Path:
    """The folder for them in that of an inbox. Raises `NotPrivate` or `OSError` as `private_folder` does."""
    return private_folder(private_folder(folder) / "procs")


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on a file at this moment."""
    if not path.exists():
        return False
    from filelock import FileLock, Timeout  # takes longer to import than most looks take

    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
