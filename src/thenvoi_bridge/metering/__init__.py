"""What is counted for an operator: a seam, with nothing behind it unless somebody may look.

Whoever counts names a row of `table` and values for its labels, which are never ids, names or texts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One thing that is counted. A gauge is looked up when somebody asks; `buckets` are of a histogram."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What a gauge says now. Several of the same gauge and labels are one, their sum."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


Source = Callable[[], Awaitable[Iterable[Sample]]]
"""Looks up gauges. Does not raise."""


class Meter(Protocol):
    """Counts. None of this blocks or raises."""

    def add(self, counter: Metric, *labels: str, by: float = 1) -> None:
        """Count something that has happened."""

    def observe(self, histogram: Metric, value: float, *labels: str) -> None:
        """Note a value, in the unit that the name ends with."""

    def sampling(self, source: Source) -> AbstractContextManager[None]:
        """Until the end of the block, ask this for gauges."""


class Unmetered:
    """Counts nothing."""

    def add(self, counter: Metric, *labels: str, by: float = 1) -> None:
        """As `Meter` has it."""

    def observe(self, histogram: Metric, value: float, *labels: str) -> None:
        """As `Meter` has it."""

    def sampling(self, source: Source) -> AbstractContextManager[None]:
        """As `Meter` has it."""
        return nullcontext()


UNMETERED = Unmetered()
