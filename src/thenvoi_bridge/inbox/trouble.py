"""What keeps the file of an inbox from being used, as errors: a code, and a reason that names no path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from thenvoi_bridge.inbox.errors import InboxError
from thenvoi_bridge.storage import Corrupt, StorageError


class Trouble(StorageError, InboxError):
    """The file cannot be used at this moment, and nothing was kept.

    `code` is for programs; `reason` is for people and names no path, so it is safe to show a model.
    """

    def __init__(self, code: str, reason: str, where: Path | None = None) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.code = code
        self.reason = reason

    @property
    def may_pass(self) -> bool:
        """Whether the inbox itself is sound, so that it can stay open until writing works again."""
        return self.code in ("inbox_busy", "inbox_away", "disk_full", "inbox_read_only")


@dataclass(frozen=True, slots=True)
class File:
    """One file, which may have another name by now, or another file its name. `number` is the system's."""

    path: Path
    number: tuple[int, int] | None

    @classmethod
    def at(cls, path: Path) -> Self:
        """The file that has this name now; without a number if there is none, or nobody can tell."""
        try:
            found = os.stat(path)
        except OSError:
            return cls(path, None)
        return cls(path, (found.st_dev, found.st_ino))

    @property
    def is_there(self) -> bool:
        """Whether it still has its name."""
        return self.number is not None and self == File.at(self.path)


class Damaged(Trouble, Corrupt):
    """The file holds no sound inbox, or was set aside by another process because of that."""

    def __init__(self, file: File, reason: str) -> None:
        super().__init__("inbox_damaged", reason, file.path)
        self.file = file


def found_in(error: BaseException) -> Trouble | None:
    """The trouble among all that several tasks have failed of, the worst if there are several."""
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    found = [trouble for each in inner if (trouble := found_in(each))]
    found += [error] if isinstance(error, Trouble) else []
    return min(found, key=lambda trouble: (not isinstance(trouble, Damaged), trouble.may_pass), default=None)
