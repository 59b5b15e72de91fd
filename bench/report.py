"""Figures as lines for people, as JSON, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.figures import Figure, Goal

Found = Mapping[str, Sequence[Figure]]
"""Figures by part."""


def lines(part: str, figures: Iterable[Figure]) -> list[str]:
    """A part for the terminal."""
    said = [f"== {part}"]
    for figure in figures:
        said += [f"{figure.what} ({figure.unit})"]
        width = max(map(len, figure.values))
        said += [f"    {who.ljust(width)}  {values}" for who, values in _spread(figure).items()]
        said += [f"    {goal_in_words(goal, figure)}" for goal in figure.goals]
        said += [f"    ({figure.note})"] if figure.note else []
    return said


def goal_in_words(goal: Goal, figure: Figure) -> str:
    """What was to be, and what came of it."""
    bound = f"{'at least' if goal.at_least else 'at most'} {short(goal.bound)}"
    bound += f" times {goal.of}" if goal.of else f" {figure.unit}"
    verdict = "reached" if goal.is_reached(figure) else "MISSED"
    return f"{goal.who}: {bound}; measured {short(goal.measured(figure))}: {verdict}"


def short(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spread(figure: Figure) -> dict[str, str]:
    """Median, and least and most."""
    return {
        who: f"{short(figure.median(who)):>8}   ({short(min(values))} to {short(max(values))})"
        for who, values in figure.values.items()
    }
