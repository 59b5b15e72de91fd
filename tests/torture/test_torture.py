"""Three bridges that share one key, killed and cut off at random: nothing is lost, doubled or overtaken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.history import assert_happened
from tests.torture.__main__ import show
from tests.torture.run import Ordeal, Outcome, torture


async def survived(ordeal: Ordeal, folder: Path) -> Outcome:
    """Do it, print the figures, and see that nothing went wrong although everything did."""
    outcome = await torture(ordeal, folder)
    show(ordeal, outcome)
    assert outcome.report.clean, outcome.report
    assert outcome.done == {"kill": ordeal.kills, "cut": ordeal.cuts, "end": ordeal.ends}
    return outcome


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_thousand_messages_survive_everything(tmp_path: Path) -> None:
    outcome = await survived(Ordeal(), tmp_path)
    usual = (
        "lost_reply",
        "not_applied",
        "status",
        "garbled",
        "doubled_push",
        "dropped_push",
        "swallowed_join",
    )
    assert_happened(outcome.faults, dict.fromkeys(usual, 1))


@pytest.mark.endurance
@pytest.mark.timeout(3600)
async def test_ten_thousand_messages_survive_everything(tmp_path: Path) -> None:
    outcome = await survived(Ordeal(messages=10_000, kills=200, cuts=500, ends=20), tmp_path)
    assert_happened(
        outcome.faults, {"lost_reply": 200, "not_applied": 200, "status": 200, "dropped_push": 50}
    )
