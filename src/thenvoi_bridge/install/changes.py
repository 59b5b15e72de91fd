"""One change of one host's configuration: what it would be, and then, if it is wanted, the writing of it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thenvoi_bridge.install import documents, files
from thenvoi_bridge.install.documents import Format, Unreadable
from thenvoi_bridge.install.server import HIDDEN, Server, is_ours
from thenvoi_bridge.install.targets import Target
from thenvoi_bridge.settings.folders import Folders


class NotInstalled(Exception):
    """The host does not seem to be on this computer. One sentence."""


class CannotChange(Exception):
    """The configuration is left as it is. One sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration, and the path that shows that its host is there."""

    target: Target
    own: Path
    file: Path

    @classmethod
    def of(cls, target: Target, folders: Folders, project: Path | None = None) -> Place:
        """A host's own, or a project's. `project` only where the host knows such."""
        if project is None:
            return cls(target, target.own(folders), target.file(folders))
        assert target.project is not None
        return cls(target, project, project / target.project)

    @property
    def is_there(self) -> bool:
        """Whether the host, or the project, is."""
        return self.own.exists()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a configuration."""

    place: Place
    found: files.Found
    after: str
    secrets: tuple[str, ...] = ()

    @property
    def is_one(self) -> bool:
        """Whether anything is changed at all."""
        return self.after != self.found.text

    def diff(self) -> str:
        """What is changed, for people to see, without our keys."""
        name = str(self.place.file)
        before, after = (_hidden(text, self.secrets) for text in (self.found.text, self.after))
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
        return "\n".join(lines)

    def write(self, *, force: bool) -> Path | None:
        """Do it, and return where what was there is kept. Raises `NotInstalled` and `CannotChange`."""
        place = self.place
        if not (force or place.is_there):
            raise NotInstalled(_absent(place))
        try:
            folder = self.found.real.parent
            folder.mkdir(mode=0o700, parents=force, exist_ok=True)
            return files.replace(self.found, self.found.as_bytes(self.after), private=bool(self.secrets))
        except (files.Refused, OSError) as exc:
            raise _cannot(place.file, exc) from exc


def installing(place: Place, name: str, server: Server, *, force: bool) -> Change:
    """Put the server into a configuration, or bring it up to date. Raises `CannotChange`.

    A server of this name that is not ours is replaced only with `force`, and then nothing of it stays.
    """
    path, entry = (place.target.table, name), server.entry(place.target)
    secrets = tuple(server.secrets.values())

    def put(text: str, form: Format) -> str:
        if _is_strange(text, form, path, force):
            text = documents.without_entry(text, form, path)
        return documents.with_entry(text, form, path, entry)

    return _change(place, put, secrets)


def removing(place: Place, name: str, *, force: bool) -> Change:
    """Take the server of this name out of a configuration; one that is not ours only with `force`.

    Raises `CannotChange`.
    """
    path = (place.target.table, name)

    def take(text: str, form: Format) -> str:
        _is_strange(text, form, path, force)
        return documents.without_entry(text, form, path)

    return _change(place, take)


def snippet(target: Target, name: str, server: Server) -> str:
    """What to paste into a configuration that holds nothing else."""
    return documents.with_entry("", target.form, (target.table, name), server.shown(target))


def servers(place: Place) -> dict[str, Any]:
    """Every server in a configuration, by its name. Raises `CannotChange`."""
    try:
        return documents.entry(files.find(place.file).text, place.target.form, (place.target.table,)) or {}
    except (files.Refused, Unreadable, OSError) as exc:
        raise _cannot(place.file, exc) from exc


def _change(place: Place, edit: Callable[[str, Format], str], secrets: tuple[str, ...] = ()) -> Change:
    try:
        found = files.find(place.file)
        return Change(place, found, edit(found.text, place.target.form), secrets)
    except (files.Refused, Unreadable, OSError) as exc:
        raise _cannot(place.file, exc) from exc


def _is_strange(text: str, form: Format, path: tuple[str, str], force: bool) -> bool:
    """Whether another server has this name. Raises `Unreadable` if it is to keep it."""
    there = documents.entry(text, form, path)
    if not there or is_ours(there):
        return False
    if force:
        return True
    raise Unreadable(f"its {path[1]} is another server; --name gives ours another name, --force its place")


def _absent(place: Place) -> str:
    return f"{place.target.title} does not seem to be here: there is no {place.own}. --force writes anyway."


def _cannot(file: Path, exc: Exception) -> CannotChange:
    why = (exc.strerror or "it cannot be reached") if isinstance(exc, OSError) else str(exc)
    return CannotChange(f"{file} is left as it is: {why}. (--print shows what to put into it by hand.)")


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(json.dumps(secret)[1:-1], HIDDEN)
    return text
