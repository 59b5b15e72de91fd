"""Two agents that answer each other stop, unless somebody says that it is meant; people never wait for it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import Desk, live
from tests.world import say, world
from thenvoi_bridge.contract.messages import ListMyMessages
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.inbox import loops
from thenvoi_bridge.settings import Platform


class Echo:
    """A host that answers every mention, and leaves a message alone where it may not."""

    def __init__(self, host: Desk, stopped: anyio.Event, *, numbered: bool) -> None:
        self.host, self._stopped, self._numbered = host, stopped, numbered
        self.turns = 0
        self.error: dict[str, Any] = {}

    async def run(self) -> None:
        while not self._stopped.is_set():
            for message in (await self.host.shown("inbox_wait", timeout_s=5))["messages"]:
                await self._echo(message)

    async def _echo(self, message: dict[str, Any]) -> None:
        self.turns += 1
        content = f"pong {self.turns}" if self._numbered else "pong"
        result = await self.host.llm.call_tool("reply", {"message_ids": [message["id"]], "content": content})
        if result.is_error:
            self.error = result.structured_content["error"]
            self._stopped.set()


async def said(scene: Scene) -> int:
    return (await scene.alice.call(ListMyMessages(chat_id=scene.room.id))).metadata.total_count


@pytest.mark.parametrize("numbered", [True, False], ids=["new words", "the same words"])
async def test_two_echoing_agents_stop_within_thirty_turns_and_a_person_is_answered_at_once(
    tmp_path: Path, numbered: bool
) -> None:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(tmp_path / "platform", Platform(max_turns=0)))
        alice = await here.person()
        scout, writer = await here.agent(alice, "Scout"), await here.agent(alice, "Writer")
        scene = Scene(here, alice, scout, await here.room(alice, scout, writer), "Acme")
        hosts = [
            await stack.enter_async_context(live(here, one, tmp_path / one.name)) for one in (scout, writer)
        ]
        stopped = anyio.Event()
        echoes = [Echo(host, stopped, numbered=numbered) for host in hosts]
        opening = {"chat_id": scene.room.id, "content": "ping", "mentions": ["Writer"]}
        await hosts[0].shown("send_message", **opening)
        async with anyio.create_task_group() as tasks:
            for echo in echoes:
                tasks.start_soon(echo.run)
            with anyio.fail_after(60):
                await stopped.wait()
            (first,) = [echo for echo in echoes if echo.error]
            assert first.error["code"] == "loop_suspected"
            assert "confirm_loop" in first.error["next_step"]
            turns = await said(scene)
            assert turns <= 30
            assert not numbered or turns >= loops.TURNS
            tasks.cancel_scope.cancel()
        print(f"stopped after {turns} turns")
        host, whose = (hosts[0], scout) if first is echoes[0] else (hosts[1], writer)
        await host.llm.call_tool("inbox_ack", {"message_ids": await held(host)})
        asked = await say(alice, scene.room, whose, "what are you two doing?")
        await host.unread(1)
        (message,) = (await host.shown("inbox_wait"))["messages"]
        assert message["id"] == asked.id
        assert "loop_suspected" not in message
        await host.shown("reply", message_ids=[asked.id], content="echoing")
        assert await said(scene) == turns + 2


async def held(host: Desk) -> list[str]:
    return [message["id"] for message in (await host.shown("inbox_read"))["messages"]]


async def test_a_message_that_would_be_one_too_many_is_flagged_and_goes_out_when_it_is_meant(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "TURNS", 3)
    writer = await scene.here.agent(scene.alice, "Writer")
    await scene.alice.call(AddMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
    async with live(scene.here, scene.scout, state) as host, live(scene.here, writer, state) as other:

        async def asks(text: str) -> dict[str, Any]:
            arguments = {
                "chat_id": scene.room.id,
                "content": text,
                "mentions": ["Scout"],
                "confirm_loop": True,
            }
            await other.shown("send_message", **arguments)
            await host.unread(1)
            (message,) = (await host.shown("inbox_wait"))["messages"]
            return dict(message)

        first = await asks("one")
        assert "loop_suspected" not in first
        await host.shown("reply", message_ids=[first["id"]], content="1")
        second = await asks("two")
        assert second["loop_suspected"] is True
        answer = {"message_ids": [second["id"]], "content": "2"}
        assert (await host.refused("reply", **answer))["code"] == "loop_suspected"
        plain = {"chat_id": scene.room.id, "content": "by the way", "mentions": ["Writer"]}
        assert (await host.refused("send_message", **plain))["code"] == "loop_suspected"
        await host.shown("reply", **answer, confirm_loop=True)
        third = await asks("three")
        assert "loop_suspected" not in third
        await host.shown("reply", message_ids=[third["id"]], content="3")
        fourth = await asks("four")
        assert fourth["loop_suspected"] is True
        await say(scene.alice, scene.room, scene.scout, "go on")
        await host.unread(2)
        await host.shown("reply", message_ids=[fourth["id"]], content="4")
