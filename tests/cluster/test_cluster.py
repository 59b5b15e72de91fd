"""Three platform nodes and two bridge replicas on one Postgres: whatever ends, nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.__main__ import show
from tests.cluster.run import Ordeal, torture


async def survived(ordeal: Ordeal, folder: Path) -> None:
    outcome = await torture(ordeal, folder)
    show(ordeal, outcome)
    assert outcome.report.clean, outcome.report
    assert outcome.done == ordeal.blows


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_thousand_messages_survive_everything(tmp_path: Path) -> None:
    await survived(Ordeal(), tmp_path)


@pytest.mark.endurance
@pytest.mark.timeout(3600)
async def test_ten_thousand_messages_survive_everything(tmp_path: Path) -> None:
    await survived(Ordeal(messages=10_000, node_kills=30, replica_kills=30, restarts=5, cuts=10), tmp_path)
