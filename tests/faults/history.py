"""What was done and with which outcome, by everybody who takes part in a run; and what must be true of it.

One file may be written by several processes at once, also while some of them are killed: every line is one
write. What the platform has at the end comes in as plain values, so that a simulation can be checked, too.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]

FAULTS = "faults"
"""The actor of every fault that came about; its `op` is the kind."""

POST, ANSWER = "post", "answer"
"""Operations whose `key` is a message: one that was posted, and one that was answered."""

LONGEST_PAUSE = 300.0
"""Seconds for which a Retry-After has to be respected at most."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. `t` is in seconds of a clock that all actors share; `extra` is whatever else is known.

    `retry_after` among the extra is a pause in seconds that the actor was asked for at `t`.
    """

    t: float
    actor: str
    op: str
    key: str
    outcome: Outcome
    extra: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """It as JSON, in one line."""
        known = {"t": self.t, "actor": self.actor, "op": self.op, "key": self.key, "outcome": self.outcome}
        return json.dumps({**known, **self.extra}) + "\n"

    @classmethod
    def of(cls, line: str) -> Op:
        """The operation in a line. Raises ValueError, KeyError."""
        found = json.loads(line)
        known = {name: found.pop(name) for name in ("t", "actor", "op", "key", "outcome")}
        return cls(**known, extra=found)


class History:
    """Operations in the order in which they were noted: in a file, or in memory if there is none.

    `now` is monotonic, and the same for all processes of this computer.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._path = path
        self._ops: list[Op] = []

    def note(
        self, actor: str, op: str, key: str, outcome: Outcome, *, t: float | None = None, **extra: Any
    ) -> None:
        """Add an operation that happened now, or at `t`. What is None among the extra is left out."""
        given = {name: value for name, value in extra.items() if value is not None}
        one = Op(self.now() if t is None else t, actor, op, key, outcome, given)
        if self._path is None:
            self._ops.append(one)
        else:
            with self._path.open("ab", buffering=0) as file:
                file.write(one.line().encode())

    def fault(self, kind: str, key: str = "", **extra: Any) -> None:
        """Add a fault that has come about; `key` says to what."""
        self.note(FAULTS, kind, key, "ok", **extra)

    def ops(self) -> list[Op]:
        """All there is, what others have written included."""
        if self._path is None:
            return [*self._ops]
        return [*map(Op.of, self._path.read_text().splitlines())] if self._path.exists() else []

    def happened(self) -> Counter[str]:
        """How often each kind of fault has come about."""
        return Counter(one.op for one in self.ops() if one.actor == FAULTS)


def actor_of(key: str) -> str:
    """Who uses an API key, without showing it."""
    return sha256(key.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is wrong; all of it ids of messages.

    `lost` were never answered, `answered_twice` by more than one message; `unasked` were answered in a room
    they were not posted in. An inversion is two messages of a room of which the later one was answered first,
    with no other first answer in between. `unprocessed` are still open. `forgotten` were posted or answered
    as far as somebody was told, but the platform does not have it.
    """

    lost: tuple[str, ...] = ()
    answered_twice: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    inversions: tuple[tuple[str, str], ...] = ()
    unprocessed: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return self == Report()


Answers = Mapping[str, Sequence[tuple[str, str]]]
"""By room, in its order: the message that was answered, and its answer."""


def check(
    posted: Mapping[str, Sequence[str]],
    answers: Answers,
    unprocessed: Mapping[str, Iterable[str]],
    history: Iterable[Op] = (),
) -> Report:
    """Hold what the platform has, room by room, against itself and against what was done.

    `posted` are the messages that mention the agent, in the order of their room.
    """
    rooms = {room: _first_answers(answers.get(room, ())) for room in {**posted, **answers}}
    asked = {room: {*posted.get(room, ())} for room in rooms}
    return Report(
        lost=tuple(id for room, ids in posted.items() for id in ids if id not in rooms[room]),
        answered_twice=tuple(_answered_twice(answers)),
        unasked=tuple(id for room, first in rooms.items() for id in first if id not in asked[room]),
        inversions=tuple(pair for room, ids in posted.items() for pair in _inverted(ids, rooms[room])),
        unprocessed=tuple(chain.from_iterable(unprocessed.values())),
        forgotten=tuple(_forgotten(posted, rooms, history)),
    )


def impatient(ops: Iterable[Op], grace: float = 0.0) -> list[Op]:
    """The operations that an actor began within a pause that it had been asked for.

    `grace` is how long after the request for a pause, in seconds, others may still be on their way.
    """
    found, pauses = [], defaultdict[str, list[tuple[float, float]]](list)
    for one in sorted(ops, key=lambda op: op.t):
        pauses[one.actor] = [(since, until) for since, until in pauses[one.actor] if one.t < until]
        if any(since + grace < one.t for since, _ in pauses[one.actor]):
            found.append(one)
        if (pause := one.extra.get("retry_after")) is not None:
            pauses[one.actor].append((one.t, one.t + min(pause, LONGEST_PAUSE)))
    return found


def assert_happened(counts: Mapping[str, int], minimum: Mapping[str, int]) -> None:
    """Raise AssertionError naming the faults that did not come about so often; a run without them is none."""
    missing = [
        f"{kind} {counts.get(kind, 0)} of {least}"
        for kind, least in minimum.items()
        if counts.get(kind, 0) < least
    ]
    assert not missing, f"faults that did not happen as often as they had to: {', '.join(missing)}"


def _first_answers(answers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first answer to each message, in the order of the answers."""
    first: dict[str, str] = {}
    for message, answer in answers:
        first.setdefault(message, answer)
    return first


def _answered_twice(answers: Answers) -> Iterator[str]:
    given = Counter(message for message, _ in dict.fromkeys(chain.from_iterable(answers.values())))
    yield from (message for message, times in given.items() if times > 1)


def _inverted(ids: Sequence[str], first: Iterable[str]) -> Iterator[tuple[str, str]]:
    place = {id: nth for nth, id in enumerate(ids)}
    in_place = (id for id in first if id in place)
    yield from ((one, other) for one, other in pairwise(in_place) if place[one] > place[other])


def _forgotten(
    posted: Mapping[str, Iterable[str]], rooms: Mapping[str, Iterable[str]], history: Iterable[Op]
) -> Iterator[str]:
    there = {POST: {*chain(*posted.values())}, ANSWER: {*chain(*rooms.values())}}
    for one in history:
        if one.outcome == "ok" and one.op in there and one.key not in there[one.op]:
            yield one.key
