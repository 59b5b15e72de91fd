"""One picture of the goals: what was measured against each, part by part. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from textwrap import wrap

from bench.figures import Figure, Goal

WIDTH, EDGE, LEFT, BAR, SAID = 980, 20, 490, 280, 790
"""Pixels from the left: the picture, its edge, the bars and how long the longest is, the numbers."""

ROW, HEAD, LINE, THICK = 36, 40, 16, 14
MOST = 2.0
"""Times its goal up to which a bar grows; where it ends in a point, it is longer."""

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1a1a1a}.small{font-size:11px;fill:#595959}"
    ".head{font-size:14px;font-weight:600}.title{font-size:17px;font-weight:600}"
    ".reached{fill:#2a7f4f}.missed{fill:#b3402a}text.reached,text.missed{font-weight:600}"
    ".track{fill:#f1f1ef}.goal{stroke:#1a1a1a;stroke-width:1.5;stroke-dasharray:3 2}rect.all{fill:#fff}"
)


def picture(parts: Mapping[str, Iterable[Figure]], where: str = "") -> str:
    """A bar for each goal, as long as what was measured is against it; the dashed line is the goal.

    `where` is said below: the machine and the versions.
    """
    them = {part: [*_goals(figures)] for part, figures in parts.items()}
    every = [each for goals in them.values() for each in goals]
    reached = sum(goal.is_reached(figure) for figure, goal in every)
    shown, top = [_text(EDGE, 32, f"{reached} of {len(every)} goals reached", "title")], 52
    shown += [_text(LEFT + BAR / MOST, 46, "goal", "small", "middle"), _text(SAID, 46, "measured", "small")]
    for part, goals in them.items():
        if goals:
            shown += [_text(EDGE, top + 22, part.replace("_", " ").capitalize(), "head")]
            shown += [_row(figure, goal, top + HEAD + ROW * n) for n, (figure, goal) in enumerate(goals)]
            top += HEAD + ROW * len(goals)
    notes = ["A shorter bar is better; a pointed one is longer than twice its goal.", *wrap(where, 150)]
    shown += [_text(EDGE, top + 28 + LINE * n, note, "small") for n, note in enumerate(notes)]
    return _whole(top + 36 + LINE * len(notes), "".join(shown))


def _goals(figures: Iterable[Figure]) -> Iterator[tuple[Figure, Goal]]:
    return ((figure, goal) for figure in figures for goal in figure.goals)


def _whole(height: float, content: str) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>Goals</title>'
    return (
        f'{start}<style>{STYLE}</style><rect class="all" width="{WIDTH}" height="{height}"/>{content}</svg>\n'
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _row(figure: Figure, goal: Goal, top: float) -> str:
    kind, at = "reached" if goal.is_reached(figure) else "missed", LEFT + BAR / MOST
    bound = f"{goal.how} {goal.bound:,g}"
    unit = f" times {goal.of}" if goal.of else f" {figure.unit}"
    return (
        _text(EDGE, top + 11, figure.what)
        + _text(EDGE, top + 25, f"{goal.who}: {bound}{unit}", "small")
        + f'<rect class="track" x="{LEFT}" y="{top}" width="{BAR}" height="{THICK}"/>'
        + _bar(_share(figure, goal), kind, top)
        + f'<line class="goal" x1="{at:.0f}" x2="{at:.0f}" y1="{top - 3}" y2="{top + THICK + 3}"/>'
        + _text(SAID, top + 12, f"{goal.measured(figure):,.3g}")
        + _text(SAID + 70, top + 12, kind, kind)
    )


def _share(figure: Figure, goal: Goal) -> float:
    """What was measured, in goals; more than one is missed."""
    share = goal.measured(figure) / goal.bound
    return 1 / share if goal.at_least and share else share


def _bar(share: float, kind: str, top: float) -> str:
    long = min(share, MOST) * BAR / MOST
    end, middle, bottom = LEFT + long, top + THICK / 2, top + THICK
    body = end - (THICK / 2 if share > MOST else 0)
    points = f"{LEFT},{top} {body:.1f},{top} {end:.1f},{middle} {body:.1f},{bottom} {LEFT},{bottom}"
    return f'<polygon class="{kind}" points="{points}"/>'
