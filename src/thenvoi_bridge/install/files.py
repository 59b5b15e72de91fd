"""Reads a configuration and replaces it: whole or not at all, and never what nobody meant to be written.

What was there is kept beside it. A link stays a link: the file that it leads to is replaced.
"""

from __future__ import annotations

import codecs
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LARGEST = 64 * 2**20
"""Bytes of a configuration."""


class Refused(Exception):
    """A file is not read or not written; the message says why, without a path."""


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration as it was found: `data` is None if there is none yet. `mode` are its permissions."""

    path: Path
    real: Path
    data: bytes | None
    mode: int = 0o600

    @property
    def text(self) -> str:
        """What is in it. Raises `Refused` if that is no UTF-8."""
        try:
            return (self.data or b"").removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError as exc:
            raise Refused("it is no text in UTF-8") from exc

    def as_bytes(self, text: str) -> bytes:
        """A new text in the way the old one is written. Raises `Refused`."""
        mark = codecs.BOM_UTF8 if (self.data or b"").startswith(codecs.BOM_UTF8) else b""
        try:
            return mark + text.encode()
        except UnicodeEncodeError as exc:
            raise Refused("a path or name that is to go into it is no text") from exc


def find(path: Path) -> Found:
    """The configuration at a path. Raises `Refused` and `OSError`."""
    real = Path(os.path.realpath(path))
    try:
        with open(real, "rb", opener=_without_waiting) as file:
            about = os.fstat(file.fileno())
            _refuse_strange(about)
            return Found(path, real, file.read(), stat.S_IMODE(about.st_mode))
    except FileNotFoundError:
        return Found(path, real, None)
    except IsADirectoryError as exc:
        raise Refused("it is no file") from exc


def replace(found: Found, data: bytes, *, private: bool) -> Path | None:
    """Put `data` in the place of what was found, and return where that is kept, None if there was nothing.

    `private` takes every permission from others. Raises `Refused` if it has changed meanwhile, and `OSError`.
    """
    new = _written(*tempfile.mkstemp(prefix=f".{found.real.name}.", dir=found.real.parent), data)
    kept = None
    try:
        new.chmod(0o600 if private else found.mode)
        kept = None if found.data is None else _kept(found)
        if find(found.path).data != found.data:
            raise Refused("it has just been changed by another program; try again")
        new.replace(found.real)
    except BaseException:
        for left in filter(None, (new, kept)):
            left.unlink()
        raise
    return kept


def _without_waiting(path: str, flags: int) -> int:
    # Whoever opens a pipe with a name waits for somebody at its other end.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_strange(about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise Refused("it is no file")
    if sys.platform != "win32" and about.st_uid != os.getuid():
        raise Refused("it belongs to another account")
    if not about.st_mode & stat.S_IWUSR:
        raise Refused("it may not be written")
    if about.st_size > LARGEST:
        raise Refused("it is too large")


def _kept(found: Found) -> Path:
    """What was there, in a file of its own that only this account may read."""
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = found.path.with_name(f"{found.path.name}.backup-{at}")
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return _written(os.open(kept, new, 0o600), kept, found.data or b"")


def _written(handle: int, path: str | Path, data: bytes) -> Path:
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Path(path)
