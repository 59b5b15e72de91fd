"""One picture of the ratios: what was measured of a bridge, against what it was to be. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from bench.figures import Figure, Goal
from bench.servers import BRIDGE

WIDTH, LEFT, BAR, ROW = 940, 560, 300, 24
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1a1a1a}.reached{fill:#2a7f4f}.missed{fill:#b3402a}"
    ".goal{stroke:#1a1a1a;stroke-width:2}rect.all{fill:#fff}"
)


def picture(figures: Iterable[Figure]) -> str:
    """A bar for each goal that is a ratio, as long as what was measured is against the goal's line."""
    rows = [(figure, goal) for figure in figures for goal in figure.goals if goal.of]
    height = ROW * (len(rows) + 2)
    bars = "".join(_row(figure, goal, ROW * (n + 1)) for n, (figure, goal) in enumerate(rows))
    at = LEFT + BAR / 2
    line = f'<line class="goal" x1="{at}" x2="{at}" y1="{ROW - 8}" y2="{height - ROW}"/>'
    said = f'<text x="{at + 6}" y="{height - 8}">the goal; a shorter bar is better</text>'
    whole = f'<rect class="all" width="{WIDTH}" height="{height}"/>'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    return f"{start}<title>Goals</title><style>{STYLE}</style>{whole}{bars}{line}{said}</svg>\n"


def _row(figure: Figure, goal: Goal, top: int) -> str:
    share = goal.measured(figure) / goal.bound
    share = 1 / share if goal.at_least and share else share
    kind = "reached" if goal.is_reached(figure) else "missed"
    long = min(share, 2) * BAR / 2
    name = escape(_short(figure, goal))
    return (
        f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{name}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{long:.0f}" height="{ROW - 8}"/>'
        f'<text x="{LEFT + BAR + 10}" y="{top + 12}">{share:.2f}</text>'
    )


def _short(figure: Figure, goal: Goal) -> str:
    who = "" if goal.who == BRIDGE else f": {goal.who}"
    text = f"{figure.what}{who} / {goal.of}"
    return text if len(text) < 78 else f"{text[:76]}…"
