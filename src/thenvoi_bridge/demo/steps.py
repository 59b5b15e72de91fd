"""Steps as data: what is done, over which way, and what must be observed. Playing them; not what they are.

The timeline, the measured times, the exit code and the summary are all read off one `Outcome`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio

Scene = TypeVar("Scene")


class Unexpected(Exception):
    """Something else was observed than the story says. The message is a clause: "the tool said no"."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step observed: lines to show with it, and when it was, if before the step returned."""

    lines: tuple[str, ...] = ()
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[Scene]):
    """One thing that happens. `expected` completes "Expected …"; `since` names an earlier step from whose
    beginning the time of this one counts; `limit` is in seconds.
    """

    what: str
    way: str
    act: Callable[[Scene], Awaitable[Seen]]
    expected: str
    since: str | None = None
    limit: float = 10.0


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was observed; times are in seconds, `started` since the story began."""

    what: str
    way: str
    since: str | None
    started: float
    took: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The step that was not observed, its number, and the one sentence about it."""

    what: str
    way: str
    started: float
    sentence: str


@dataclass(slots=True)
class Outcome:
    """What came of the story: what was observed so far, and what ended it early."""

    planned: int
    done: list[Done] = field(default_factory=list)
    failed: Failed | None = None
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every step was observed."""
        return self.failed is None and len(self.done) == self.planned


class Audience(Protocol):
    """Who watches the story being played."""

    def working(self, what: str) -> None:
        """A step has begun."""

    def show(self, step: Done | Failed) -> None:
        """A step has ended."""


async def play(steps: Sequence[Step[Scene]], scene: Scene, audience: Audience) -> Outcome:
    """Play the steps in order, up to the first that fails."""
    outcome, zero = Outcome(len(steps)), time.perf_counter()
    for step in steps:
        audience.working(step.what)
        ended = await _observe(step, scene, outcome, zero)
        audience.show(ended)
        if isinstance(ended, Failed):
            outcome.failed = ended
            break
        outcome.done.append(ended)
    outcome.seconds = time.perf_counter() - zero
    return outcome


async def _observe(step: Step[Scene], scene: Scene, outcome: Outcome, zero: float) -> Done | Failed:
    began = time.perf_counter()
    try:
        with anyio.fail_after(step.limit):
            seen = await step.act(scene)
    except Exception as exc:  # whatever it is: the story says in a sentence that it did not go on
        nth = f"Step {len(outcome.done) + 1} of {outcome.planned}, “{step.what}”, failed."
        sentence = f"{nth} Expected {step.expected}, but {_clause(exc, step.limit)}."
        return Failed(step.what, step.way, began - zero, sentence)
    earlier = {done.what: done.started + zero for done in outcome.done}
    took = (seen.at or time.perf_counter()) - (earlier[step.since] if step.since else began)
    return Done(step.what, step.way, step.since, began - zero, took, seen.lines)


def _clause(problem: BaseException, limit: float) -> str:
    """What came instead, to follow "but"."""
    from thenvoi_bridge.contract.errors import ThenvoiError  # not before the first line is on the screen

    match problem:
        case BaseExceptionGroup():
            return _clause(problem.exceptions[0], limit)
        case TimeoutError():
            return f"nothing came within {limit:.0f} seconds"
        case ThenvoiError():
            return f"this came: {problem.message} ({problem.code})"
        case Unexpected():
            return str(problem)
        case _:
            return f"this came: {problem} ({type(problem).__name__})"
