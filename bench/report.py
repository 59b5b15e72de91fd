"""Figures as lines for people, as JSON, and as a page of the documentation."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version

from bench import plot
from bench.environments import ROOT
from bench.figures import Figure, Goal

PAGE, PICTURE, RECORD = (ROOT / f"docs/performance.{kind}" for kind in ("md", "svg", "json"))
LIBRARIES = ("mcp", "httpx2", "pydantic", "uvicorn", "websockets", "apsw")

Found = Mapping[str, Sequence[Figure]]
"""Figures by part."""


def lines(part: str, figures: Iterable[Figure]) -> list[str]:
    """A part for the terminal."""
    said = [f"== {part}"]
    for figure in figures:
        said += [f"{figure.what} ({figure.unit})"]
        width = max(map(len, figure.values))
        said += [f"    {who.ljust(width)}  {_spread(figure, who)}" for who in figure.values]
        said += [f"    {goal_in_words(goal, figure)}" for goal in figure.goals]
        said += [f"    ({figure.note})"] if figure.note else []
    return said


def goal_in_words(goal: Goal, figure: Figure) -> str:
    """What was to be, and what came of it."""
    bound = f"{goal.how} {short(goal.bound)}"
    bound += f" times {goal.of}" if goal.of else f" {figure.unit}"
    verdict = "reached" if goal.is_reached(figure) else "MISSED"
    return f"{goal.who}: {bound}; measured {short(goal.measured(figure))}: {verdict}"


def short(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def record(found: Found) -> str:
    """As JSON: every value of every round."""
    parts = {part: [figure.as_json() for figure in figures] for part, figures in found.items()}
    return json.dumps(parts, indent=1) + "\n"


def write(found: Found) -> None:
    """Put what was measured into the record, and from that into the page and the picture; the rest stays."""
    known = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    before = {part: [*map(Figure.from_json, figures)] for part, figures in known.items()}
    every = {**before, **found}
    text = PAGE.read_text(encoding="utf-8")
    for part, figures in every.items():
        text = _filled(text, part, table(figures))
    every = dict(sorted(every.items(), key=lambda part: text.index(_begin(part[0]))))  # as the page has them
    RECORD.write_text(record(every), encoding="utf-8")
    PAGE.write_text(_filled(text, "where", where()), encoding="utf-8")
    PICTURE.write_text(plot.picture(every, where()), encoding="utf-8")


def table(figures: Iterable[Figure]) -> str:
    """A part as a table: a row for each who, and for each goal a sentence behind it."""
    said = ["| What | Unit | Who: median (least to most) | Goals |", "| --- | --- | --- | --- |"]
    for figure in figures:
        them = "<br>".join(f"{who}: {_spread(figure, who).strip()}" for who in figure.values)
        goals = "<br>".join(goal_in_words(goal, figure) for goal in figure.goals)
        note = f" ({figure.note})" if figure.note else ""
        said.append(f"| {figure.what}{note} | {figure.unit} | {them} | {goals} |")
    return "\n".join(said)


def where() -> str:
    """The machine and the versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return (
        f"{date.today()}, {platform.system()} {platform.release()} on {platform.machine()}, {cores} cores, "
        f"{memory} GB, Python {platform.python_version()}; {versions}; band-mcp 2.2.7. "
        f"Load average at the end: {os.getloadavg()[1]:.1f}."
    )


def _spread(figure: Figure, who: str) -> str:
    """Median, and least and most."""
    values = figure.values[who]
    return f"{short(figure.median(who)):>8}   ({short(min(values))} to {short(max(values))})"


def _begin(name: str) -> str:
    return f"<!-- measured: {name} -->"


def _filled(text: str, name: str, content: str) -> str:
    """The page with this between its marks; a part that has none yet gets them at the end."""
    begin, end = _begin(name), f"<!-- end of {name} -->"
    if begin not in text:
        text += f"\n## {name}\n\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"
