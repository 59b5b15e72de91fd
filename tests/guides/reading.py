"""What the guides have people type and paste, read off the guides themselves."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TYPED = {"console", "sh", "bash", "shell", "zsh"}
"""Languages of blocks of which every line is a command."""
SCHEDULED = {"crontab"}
PASTED = {"json", "jsonc", "toml", "yaml", "python"}
"""Languages of blocks that are used as a whole."""
LOOKED_AT = {"", "text"}
"""Languages of blocks that are only looked at: what is printed, and pictures."""


@dataclass(frozen=True)
class Piece:
    """A command, or a whole block; `anchor` names the heading above it as a link does."""

    guide: str
    anchor: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.guide}#{self.anchor}"

    def __str__(self) -> str:
        return f"{self.guide}:{self.line}: {self.text.splitlines()[0]}"


@cache
def pieces() -> tuple[Piece, ...]:
    """Everything that is typed or pasted, in the order of the guides."""
    return tuple(piece for block in blocks() if block.language not in LOOKED_AT for piece in _parted(block))


@cache
def blocks() -> tuple[Piece, ...]:
    """Every fenced block, as it stands there."""
    return tuple(block for guide in GUIDES for block in fenced(_name(guide), _read(guide)))


@cache
def spans() -> tuple[Piece, ...]:
    """Every piece of code within a sentence or a table."""
    return tuple(span for guide in GUIDES for span in _spans(_name(guide), _read(guide)))


def printed(place: str) -> str:
    """What a guide shows as printed under a heading."""
    (text,) = (block.text for block in blocks() if block.place == place and block.language in LOOKED_AT)
    return text.strip()


def masked(line: str) -> str:
    """A line of a log without its ids and times, which a guide cuts short."""
    return re.sub(r"\b(ms|room|sha256|\w*_id|principal)=(agent:)?[0-9a-f.-]+…?", r"\1=\2", line)


def fenced(guide: str, text: str) -> Iterator[Piece]:
    """The blocks of a text."""
    for found in re.finditer(r"^ *```(\w*)\n(.*?)^ *```$", text, re.M | re.S):
        above, line = text[: found.start()], text[: found.start()].count("\n") + 1
        yield Piece(guide, _anchor(above), line, found[1], textwrap.dedent(found[2]))


def _parted(block: Piece) -> Iterator[Piece]:
    """The commands of a block, or the block."""
    if block.language in PASTED:
        yield block
        return
    for line in _lines(block.text):
        text = line.split(maxsplit=5)[5] if block.language in SCHEDULED else line
        for command in re.split(r" && (?![^(]*\))", text):
            yield Piece(block.guide, block.anchor, block.line, block.language, command)


def _lines(text: str) -> list[str]:
    """What is typed, where a `$` stands before it if the block shows what is printed, too."""
    lines = text.replace("\\\n", "").splitlines()
    typed = [line[2:] for line in lines if line.startswith("$ ")]
    return typed or [line for line in lines if line.strip()]


def _spans(guide: str, text: str) -> Iterator[Piece]:
    prose = re.sub(r"^ *```.*?^ *```$", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S)
    for found in re.finditer(r"`([^`\n]+)`", prose):
        line = prose[: found.start()].count("\n") + 1
        yield Piece(guide, _anchor(prose[: found.start()]), line, "span", found[1])


def _anchor(above: str) -> str:
    headings = re.findall(r"^#+ (.*)$", above, re.M)
    return re.sub(r"[^\w -]", "", headings[-1].lower()).replace(" ", "-") if headings else ""


def _name(guide: Path) -> str:
    return str(guide.relative_to(ROOT))


def _read(guide: Path) -> str:
    return guide.read_text(encoding="utf-8")


def followed(place: str, *begins: str) -> list[Piece]:
    """What stands in a guide, or under one heading (`docs/hosts.md#install`), or what of it begins so."""
    of_it = [piece for piece in pieces() if place in (piece.guide, piece.place)]
    return [piece for piece in of_it if piece.text.startswith(begins or ("",))]
