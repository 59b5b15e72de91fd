"""A restart under many sockets: everybody comes back, not all at once, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.restart.run import Trial, crowding, restart


@pytest.mark.parametrize(
    ("times", "share"), [([0.0], 1.0), ([0.0, 1.0, 2.0, 3.0], 0.25), ([0.0, 3.0, 3.5, 3.9], 0.75)]
)
def test_the_share_of_a_second_is_that_of_the_fullest(times: list[float], share: float) -> None:
    assert crowding(times) == share


@pytest.mark.thorough
async def test_thirty_sockets_come_back_and_nothing_is_lost(tmp_path: Path) -> None:
    outcome = await restart(Trial(sockets=30), tmp_path)
    print(outcome)
    assert outcome.lost == 0
    assert outcome.said == outcome.pushed + outcome.found
