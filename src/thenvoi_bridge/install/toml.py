"""Adds one table to a TOML text, or takes it out, and leaves every other byte as it is.

A table with a header of its own is all it knows how to take out; whatever comes of it is read again.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_LETTER = re.compile(r"[^\n]")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*", re.DOTALL
)


class NotToml(ValueError):
    """The text is none that can be read or changed; the message says where and why."""


def read(text: str) -> dict[str, Any]:
    """What the text says. Raises `NotToml`."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise NotToml(str(exc) or "it is nested too deeply") from exc


def add(text: str, path: Sequence[str], values: Mapping[str, Any]) -> str:
    """The text with a table of these values at its end: text, numbers, lists and tables of them."""
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text.strip() else newline if text.endswith("\n") else newline * 2
    lines = [f"[{'.'.join(map(_key, path))}]", *(f"{_key(name)} = {_shown(v)}" for name, v in values.items())]
    return text + gap + newline.join(lines) + newline


def remove(text: str, path: Sequence[str]) -> str:
    """The text without the table at this path, and without the tables inside of it. Raises `NotToml`."""
    kept: list[str] = []
    for header, section in _sections(text):
        if header[: len(path)] != tuple(path):
            kept += section
            continue
        if kept and not kept[-1].strip():
            kept.pop()  # the blank line that `add` puts before it
        kept += _after_values(section)
    return "".join(kept)


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each header's path, and the lines from there to the next one."""
    header: tuple[str, ...] = ()
    section: list[str] = []
    masked = _STRING.sub(lambda found: _without_lines(found[0]), text)
    for line, bare in zip(_LINE.findall(text), _LINE.findall(masked), strict=True):
        found = _header(bare)
        if found is not None:
            yield header, section
            header, section = found, []
        section.append(line)
    yield header, section


def _without_lines(string: str) -> str:
    """A string or comment; of one that has several lines, something as long that says nothing."""
    return _LETTER.sub("x", string) if "\n" in string else string


def _header(line: str) -> tuple[str, ...] | None:
    """The path that a line opens, if it is a header."""
    if not line.lstrip().startswith("["):
        return None
    try:
        inner: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:  # a line of a list, or of a text of several lines
        return None
    path = []
    while isinstance(inner, dict) and inner:
        (name, inner) = next(iter(inner.items()))
        path.append(name)
    return tuple(path)


def _after_values(section: Sequence[str]) -> list[str]:
    """Blank lines and comments after the last value: they belong to what comes next."""
    last = max(n for n, line in enumerate(section) if line.strip() and not line.lstrip().startswith("#"))
    return list(section[last + 1 :])


def _key(name: str) -> str:
    bare = name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    return name if bare else _shown(name)


def _shown(value: Any) -> str:
    match value:
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case dict():
            return "{ " + ", ".join(f"{_key(name)} = {_shown(v)}" for name, v in value.items()) + " }"
    # Of what JSON leaves as it is, TOML writes only this one otherwise.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
