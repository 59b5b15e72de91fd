"""Changes one member of a JSON text and leaves every other byte as it is: comments, order, indentation.

Also reads what editors call JSON: with comments and with commas after the last item.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DEEPEST = 100
"""Levels of nesting that are read."""

# Possessive and atomic, so that a comment ends at its first end and nothing is tried twice.
_COMMENT = r"(?://[^\r\n]*+|(?>/\*.*?\*/))"
_SPACE = re.compile(r"[ \t\r\n]*+")
_TRIVIA = re.compile(rf"(?:[ \t\r\n]++|{_COMMENT})*+", re.DOTALL)
_COMMENT_IN_LINE = re.compile(rf"[ \t]*+{_COMMENT}", re.DOTALL)
_SCALAR = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null'
)


class NotJson(ValueError):
    """The text is none that can be read or changed; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands. An object has `members`; `end` is the place after it."""

    value: Any
    start: int
    end: int
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object. `comma` is where the comma after it stands, None if there is none."""

    name: str
    start: int
    node: Node
    comma: int | None

    @property
    def end(self) -> int:
        """The place after it, and after its comma."""
        return self.node.end if self.comma is None else self.comma + 1


def read(text: str, *, comments: bool = True) -> Node:
    """The value that the whole text is. Without `comments` nothing but JSON passes. Raises `NotJson`."""
    reader = _Reader(text, _TRIVIA if comments else _SPACE, comments)
    return reader.whole()


def put(text: str, path: Sequence[str], value: Any, *, comments: bool = True) -> str:
    """The text with this value at a path of names; objects on the way are made. Raises `NotJson`."""
    text = _begun(text, comments)
    root = read(text, comments=comments)
    style = _Style.of(text, root)
    node, missing = root, list(path)
    while missing:
        if not isinstance(node.value, dict):
            raise NotJson(f"{_called(path, missing)} is no object")
        found = _last(node, missing[0])
        if found is None:
            for name in reversed(missing[1:]):
                value = {name: value}
            return _with_member(text, node, style, missing[0], value)
        node, missing = found.node, missing[1:]
    if json.dumps(node.value, sort_keys=True) == json.dumps(value, sort_keys=True):
        return text
    return text[: node.start] + style.shown(value, _indent_at(text, node.start)) + text[node.end :]


def remove(text: str, path: Sequence[str], *, comments: bool = True) -> str:
    """The text without the member at this path, which may be missing. Raises `NotJson`."""
    while not is_blank(text, comments=comments):
        node = read(text, comments=comments)
        for name in path[:-1]:
            member = _last(node, name)
            if member is None:
                return text
            node = member.node
        member = _last(node, path[-1])
        if member is None:
            return text
        text = _without(text, node, member)
    return text


def is_blank(text: str, *, comments: bool = True) -> bool:
    """Whether the text says nothing at all, as a file that was just made."""
    return (_TRIVIA if comments else _SPACE).fullmatch(text) is not None


class _Reader:
    """Reads a text from its beginning to its end."""

    def __init__(self, text: str, trivia: re.Pattern[str], commas_at_end: bool) -> None:
        self._text, self._trivia, self._commas_at_end = text, trivia, commas_at_end
        self._at = 0

    def whole(self) -> Node:
        self._skip()
        node = self._node(DEEPEST)
        self._skip()
        if self._at < len(self._text):
            raise self._wrong("there is something after the end")
        return node

    def _node(self, depth: int) -> Node:
        if depth == 0:
            raise self._wrong("it is nested too deeply")
        start, first = self._at, self._text[self._at : self._at + 1]
        if first == "{":
            members = self._members(depth)
            return Node({m.name: m.node.value for m in members}, start, self._at, members)
        if first == "[":
            return Node(self._items(depth), start, self._at)
        return Node(self._scalar(), start, self._at)

    def _members(self, depth: int) -> tuple[Member, ...]:
        members: list[Member] = []
        self._at += 1
        self._skip()
        while not self._took("}"):
            if members and members[-1].comma is None:
                raise self._wrong("a comma or } is missing")
            start, name = self._at, self._name()
            node = self._node(depth - 1)
            self._skip()
            comma = self._at - 1 if self._took(",") else None
            self._skip()
            members.append(Member(name, start, node, comma))
        self._refuse_comma_at_end(bool(members and members[-1].comma is not None))
        return tuple(members)

    def _items(self, depth: int) -> list[Any]:
        items: list[Any] = []
        comma = True
        self._at += 1
        self._skip()
        while not self._took("]"):
            if not comma:
                raise self._wrong("a comma or ] is missing")
            items.append(self._node(depth - 1).value)
            self._skip()
            comma = self._took(",")
            self._skip()
        self._refuse_comma_at_end(bool(items) and comma)
        return items

    def _name(self) -> str:
        if not self._text.startswith('"', self._at):
            raise self._wrong("a name in quotation marks is missing")
        name = str(self._scalar())
        self._skip()
        if not self._took(":"):
            raise self._wrong("a colon is missing")
        self._skip()
        return name

    def _scalar(self) -> Any:
        found = _SCALAR.match(self._text, self._at)
        try:
            value = json.loads(found[0]) if found else None
        except ValueError:
            found = None
        if found is None:
            raise self._wrong("a value is missing, or is none")
        self._at = found.end()
        return value

    def _refuse_comma_at_end(self, is_there: bool) -> None:
        if is_there and not self._commas_at_end:
            raise self._wrong("there is a comma after the last item")

    def _took(self, mark: str) -> bool:
        took = self._text.startswith(mark, self._at)
        self._at += took
        return took

    def _skip(self) -> None:
        found = self._trivia.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _wrong(self, why: str) -> NotJson:
        return NotJson(f"line {self._text.count(chr(10), 0, self._at) + 1}: {why}")


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is laid out: its line ends, None where all stands in one line, and its indentation."""

    newline: str | None
    unit: str

    @classmethod
    def of(cls, text: str, root: Node) -> _Style:
        body = text[root.start : root.end]
        usual = "\r\n" if "\r\n" in text else "\n"
        first = re.search(r'\n([ \t]+)"', body)
        return cls(usual if "\n" in body or not root.members else None, first[1] if first else "  ")

    def shown(self, value: Any, indent: str) -> str:
        if self.newline is None:
            return json.dumps(value, ensure_ascii=False)
        lines = json.dumps(value, ensure_ascii=False, indent=self.unit).split("\n")
        return f"{self.newline}{indent}".join(lines)


def _with_member(text: str, node: Node, style: _Style, name: str, value: Any) -> str:
    if not node.members:
        return _with_first(text, node, style, name, value)
    last = node.members[-1]
    indent = _indent_at(text, last.start)
    gap = " " if style.newline is None else style.newline + indent
    member = f"{json.dumps(name, ensure_ascii=False)}: {style.shown(value, indent)}"
    place = _end_of_line(text, last.end, node.end - 1)
    if last.comma is None:
        return f"{text[: last.end]},{text[last.end : place]}{gap}{member}{text[place:]}"
    return f"{text[:place]}{gap}{member},{text[place:]}"


def _with_first(text: str, node: Node, style: _Style, name: str, value: Any) -> str:
    inside = text[node.start + 1 : node.end - 1]
    place = node.start + 1 + len(inside.rstrip(" \t\r\n"))
    if style.newline is None:
        return f"{text[:place]}{json.dumps({name: value}, ensure_ascii=False)[1:-1]}{text[place:]}"
    outer = _indent_at(text, node.start)
    indent = outer + style.unit
    member = f"{style.newline}{indent}{json.dumps(name, ensure_ascii=False)}: {style.shown(value, indent)}"
    rest = text[place:] if "\n" in text[place : node.end] else style.newline + outer + text[node.end - 1 :]
    return f"{text[:place]}{member}{rest}"


def _without(text: str, node: Node, member: Member) -> str:
    nth = node.members.index(member)
    start = len(text[: member.start].rstrip(" \t\r\n"))
    before, after = text[:start], text[member.end :]
    trivia = text[node.members[nth - 1].end if nth else node.start + 1 : start]
    if member.comma is None and nth > 0 and (comma := node.members[nth - 1].comma) is not None:
        before = before[:comma] + before[comma + 1 :]
    if _ends_in_line_comment(trivia) and not after.startswith(("\r", "\n")):
        before += text[start : member.start]  # else the comment would go on over what follows
    if len(node.members) == 1 and start == node.start + 1 and after.lstrip(" \t\r\n").startswith("}"):
        after = after.lstrip(" \t\r\n")
    return before + after


def _begun(text: str, comments: bool) -> str:
    """The text with an object in it, if it says nothing yet."""
    if not is_blank(text, comments=comments):
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    return text + (newline if text.strip() and not text.endswith("\n") else "") + "{}" + newline


def _last(node: Node, name: str) -> Member | None:
    """The member of this name; of several the one that readers of JSON take."""
    return next((member for member in reversed(node.members) if member.name == name), None)


def _end_of_line(text: str, start: int, stop: int) -> int:
    """Where the comments end that begin in the line of `start`."""
    while found := _COMMENT_IN_LINE.match(text, start, stop):
        start = found.end()
    return start


def _ends_in_line_comment(trivia: str) -> bool:
    comments = re.findall(_COMMENT, trivia, re.DOTALL)
    return bool(comments) and comments[-1].startswith("//") and trivia.endswith(comments[-1])


def _indent_at(text: str, place: int) -> str:
    """The white space at the beginning of a place's line."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _called(path: Sequence[str], missing: Sequence[str]) -> str:
    return ".".join(path[: len(path) - len(missing)]) or "the whole"
