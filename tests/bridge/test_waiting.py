"""How long a host waits, how often in vain, and that one wait is enough."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import mcp_types as types
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, Desk, at, desk, live
from tests.world import say
from thenvoi_bridge.bridge import patience, waiting, wording
from thenvoi_bridge.bridge.hosts import HOSTS, UNKNOWN, Host
from thenvoi_bridge.bridge.patience import IN_VAIN, Patience
from thenvoi_bridge.bridge.unread import UNREAD

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BEAT", 0.02)
    monkeypatch.setattr(patience, "GRACE", 0.05)


# For how long


@pytest.mark.parametrize("host", [*HOSTS, UNKNOWN], ids=lambda host: host.name)
def test_a_wait_takes_what_its_host_is_known_to_stand(host: Host) -> None:
    mine = Patience()
    mine.client = f"{host.clients[0].upper()}-9.9" if host.clients else "a host that nobody knows"
    assert mine.longest == host.wait_stdio


def test_what_the_user_says_goes_before_what_is_known() -> None:
    mine = Patience(7.0)
    mine.client = "claude-code"
    assert mine.longest == 7.0


@ERAS
async def test_a_host_is_known_by_what_it_calls_itself_however_its_agent_is_called(
    scene: Scene, state: Path, mode: str
) -> None:
    cursor = types.Implementation(name="cursor-vscode", version="1")
    here = at(scene.here, agent=scene.scout)
    async with desk(here, state, mode, client_info=cursor, called="Scout of mine") as host:
        await host.until("live")
        assert host.session.patience.longest == 45.0


@pytest.mark.parametrize("asked", [{}, {"timeout_s": 600}, {"timeout_s": "600"}], ids=str)
async def test_more_than_the_host_stands_is_cut_to_that(
    scene: Scene, state: Path, asked: dict[str, object]
) -> None:
    async with live(scene.here, scene.scout, state, longest_wait=0.3) as host:
        with anyio.fail_after(PATIENCE):
            result = await host.shown("inbox_wait", **asked)
        assert result["messages"] == []


# In vain


async def in_vain(host: Desk, times: int) -> list[tuple[int, str]]:
    results = [await host.shown("inbox_wait", timeout_s=0) for _ in range(times)]
    return [(result["quiet_ticks"], result["advice"]) for result in results]


async def test_a_host_that_waits_in_vain_is_told_to_stop(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        told = await in_vain(host, IN_VAIN + 1)
        assert told == [(n, "again") for n in range(1, IN_VAIN)] + [
            (IN_VAIN, "stop"),
            (IN_VAIN + 1, "stop"),
        ]
        assert (await host.shown("inbox_wait", timeout_s=0))["note"] == wording.STOP_WAITING


async def test_the_count_begins_anew_with_a_message_and_with_work_and_not_with_a_look(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        await in_vain(host, 2)
        await host.shown("inbox_read")
        assert await in_vain(host, 1) == [(3, "again")]
        await host.llm.call_tool("create_chat", {})
        assert await in_vain(host, 1) == [(1, "again")]
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        await host.unread(1)
        assert [m["id"] for m in (await host.shown("inbox_wait"))["messages"]] == [sent.id]
        assert await in_vain(host, 1) == [(1, "again")]


async def test_somebody_who_has_messages_in_hand_is_reminded_of_them_rather_than_told_to_stop(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        await host.unread(1)
        await host.shown("inbox_wait")
        await in_vain(host, IN_VAIN)
        result = await host.shown("inbox_wait", timeout_s=0)
        assert (result["held"], result["note"]) == ([sent.id], wording.HELD)


# One at a time


@ERAS
async def test_a_second_wait_of_a_session_is_refused_and_the_first_goes_on(
    scene: Scene, state: Path, mode: str
) -> None:
    got: list[str] = []
    async with live(scene.here, scene.scout, state, mode, longest_wait=PATIENCE) as host:
        begun = anyio.Event()

        async def beaten(progress: float, total: float | None, message: str | None) -> None:
            begun.set()

        async def first() -> None:
            result = await host.llm.call_tool("inbox_wait", {}, progress_callback=beaten)
            got.extend(message["id"] for message in (result.structured_content or {})["messages"])

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(first)
                await begun.wait()
                error = await host.refused("inbox_wait", timeout_s=1)
                assert (error["code"], error["message"]) == ("already_waiting", wording.ALREADY_WAITING)
                sent = await say(scene.alice, scene.room, scene.scout, "hello")
        assert got == [sent.id]


async def test_another_session_of_the_agent_may_wait_at_the_same_time(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    got: list[str] = []

    async def wait(host: Desk) -> None:
        result = await host.shown("inbox_wait")
        got.extend(message["id"] for message in result["messages"])

    one, two = (partial(live, scene.here, scene.scout, state, longest_wait=PATIENCE) for _ in range(2))
    async with one() as here, two() as there:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait, here)
                tasks.start_soon(wait, there)
                rooms = (scene.room, other)
                sent = [(await say(scene.alice, room, scene.scout, "hi")).id for room in rooms]
    assert sorted(got) == sorted(sent)


# What every result has besides


@ERAS
async def test_every_result_says_to_code_what_is_unread(scene: Scene, state: Path, mode: str) -> None:
    async with live(scene.here, scene.scout, state, mode) as host:
        await say(scene.alice, scene.room, scene.scout, "hello")
        await host.unread(1)
        done = await host.llm.call_tool("list_chats", {})
        refused = await host.llm.call_tool("inbox_ack", {"message_ids": ["nothing"]})
        assert [(result.meta or {})[UNREAD] for result in (done, refused)] == [1, 1]
