"""The picture of the ladder: what the code says, for everybody who looks at it, and nothing besides."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.console.browser import chromium
from thenvoi_bridge import pictures
from thenvoi_bridge.inbox.ladder import MEANS, Rung

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = ElementTree.fromstring(pictures.ladder())
SCHEMES = [
    dict(re.findall(r"--(\w+):(#\w+)", root)) for root in re.findall(r":root{([^}]+)}", pictures.STYLE)
]
BOXES = """[...document.querySelectorAll("text")].map(text => {
  const {x, y, width, height} = text.getBBox();
  return {said: text.textContent, x, y, right: x + width, low: y + height};
})"""


def texts(kind: str = "") -> list[str]:
    """What is written there, in order; of one class if that is named."""
    written = (text for text in DRAWN.iter(f"{SVG}text") if kind in ("", text.get("class")))
    return [text.text or "" for text in written]


def test_it_has_every_rung_in_order_with_what_it_means() -> None:
    assert texts("name") == [*Rung]
    assert [text for text in texts() if text in MEANS.values()] == [MEANS[rung] for rung in Rung]


def test_it_says_which_hosts_have_a_rung_where_not_all_programs_have_it() -> None:
    assert [text for text in texts("soft") if "Claude" in text or "host" in text] == [
        "Claude Code",
        "every host",
        "Claude Code, Cursor, VS Code",
    ]


def test_whoever_does_not_see_it_is_told_the_same() -> None:
    title, words = DRAWN.findtext(f"{SVG}title"), DRAWN.findtext(f"{SVG}desc")
    assert (DRAWN.get("role"), DRAWN.get("aria-labelledby"), title) == (
        "img", "title desc", "How a mention reaches the model",
    )  # fmt: skip
    assert words
    assert all(f"{rung}, {MEANS[rung]}" in words for rung in Rung)
    assert f"![{words}](docs/images/ladder.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_runs_nothing_and_loads_nothing() -> None:
    plain = {f"{SVG}{name}" for name in ["svg", "title", "desc", "style", "rect", "path", "ellipse", "text"]}
    assert {element.tag for element in DRAWN.iter()} == plain
    assert not re.search(r"href|url\(|@import|\son\w+=", pictures.ladder())


def _light(colour: str) -> float:
    """How light a colour is (WCAG 2.2, relative luminance)."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", SCHEMES, ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "soft", "lit"])
@pytest.mark.parametrize("under", ["ground", "box"])
def test_it_can_be_read_in_light_and_dark(colours: dict[str, str], ink: str, under: str) -> None:
    low, high = sorted((_light(colours[ink]), _light(colours[under])))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.thorough
async def test_in_a_browser_every_word_stays_in_its_place() -> None:
    async with chromium() as browser:
        page = await browser.new_page()
        await page.set_content(pictures.ladder())
        boxes: list[dict[str, Any]] = await page.evaluate(BOXES)
    assert [box["said"] for box in boxes] == texts()
    for box in boxes:
        assert box["x"] >= pictures.EDGE, box
        assert box["right"] <= pictures.WIDTH - pictures.EDGE, box
    for one, other in itertools.pairwise(boxes):
        assert one["low"] <= other["y"] or one["right"] <= other["x"] or other["right"] <= one["x"], one
