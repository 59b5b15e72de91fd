"""Which rooms and senders the bridges of an agent may see, for whoever looks into its inbox beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any

Alive = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Sight:
    """The ids of the only rooms and senders whose messages may be seen; None where all may."""

    rooms: frozenset[str] | None = None
    senders: frozenset[str] | None = None

    def sees(self, chat_id: str, sender_id: str) -> bool:
        """Whether messages of that sender in that room may be seen."""
        return _has(self.rooms, chat_id) and _has(self.senders, sender_id)

    def knowing(self, ids: Iterable[str]) -> Sight:
        """The same, and these senders, too."""
        return self if self.senders is None else replace(self, senders=self.senders | {*ids})

    def __and__(self, other: Sight) -> Sight:
        """What both may see."""
        return Sight(_both(self.rooms, other.rooms), _both(self.senders, other.senders))


@dataclass(frozen=True, slots=True)
class Posted:
    """What a bridge may see. `owner` is the id of its sign of life, `host` the name of who started it."""

    owner: str
    host: str
    sight: Sight


def posting(new: Posted, before: Iterable[Posted], alive: Alive) -> list[Posted]:
    """What stands on the board once a bridge has posted: in place of its own, and the dead of its host."""
    return [p for p in before if p.owner != new.owner and (p.host != new.host or alive(p.owner))] + [new]


def in_force(posted: Sequence[Posted], alive: Alive, host: str | None = None) -> Sight:
    """What may be shown beside the bridges: only what all of them may see that live, and the last of `host`.

    A hook runs at the start of a session, before the bridge of that session is there: the last one of its
    host counts until then. Where none counts, the last ones of all hosts do.
    """
    last = {p.host: p for p in posted}
    counts = [p for p in posted if alive(p.owner) or p is last.get(host or "")]
    return reduce(Sight.__and__, (p.sight for p in counts or last.values()), Sight())


def as_json(posted: Iterable[Posted]) -> str:
    """What stands on the board, as text to keep."""
    return json.dumps([asdict(each) for each in posted], default=sorted)


def from_json(text: str) -> list[Posted]:
    """What stands there, from that text. Raises `ValueError` where anything is not as it should be."""
    try:
        said = json.loads(text)
        return [Posted(_text(one["owner"]), _text(one["host"]), _sight(one["sight"])) for one in said]
    except (KeyError, TypeError, RecursionError):
        raise ValueError("it is no board") from None


def _sight(said: Any) -> Sight:
    lists = (said["rooms"], said["senders"])
    return Sight(*(None if ids is None else frozenset(map(_text, ids)) for ids in lists))


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError
    return said


def _has(some: frozenset[str] | None, id: str) -> bool:
    return some is None or id in some


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other
