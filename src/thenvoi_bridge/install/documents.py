"""A host's configuration as a text: what it says, and the text with our server in it or without.

Whatever a change leads to is read again and compared with what was meant, before anybody writes it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from thenvoi_bridge.install import jsonc, toml


class Format(StrEnum):
    """How a configuration is written. `JSONC` is JSON with comments."""

    JSON = "JSON"
    JSONC = "JSONC"
    TOML = "TOML"


class Unreadable(Exception):
    """The configuration cannot be read, or not be changed safely; the message says why, without a path."""


def said(text: str, form: Format) -> dict[str, Any]:
    """What the configuration says; nothing, if nothing is in it. Raises `Unreadable`."""
    try:
        found = toml.read(text) if form is Format.TOML else _json(text, form)
    except ValueError as exc:
        raise Unreadable(f"it is not {form} that can be read ({exc})") from exc
    if not isinstance(found, dict):
        raise Unreadable(f"it is {form}, but no object")
    return found


def entry(text: str, form: Format, path: Sequence[str]) -> dict[str, Any] | None:
    """The object at this path, None if there is none. Raises `Unreadable`, also where something else is."""
    inner: Any = said(text, form)
    for nth, name in enumerate(path):
        if name not in inner:
            return None
        inner = inner[name]
        if not isinstance(inner, dict):
            raise Unreadable(f"{'.'.join(path[: nth + 1])} in it is no object")
    found: dict[str, Any] = inner
    return found


def with_entry(text: str, form: Format, path: Sequence[str], values: Mapping[str, Any]) -> str:
    """The text with these values in the object at this path; what else stands there stays.

    Raises `Unreadable`.
    """
    there = entry(text, form, path)
    wanted = merged(there or {}, values)
    if wanted == there:
        return text
    try:
        after = _with(text, form, path, values if there is not None else None, wanted)
    except ValueError as exc:
        raise Unreadable(str(exc)) from exc
    return _checked(text, after, form, path, wanted)


def without_entry(text: str, form: Format, path: Sequence[str]) -> str:
    """The text without the object at this path. Raises `Unreadable`."""
    if entry(text, form, path) is None:
        return text
    if form is Format.TOML:
        after = toml.remove(text, path)
    else:
        after = jsonc.remove(text, path, comments=form is Format.JSONC)
    return _checked(text, after, form, path, None)


def merged(there: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Both; where both say something the values win, and of two objects each one's members."""
    both = {**there, **values}
    for name in there.keys() & values.keys():
        if isinstance(there[name], dict) and isinstance(values[name], dict):
            both[name] = merged(there[name], values[name])
    return both


def _json(text: str, form: Format) -> Any:
    comments = form is Format.JSONC
    return {} if jsonc.is_blank(text, comments=comments) else jsonc.read(text, comments=comments).value


def _with(
    text: str, form: Format, path: Sequence[str], changes: Mapping[str, Any] | None, wanted: dict[str, Any]
) -> str:
    """The new text: an entry of its own, or, with `changes`, those alone."""
    if form is Format.TOML:
        return toml.add(text if changes is None else toml.remove(text, path), path, wanted)
    comments = form is Format.JSONC
    if changes is None:
        return jsonc.put(text, path, wanted, comments=comments)
    for name, value in changes.items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        for within, each in inner:
            text = jsonc.put(text, [*path, name, *([within] if within else [])], each, comments=comments)
    return text


def _checked(
    before: str, after: str, form: Format, path: Sequence[str], wanted: Mapping[str, Any] | None
) -> str:
    """The text after the change, if it says what it did before but for the entry. Raises `Unreadable`."""
    meant = copy.deepcopy(said(before, form))
    inner = meant
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    if wanted is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = wanted
    try:
        found = said(after, form)
    except Unreadable:
        found = None
    if found not in (meant, _without_empty(meant, path)):
        raise Unreadable(f"the entry {'.'.join(path)} is written in a way that cannot be changed safely")
    return after


def _without_empty(meant: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The same without our table, if nothing is left in it: in TOML it may have been there for us alone."""
    return meant if meant.get(path[0]) else {name: v for name, v in meant.items() if name != path[0]}
