"""Many principals on one hosted bridge see, do and change nothing that is another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.isolation.__main__ import show
from tests.isolation.run import Plan, isolation


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "plan",
    [Plan(10, calls=200, others=1), Plan(8, calls=160, others=0, room=3)],
    ids=["with room for all", "with room for three at a time"],
)
async def test_nobody_sees_or_gets_at_what_is_anothers(plan: Plan, tmp_path: Path) -> None:
    outcome = await isolation(plan, tmp_path)
    show(outcome)
    assert outcome.clean, outcome
    assert outcome.calls == plan.calls
    assert outcome.told > 0
    assert outcome.probes.total() >= 200 * plan.others
    assert (outcome.again > 0) == (plan.room < plan.principals)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
