"""A picture for the README, read off the code: plain SVG, without scripts or anything from elsewhere.

It has colours for light and dark, a ground of its own, and its words for whoever does not see it.
"""

from __future__ import annotations

from html import escape

from thenvoi_bridge.bridge.hosts import HOSTS
from thenvoi_bridge.inbox.ladder import ESCALATE, MEANS, Rung

WIDTH, TOP, EDGE = 880, 32, 24
NODE, MIDDLE = 208, 128
"""Width of what stands beside the ladder, and the middle of it."""
LADDER, RUNG, GAP = 296, 62, 22
"""Where the ladder begins, how high a rung is, and how far it is to the next."""
STYLE = (
    ":root{--ground:#fff;--box:#f6f8fa;--line:#c4ccd4;--ink:#1f2328;--soft:#57606a;--lit:#0b66c3}"
    "@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--box:#171d25;--line:#454d57;--ink:#f0f6fc;"
    "--soft:#a4adb8;--lit:#58a6ff}}"
    "text{font:15px system-ui,-apple-system,'Segoe UI',sans-serif;fill:var(--ink)}"
    ".name{font:600 16px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--lit)}"
    ".title{font-weight:600}.soft{font-size:13px;fill:var(--soft)}.middle{text-anchor:middle}"
    ".ground{fill:var(--ground);stroke:var(--line)}.box{fill:var(--box);stroke:var(--line);stroke-width:1.5}"
    ".rail,.light{stroke:var(--line);stroke-width:6;stroke-linecap:round}.light{stroke:var(--lit)}"
    ".way{fill:none;stroke:var(--lit);stroke-width:2}.lit{fill:var(--lit)}"
)


def ladder_in_words() -> str:
    """What the picture of the ladder shows."""
    rungs = "; ".join(f"{rung.value}, {MEANS[rung]}{_in_brackets(_who(rung))}" for rung in Rung)
    return (
        "A mention goes to the platform, from there into the inbox on your disk, and is shown on the rungs "
        f"of a ladder, from the top: {rungs}."
    )


def ladder() -> str:
    """The way of a mention into the inbox and down the rungs, whose order and words are the inbox's."""
    bottom = TOP + len(Rung) * (RUNG + GAP) - GAP
    said = (
        f"What nobody has taken within {ESCALATE:g} seconds is shown on the rungs below, "
        "and stays open until it is answered or ended."
    )
    caption = _text(WIDTH / 2, bottom + 46, said, "soft middle")
    rungs = "".join(_rung(nth, rung) for nth, rung in enumerate(Rung))
    return _framed(
        bottom + 66, _mention() + _platform(bottom) + _inbox(bottom) + _rails(bottom) + rungs + caption
    )


def _who(rung: Rung) -> str:
    """The hosts that have a rung, where that tells them from others."""
    having = [host.title for host in HOSTS if rung.value in host.rungs]
    few = ", ".join(having) if len(having) < 4 else ""
    return "every host" if len(having) == len(HOSTS) else few


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _rails(bottom: int) -> str:
    return "".join(
        f'<path class="rail" d="M{x} {TOP - 12}V{bottom + 12}"/>' for x in (LADDER + 28, WIDTH - 52)
    )


def _rung(nth: int, rung: Rung) -> str:
    """One of them, with a light that fades on the way down, and a step from the one above."""
    top, who = TOP + nth * (RUNG + GAP), _who(rung)
    light, middle, words = 1 - nth / (len(Rung) + 1), top + RUNG // 2, LADDER + 136
    step = f'<path class="way" d="M{LADDER + 66} {top - GAP / 2 - 4:g}l9 6l9 -6"/>' if nth else ""
    return (
        f"{step}{_box(LADDER, top, WIDTH - EDGE - LADDER, RUNG)}"
        f'<path class="light" opacity="{light:.2f}" d="M{LADDER + 12} {top + 14}V{top + RUNG - 14}"/>'
        f"{_text(LADDER + 44, middle + 5, rung.value, 'name')}"
        f"{_text(words, middle - 4 if who else middle + 5, MEANS[rung])}"
        f"{_text(words, middle + 17, who, 'soft') if who else ''}"
    )


def _mention() -> str:
    """What somebody says, in a balloon."""
    right, low = MIDDLE + NODE // 2, TOP + RUNG + 6
    return (
        f'<path class="box" d="M{EDGE + 10} {TOP}H{right - 10}q10 0 10 10V{low - 10}q0 10 -10 10H{EDGE + 48}'
        f'l-18 16v-16h-20q-10 0 -10 -10V{TOP + 10}q0 -10 10 -10z"/>'
        f"{_titled(TOP + 28, 'mention', '@you/coder, is it green?')}"
    )


def _platform(bottom: int) -> str:
    """Where it goes, halfway between the two others, and the ways there and on."""
    said, kept = TOP + RUNG + 6, bottom - 96
    top = (said + kept) // 2 - 34
    return (
        f"{_box(EDGE, top, NODE, 68)}{_titled(top + 28, 'platform', 'Thenvoi, or your own')}"
        f"{_arrow(said + 4, top - 4)}{_arrow(top + 72, kept - 4)}"
    )


def _inbox(bottom: int) -> str:
    """The disk on which it is kept, and the way to the highest rung."""
    top, first = bottom - 96, TOP + RUNG // 2
    return (
        f'<path class="box" d="M{EDGE} {top + 12}v72c0 16 {NODE} 16 {NODE} 0v-72"/>'
        f'<ellipse class="box" cx="{MIDDLE}" cy="{top + 12}" rx="{NODE // 2}" ry="12"/>'
        f"{_titled(top + 52, 'inbox', 'on your disk')}"
        f'<path class="way" d="M{EDGE + NODE} {top + 48}h22q10 0 10 -10V{first + 10}q0 -10 10 -10h12"/>'
        f'<path class="lit" d="M{LADDER - 2} {first}l-11 -6v12z"/>'
    )


def _titled(at: int, title: str, below: str) -> str:
    return _text(MIDDLE, at, title, "title middle") + _text(MIDDLE, at + 20, below, "soft middle")


def _text(x: float, y: float, said: str, kind: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:g}" y="{y:g}">{escape(said)}</text>'


def _box(x: float, y: float, width: int, height: int, kind: str = "box") -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="9"/>'


def _arrow(start: int, end: int) -> str:
    return (
        f'<path class="way" d="M{MIDDLE} {start}V{end - 10}"/>'
        f'<path class="lit" d="M{MIDDLE} {end}l-6 -11h12z"/>'
    )


def _framed(height: int, drawn: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-labelledby="title desc"><title id="title">How a mention reaches the model</title>'
        f'<desc id="desc">{escape(ladder_in_words())}</desc><style>{STYLE}</style>'
        f"{_box(0.5, 0.5, WIDTH - 1, height - 1, 'ground')}{drawn}</svg>\n"
    )
