"""The measurements measure: each part once, with next to nothing in it, and what is said of it."""

from pathlib import Path

import anyio
import pytest

from bench import plot, report
from bench.__main__ import PARTS, measured
from bench.figures import Effort, Figure, Gathered, Goal

LEAST = Effort(rounds=1, scale=0.002, warm=0)
QUICK = {"fanout", "footprint", "posting", "requests", "start", "transactions"}
"""The others take half a minute each."""

COST = Figure(
    "CPU of a call",
    "ms",
    {"ours": [1.0, 2.0, 9.0], "theirs": [2.0, 4.0, 6.0]},
    (Goal("ours", 0.5, "theirs"), Goal("ours", 1.5), Goal("ours", 1, "theirs", at_least=True)),
)


def marked(part: str) -> object:
    return pytest.param(part, marks=pytest.mark.thorough if part in QUICK else pytest.mark.endurance)


@pytest.mark.parametrize("part", [*map(marked, PARTS)])
def test_every_part_finds_something_of_everybody(part: str) -> None:
    figures = anyio.run(measured, [part], LEAST)[part]
    assert figures
    for figure in figures:
        assert all(value > 0 for values in figure.values.values() for value in values), figure
        assert {goal.who for goal in figure.goals} <= figure.values.keys()


def test_a_round_of_slices_is_their_mean() -> None:
    found = Gathered()
    for value in (1.0, 3.0, 10.0, 30.0):
        found.add("ours", {"CPU": value})
    assert found.joined(2).values == {"CPU": {"ours": [2.0, 20.0]}}


def test_what_is_to_be_exact_is_missed_on_either_side() -> None:
    said = [Figure("requests", "requests", {"ours": [value]}) for value in (1.0, 0.9, 1.1)]
    assert [Goal("ours", 1, exactly=True).is_reached(figure) for figure in said] == [True, False, False]


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    assert [goal.measured(COST) for goal in COST.goals] == [0.5, 2.0, 0.5]
    assert [goal.is_reached(COST) for goal in COST.goals] == [True, False, False]


def test_what_was_measured_is_written_between_the_marks_of_its_part_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "performance.md"
    marks = "<!-- measured: {0} -->\nold\n<!-- end of {0} -->\n"
    page.write_text("# Page\n" + "".join(map(marks.format, ("where", "calls", "hearing", "start"))))
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "PICTURE", tmp_path / "performance.svg")
    monkeypatch.setattr(report, "RECORD", tmp_path / "performance.json")
    report.write({"calls": [COST]})
    report.write({"hearing": []})  # what was measured before stays
    before, _, after = page.read_text().partition("| CPU of a call |")
    assert "ms | ours: 2   (1 to 9)<br>theirs: 4   (2 to 6) | ours: at most 0.5 times theirs" in after
    assert before.count("old") == 0
    assert after.endswith("start -->\nold\n<!-- end of start -->\n")


def test_the_picture_has_a_bar_for_every_goal_and_says_which_are_missed() -> None:
    far = Figure("Far off", "ms", {"ours": [9.0]}, (Goal("ours", 1.5),))
    drawn = plot.picture({"calls": [COST], "hearing": [far], "start": []}, "Two cores & more")
    assert "1 of 4 goals reached" in drawn
    assert drawn.count('<polygon class="reached"') == drawn.count(">reached</text>") == 1
    assert drawn.count('<polygon class="missed"') == drawn.count(">missed</text>") == 3
    assert "Start" not in drawn
    assert "Two cores &amp; more" in drawn
