"""What is said is said once, whatever is lost on the way, however often the call is repeated."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.types import ASGIApp

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, Desk, live
from tests.faults.plan import Garbled, LostReply, NotApplied, Plan, Status
from tests.faults.switches import Switches
from tests.world import Somebody, say, without_keys, world
from thenvoi_bridge.bridge import readback, sending
from thenvoi_bridge.contract.lifecycle import MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages, Mention, SendMessage
from thenvoi_bridge.inbox import core
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.outgoing import key_of_answer

SEND = r"/agent/chats/[^/]+/messages$"


class Trouble:
    """A platform on which things go wrong as told, with or without this project's extensions."""

    def __init__(self, *, keys: bool) -> None:
        self.switches = Switches()
        self._keys = keys

    def around(self, app: ASGIApp) -> ASGIApp:
        return self.switches.around(app if self._keys else without_keys(app))

    def once(self, *plan: Any) -> None:
        self.switches.plan = plan

    @property
    def happened(self) -> int:
        return sum(self.switches.history.happened().values())


@asynccontextmanager
async def troubled(tmp_path: Path, *, keys: bool) -> AsyncGenerator[tuple[Scene, Trouble]]:
    trouble = Trouble(keys=keys)
    async with world(tmp_path / "troubled", around=trouble.around) as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        yield Scene(here, alice, scout, await here.room(alice, scout), "Acme"), trouble


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in doubt settles at once."""
    monkeypatch.setattr(sending, "SETTLE", 0.3)
    monkeypatch.setattr(sending, "LOOK", 0.05)
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(readback, "TWICE", 0.05)


async def said_by(scene: Scene, who: Somebody) -> list[str]:
    page = await scene.alice.call(ListMyMessages(chat_id=scene.room.id, page_size=100))
    return [message.content for message in reversed(page.data) if message.sender_id == who.id]


async def handed_out(host: Desk, scene: Scene, text: str = "a question") -> str:
    """A message that the host has in its hands."""
    sent = await say(scene.alice, scene.room, scene.scout, text)
    await host.unread(1)
    assert [m["id"] for m in (await host.shown("inbox_wait"))["messages"]] == [sent.id]
    return sent.id


async def becomes(host: Desk, id: str, state: State) -> None:
    async def so() -> bool:
        return (await host.seat.inbox.get([id]))[0].state is state

    await host.rung(so)


LOST: list[Plan] = [
    (LostReply(method="POST", path=SEND, times=1),),
    (NotApplied(method="POST", path=SEND, times=1),),
    (Status(method="POST", path=SEND, status=502, times=1, body="html"),),
    (Garbled(method="POST", path=SEND, times=1),),
    (LostReply(method="POST", path=SEND, times=2), NotApplied(method="POST", path=SEND, times=2)),
]


@pytest.mark.parametrize("plan", LOST, ids=lambda plan: "+".join(switch.kind for switch in plan))
@pytest.mark.parametrize("keys", [True, False], ids=["keys honoured", "keys unknown"])
@pytest.mark.usefixtures("soon")
async def test_an_answer_whose_fate_nobody_knows_is_in_the_room_once(
    tmp_path: Path, state: Path, keys: bool, plan: Plan
) -> None:
    async with (
        troubled(tmp_path, keys=keys) as (scene, trouble),
        live(scene.here, scene.scout, state) as host,
    ):
        id = await handed_out(host, scene)
        trouble.once(*plan)
        result = await host.shown("reply", message_ids=[id], content="the answer")
        assert "pending" in result or result["success"]
        await becomes(host, id, State.DONE)
        assert trouble.happened >= 1
        assert await said_by(scene, scene.scout) == [f"@[[{scene.alice.id}]] the answer"]
        again = await host.shown("reply", message_ids=[id], content="the answer")
        assert (again["already_sent"], len(again["recipients"])) == (True, 1)
        assert len(await said_by(scene, scene.scout)) == 1
        assert (await scene.scout.call(ListMessages(chat_id=scene.room.id))).data == []


@pytest.mark.usefixtures("soon")
async def test_the_same_text_said_before_is_not_taken_for_the_one_in_doubt(
    tmp_path: Path, state: Path
) -> None:
    async with (
        troubled(tmp_path, keys=False) as (scene, trouble),
        live(scene.here, scene.scout, state) as host,
    ):
        for nth in (1, 2, 3):
            id = await handed_out(host, scene)
            trouble.once(NotApplied(method="POST", path=SEND, times=int(nth > 1)))
            await host.shown("reply", message_ids=[id], content="yes")
            await becomes(host, id, State.DONE)
            assert len(await said_by(scene, scene.scout)) == nth


async def test_a_call_repeated_while_the_first_is_under_way_waits_for_it_and_says_the_same(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LOOK", 0.05)
    monkeypatch.setattr(sending, "SETTLE", 1.0)
    monkeypatch.setattr(readback, "TWICE", 0.05)
    async with (
        troubled(tmp_path, keys=False) as (scene, trouble),
        live(scene.here, scene.scout, state) as host,
    ):
        id = await handed_out(host, scene)
        trouble.once(LostReply(method="POST", path=SEND, times=1))
        assert "pending" in await host.shown("reply", message_ids=[id], content="the answer")
        other = await host.refused("reply", message_ids=[id], content="another answer")
        assert other["code"] == "underway"
        assert (await host.refused("inbox_ack", message_ids=[id]))["code"] == "underway"
        same = await host.shown("reply", message_ids=[id], content="the answer")
        assert same["success"]
        assert same["already_sent"]
        assert len(await said_by(scene, scene.scout)) == 1


async def test_a_refused_answer_leaves_the_message_in_hand_for_a_better_one(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        id = await handed_out(host, scene)
        error = await host.refused("reply", message_ids=[id], content="x" * 200_000)
        assert error["code"] == "validation_error"
        await becomes(host, id, State.LEASED)
        await host.shown("reply", message_ids=[id], content="in short")
        assert len(await said_by(scene, scene.scout)) == 1


async def test_a_message_answered_on_another_computer_is_not_answered_again(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        id = await handed_out(host, scene)
        there = SendMessage(
            chat_id=scene.room.id, content="from there", mentions=[Mention(id=scene.alice.id)]
        )
        await scene.scout.call(there, key=key_of_answer(id))
        error = await host.refused("reply", message_ids=[id], content="from here")
        assert error["code"] == "idempotency_key_reused"
        assert "another computer" in error["next_step"].lower()
        await becomes(host, id, State.DONE)
    assert await said_by(scene, scene.scout) == [f"@[[{scene.alice.id}]] from there"]


async def test_a_message_processed_elsewhere_is_not_even_handed_out(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        where: dict[str, Any] = {"chat_id": scene.room.id, "message_id": sent.id}
        await scene.scout.call(MarkProcessing(**where))
        await scene.scout.call(MarkProcessed(**where))
        assert (await host.shown("inbox_wait", timeout_s=0))["messages"] == []
        await becomes(host, sent.id, State.GONE)


@pytest.mark.usefixtures("soon")
async def test_an_answer_waits_for_one_in_doubt_before_it_so_that_both_are_in_the_rooms_order(
    tmp_path: Path, state: Path
) -> None:
    async with (
        troubled(tmp_path, keys=False) as (scene, trouble),
        live(scene.here, scene.scout, state) as host,
    ):
        ids = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(3)]
        await host.unread(3)
        await host.shown("inbox_wait")
        trouble.once(NotApplied(method="POST", path=SEND, times=1))
        assert "pending" in await host.shown("reply", message_ids=[ids[0]], content="answer 0")
        for n in (1, 2):
            assert (await host.shown("reply", message_ids=[ids[n]], content=f"answer {n}"))["success"]
        answers = [text.rpartition("]] ")[2] for text in await said_by(scene, scene.scout)]
        assert answers == ["answer 0", "answer 1", "answer 2"]


async def test_the_same_text_a_moment_later_is_one_message_until_something_is_heard(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"chat_id": scene.room.id, "content": "ready", "mentions": ["Alice Doe"]}
    async with live(scene.here, scene.scout, state) as host:
        first = await host.shown("send_message", **arguments)
        again = await host.shown("send_message", **arguments)
        assert (again["id"], again["already_sent"]) == (first["id"], True)
        assert "already_sent" not in await host.shown("send_message", **{**arguments, "content": "Ready?"})
        await say(scene.alice, scene.room, scene.scout, "are you sure?")
        await host.unread(1)
        later = await host.shown("send_message", **arguments)
        assert later["id"] != first["id"]
        monkeypatch.setattr("thenvoi_bridge.inbox.outgoing.WINDOW", 0.0)
        assert (await host.shown("send_message", **arguments))["id"] != later["id"]
    assert len(await said_by(scene, scene.scout)) == 4


async def test_whoever_answers_too_late_is_told_that_somebody_else_has_the_message(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "LEASE", 0.2)
    async with live(scene.here, scene.scout, state) as slow, live(scene.here, scene.scout, state) as quick:
        id = await handed_out(slow, scene)
        monkeypatch.setattr(core, "LEASE", 600.0)
        with anyio.fail_after(PATIENCE):
            while not (taken := (await quick.shown("inbox_wait", timeout_s=1))["messages"]):
                pass
        assert [(m["id"], m["attempt"]) for m in taken] == [(id, 2)]
        error = await slow.refused("reply", message_ids=[id], content="at last")
        assert error["code"] == "lease_lost"
        await quick.shown("reply", message_ids=[id], content="done")
    assert len(await said_by(scene, scene.scout)) == 1


async def test_what_is_handed_out_in_vain_too_often_is_dead_until_somebody_answers_it(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "LEASE", 0.0)
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "poison")
        after = await say(scene.alice, scene.room, scene.scout, "innocent")
        await host.unread(2)
        seen = []
        while (messages := (await host.shown("inbox_wait", timeout_s=0))["messages"])[0]["id"] == sent.id:
            seen.append(messages[0]["attempt"])
        assert seen == [1, 2, 3, 4, 5]
        assert [m["id"] for m in messages] == [after.id]
        await host.seat.settler.settle()
        await becomes(host, sent.id, State.DEAD)
        (failed,) = (await scene.scout.call(ListMessages(chat_id=scene.room.id, status="failed"))).data
        assert failed.id == sent.id
        (dead,) = (await host.shown("inbox_read", state="dead"))["messages"]
        assert (dead["id"], dead["untrusted"]["failed"]) == (sent.id, "handed out 5 times without an outcome")
        assert (await host.read("thenvoi://status"))["dead"] == 1
        await host.shown("reply", message_ids=[sent.id], content="after all")
        await becomes(host, sent.id, State.DONE)
        assert (await host.shown("inbox_read", state="dead"))["messages"] == []


async def test_what_is_dead_here_and_open_there_stops_nothing_that_comes_after_it(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thenvoi_bridge.bridge.seat.HEAD", 2)
    other = await scene.here.room(scene.alice, scene.scout)
    async with live(scene.here, scene.scout, state) as host:
        dead = [(await say(scene.alice, scene.room, scene.scout, f"bad {n}")).id for n in range(5)]
        await host.unread(5)
        await host.shown("inbox_ack", message_ids=dead, outcome="failed", error="no")
        after = [(await say(scene.alice, room, scene.scout, "good")).id for room in (scene.room, other)]
        await host.unread(2)
        for id in after:
            (message,) = (await host.shown("inbox_wait"))["messages"]
            assert message["id"] == id
            await host.shown("inbox_ack", message_ids=[id])


async def test_a_host_at_work_keeps_what_it_has_and_one_that_only_waits_does_not(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thenvoi_bridge.bridge.seat.WORKING", 0.02)
    async with live(scene.here, scene.scout, state) as host:
        id = await handed_out(host, scene)
        (taken,) = await host.seat.inbox.get([id])
        await host.shown("inbox_wait", timeout_s=0.2)
        assert (await host.seat.inbox.get([id]))[0].lease_until == taken.lease_until

        async def extended() -> bool:
            return (await host.seat.inbox.get([id]))[0].lease_until > taken.lease_until

        await host.llm.call_tool("list_chats", {})
        await host.rung(extended)
