"""The files of the page, as they lie in this package, each with what a browser is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
}
"""Media types by the ending of the name; a file with another ending is not served."""


@dataclass(frozen=True, slots=True)
class File:
    """What is sent. `tag` changes with the content."""

    content: bytes
    media_type: str
    tag: str


@cache
def all_files() -> dict[str, File]:
    """Every file by its path below the page's own."""
    return dict(_below(files(__package__) / "static", ""))


def _below(folder: Traversable, before: str) -> Iterator[tuple[str, File]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{before}{entry.name}/")
        elif media_type := TYPES.get("." + entry.name.rpartition(".")[2]):
            content = entry.read_bytes()
            yield before + entry.name, File(content, media_type, f'"{sha256(content).hexdigest()[:32]}"')
