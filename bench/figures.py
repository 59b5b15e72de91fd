"""What a measurement has found, and what it was to find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, median
from typing import Any, Self


@dataclass(frozen=True)
class Effort:
    """How much is measured. `scale` makes every number of calls, messages or rows smaller; 1 is all.

    `warm` rounds before do not count.
    """

    rounds: int = 5
    scale: float = 1.0
    warm: int = 1

    def of(self, number: int) -> int:
        """So many of a number; one at least."""
        return max(1, round(number * self.scale))


@dataclass(frozen=True)
class Goal:
    """That `who` is at most `bound` times `of`; without `of`, at most `bound`. Or at least, or exactly."""

    who: str
    bound: float
    of: str | None = None
    at_least: bool = False
    exactly: bool = False

    @property
    def how(self) -> str:
        """As one says it."""
        return "exactly" if self.exactly else "at least" if self.at_least else "at most"

    def measured(self, figure: Figure) -> float:
        """The ratio, or the value itself."""
        return figure.ratio(self.who, self.of) if self.of else figure.median(self.who)

    def is_reached(self, figure: Figure) -> bool:
        """Whether it is so."""
        found = self.measured(figure)
        if self.exactly:
            return found == self.bound
        return found >= self.bound if self.at_least else found <= self.bound


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, in one unit, of everybody beside each other: a value for each round."""

    what: str
    unit: str
    values: Mapping[str, Sequence[float]]
    goals: tuple[Goal, ...] = ()
    note: str = ""

    def median(self, who: str) -> float:
        """What is said of somebody."""
        return median(self.values[who])

    def ratio(self, who: str, of: str) -> float:
        """The median of the ratios of each round, for what is measured at one time has one weather."""
        return median(a / b for a, b in zip(self.values[who], self.values[of], strict=True) if b)

    def said(self, what: str) -> Self:
        """The same, called otherwise."""
        return replace(self, what=what)

    def as_json(self) -> dict[str, Any]:
        """Everything, with the medians and what came of the goals, for who reads it elsewhere."""
        came = [{"measured": goal.measured(self), "reached": goal.is_reached(self)} for goal in self.goals]
        return {**asdict(self), "medians": {who: self.median(who) for who in self.values}, "came": came}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The inverse."""
        goals = tuple(Goal(**goal) for goal in record["goals"])
        return cls(record["what"], record["unit"], record["values"], goals, record["note"])


@dataclass
class Gathered:
    """Values of many rounds, by what and whom."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict[str, dict[str, list[float]]])

    def add(self, who: str, found: Mapping[str, float]) -> None:
        """What one round has found of somebody."""
        for what, value in found.items():
            self.values.setdefault(what, {}).setdefault(who, []).append(value)

    def joined(self, slices: int) -> Gathered:
        """The same where each value is the mean of so many that were gathered one after the other."""
        return Gathered(
            {
                what: {
                    who: [fmean(some) for some in zip(*[iter(found)] * slices, strict=True)]
                    for who, found in them.items()
                }
                for what, them in self.values.items()
            }
        )

    def figure(self, what: str, unit: str, *goals: Goal, note: str = "", per: float = 1.0) -> Figure:
        """One of them, in a unit that is `per` of what was gathered."""
        scaled = {who: [value * per for value in found] for who, found in self.values[what].items()}
        return Figure(what, unit, scaled, goals, note)
