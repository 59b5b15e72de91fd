"""Time in a simulation, what is drawn by lot, and what is due. One seed is one schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from heapq import heapify, heappop, heappush
from random import Random
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[float, None, T]
"""What a process does: each `yield` is a place to be killed at, and the seconds until it goes on."""


class Rest(float):
    """Seconds in which a process only waits for something to do. Accidents happen to those at work."""


class Clock:
    """The time in seconds, and what is to happen when. `tally` counts what has."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.now = 0.0
        self.tally: Counter[str] = Counter()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._planned = 0

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        """Have something happen, after everything that was planned for the same moment before."""
        self._planned += 1
        heappush(self._due, (self.now + seconds, self._planned, what))

    def run(self, until: float) -> None:
        """Let happen whatever is due until then."""
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, what = heappop(due)
            what()
        self.now = until

    def happens(self, share: float) -> bool:
        """Whether something that happens in that share of all cases does so now."""
        return self.rng.random() < share


def together(*works: Steps[None]) -> Steps[None]:
    """Do several things at the same time."""
    due = [(0.0, nth, work) for nth, work in enumerate(works)]
    heapify(due)
    passed = 0.0
    while due:
        at, nth, work = heappop(due)
        yield at - passed
        passed = at
        if (pause := next(work, None)) is not None:
            heappush(due, (at + pause, nth, work))
