"""Turns what a model wrote for a person or agent (an id, a handle or a name) into the one that is meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from thenvoi_bridge.bridge.rooms import Person


class NotFoundByName(Exception):
    """Nobody, or more than one, answers to what was written. `choices` are handles that would do."""

    def __init__(self, written: str, choices: Sequence[str], *, several: bool) -> None:
        super().__init__(written)
        self.written = written
        self.choices = choices
        self.several = several


def find(written: str, people: Sequence[Person]) -> Person:
    """The one meant by an id, a handle (with or without @) or a name. Raises `NotFoundByName`.

    An exact id wins over a handle, a handle over a name, so that nobody can take over another one's id or
    handle by calling himself so.
    """
    for matches in (_by_id(written, people), _by_handle(written, people), _by_name(written, people)):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise NotFoundByName(written, [_handle(p) for p in matches], several=True)
    raise NotFoundByName(written, [_handle(p) for p in people], several=False)


def is_one_of(person: Person, names: Collection[str]) -> bool:
    """Whether somebody is among those whose ids or handles (with or without @) these are."""
    handle = person.handle.casefold() if person.handle else None
    return person.id in names or handle in {name.removeprefix("@").casefold() for name in names}


def _by_id(written: str, people: Sequence[Person]) -> list[Person]:
    return [p for p in people if p.id == written]


def _by_handle(written: str, people: Sequence[Person]) -> list[Person]:
    wanted = written.removeprefix("@").casefold()
    return [p for p in people if p.handle and p.handle.casefold() == wanted]


def _by_name(written: str, people: Sequence[Person]) -> list[Person]:
    wanted = written.removeprefix("@").casefold()
    return [p for p in people if p.name and p.name.casefold() == wanted]


def _handle(person: Person) -> str:
    return f"@{person.handle}" if person.handle else person.id
