"""Folders that nobody else on this computer can get at."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path


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
