"""Asked for a pause, the bridge is silent for as long, and does not make up for it with more requests."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.bridge.desk import PATIENCE, live
from tests.faults.history import actor_of, assert_happened, impatient
from tests.faults.plan import Pause, Status
from tests.faults.switches import Switches
from tests.world import world

CALLS, AT_ONCE, STORMS = 200, 8, 5
GRACE = 0.1
"""Seconds for which what was under way when the pause was asked for may still arrive."""


@pytest.mark.thorough
@pytest.mark.timeout(60)
async def test_no_request_is_made_within_a_pause_and_few_are_wasted(tmp_path: Path) -> None:
    switches = Switches()
    async with world(tmp_path / "platform", around=switches.around) as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        room = await here.room(alice, scout)
        async with live(here, scout, tmp_path / "state") as host:
            since = len(switches.history.ops())
            calls = iter(range(CALLS))

            async def work() -> None:
                for nth in calls:
                    if nth % (CALLS // STORMS) == 1:
                        storm = Status(status=429, retry_after="seconds", seconds=1, path="/agent/", times=1)
                        switches.plan = (storm,)
                    result = await host.llm.call_tool("list_participants", {"chat_id": room.id})
                    assert not result.is_error, result.content

            async with anyio.create_task_group() as tasks:
                for _ in range(AT_ONCE):
                    tasks.start_soon(work)
        ops = [op for op in switches.history.ops()[since:] if op.actor == actor_of(scout.key)]
    assert_happened(switches.history.happened(), {"status": STORMS})
    assert impatient(ops, GRACE) == []
    asked = [op for op in ops if "participants" in op.key]
    assert CALLS <= len(asked) <= CALLS * 1.1, len(asked)


@pytest.mark.thorough
@pytest.mark.parametrize("pause", ["seconds", "date", "absurd", "negative", "garbage", None])
async def test_whatever_a_retry_after_says_the_bridge_comes_back(tmp_path: Path, pause: Pause | None) -> None:
    switches = Switches()
    async with world(tmp_path / "platform", around=switches.around) as here:
        scout = await here.agent(await here.person(), "Scout")
        async with live(here, scout, tmp_path / "state") as host:
            switches.plan = (Status(status=429, retry_after=pause, seconds=1, path="/chats$", times=1),)
            with anyio.fail_after(PATIENCE):
                result = await host.llm.call_tool("list_chats", {})
            if pause == "absurd":
                error = result.structured_content["error"]
                assert (error["code"], error["retry_after_s"]) == ("rate_limited", pytest.approx(300, abs=1))
            else:
                assert not result.is_error, result.content
    assert_happened(switches.history.happened(), {"status": 1})
