"""Writing elsewhere than where one is written to: the user is asked, and nothing is sent without his yes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import BOTH, Desk, at, desk, live
from tests.world import say
from thenvoi_bridge.bridge import asking as asks
from thenvoi_bridge.bridge import consent, wording
from thenvoi_bridge.bridge.allowing import Allowed
from thenvoi_bridge.bridge.profiles import Choice
from thenvoi_bridge.contract.messages import ListMyMessages

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


@dataclass
class User:
    """Whoever sits at the host, and what he was asked."""

    says: str = "accept"
    asked: list[str] = field(default_factory=list)

    async def __call__(self, context: object, params: types.ElicitRequestParams) -> Any:
        assert isinstance(params, types.ElicitRequestFormParams)
        self.asked.append(params.message)
        if self.says == "broken":
            return types.ErrorData(code=types.INTERNAL_ERROR, message="no")
        return types.ElicitResult(action=self.says, content={} if self.says == "accept" else None)


def asking(
    scene: Scene, state: Path, user: User | None, mode: str = "auto", **more: Any
) -> AbstractAsyncContextManager[Desk]:
    more |= {"elicitation_callback": user} if user else {}
    return live(scene.here, scene.scout, state, mode, confirm=True, **more)


async def at_work(scene: Scene, host: Desk) -> str:
    """A message of the room was handed out; its id."""
    await say(scene.alice, scene.room, scene.scout, "hello")
    await host.unread(1)
    return str((await host.shown("inbox_wait"))["messages"][0]["id"])


async def said_in(scene: Scene, room: str) -> list[str]:
    page = await scene.alice.call(ListMyMessages(chat_id=room))
    return [message.content.split()[-1] for message in reversed(page.data)]


@ERAS
async def test_the_user_is_asked_before_something_is_said_elsewhere(
    scene: Scene, state: Path, mode: str
) -> None:
    other, user = await scene.here.room(scene.alice, scene.scout), User()
    async with asking(scene, state, user, mode) as host:
        await at_work(scene, host)
        text = {"content": "secret\u202e", "mentions": [scene.alice.id]}
        assert (await host.shown("send_message", chat_id=other.id, **text))["success"]
        (question,) = user.asked
        assert "send_message" in question
        assert other.id in question
        assert scene.room.id in question
        assert r"secret\u{202e}" in question
        for user.says in ("decline", "cancel"):
            refused = await host.refused("send_message", chat_id=other.id, **{**text, "content": "no"})
            assert (refused["code"], refused["message"]) == ("declined", wording.DECLINED)
    assert await said_in(scene, other.id) == ["secret\u202e"]
    assert len(user.asked) == 3


@ERAS
async def test_where_nobody_can_be_asked_nothing_is_said_elsewhere(
    scene: Scene, state: Path, mode: str
) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    async with asking(scene, state, None, mode) as host:
        await at_work(scene, host)
        text = {"content": "secret", "mentions": [scene.alice.id]}
        refused = await host.refused("send_message", chat_id=other.id, **text)
        assert (refused["code"], refused["message"]) == ("needs_confirmation", wording.NEEDS_CONFIRMATION)
        assert refused["next_step"] == wording.NEXT["needs_confirmation"]
    assert await said_in(scene, other.id) == []


async def test_a_host_that_says_it_can_ask_and_cannot_has_asked_nobody(scene: Scene, state: Path) -> None:
    async with asking(scene, state, User("broken"), "legacy") as host:
        await at_work(scene, host)
        assert (await host.refused("create_chat"))["code"] == "needs_confirmation"


async def test_what_stays_in_the_room_or_only_looks_needs_no_asking(scene: Scene, state: Path) -> None:
    user, here = User("decline"), {"chat_id": scene.room.id}
    async with asking(scene, state, user) as host:
        id = await at_work(scene, host)
        await host.shown("send_message", **here, content="wait", mentions=[scene.alice.id])
        await host.shown("send_event", **here, content="hm", message_type="thought")
        await host.said("list_chats")
        await host.said("list_peers")
        await host.shown("inbox_wait", timeout_s=0)
        await host.shown("reply", message_ids=[id], content="done")
        await at_work(scene, host)
        await host.shown("inbox_ack", message_ids=[(await host.shown("inbox_read"))["messages"][0]["id"]])
    assert user.asked == []


async def test_every_write_without_a_room_or_of_the_persons_is_asked_about(scene: Scene, state: Path) -> None:
    user = User("decline")
    other = await scene.here.room(scene.alice, scene.scout)
    text = {"content": "x", "mentions": [scene.scout.id]}
    keys = at(scene.here, agent=scene.scout, person=scene.alice)
    async with desk(keys, state, sides=BOTH, confirm=True, elicitation_callback=user) as host:
        await host.until("live")
        await at_work(scene, host)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("create_chat", {}),
            ("add_contact", {"handle": "bob"}),
            ("store_memory", {"content": "x", "scope": "organization"}),
            ("add_participant", {"chat_id": other.id, "participant_id": scene.alice.id}),
            ("mark_processed", {"chat_id": other.id, "message_id": "x"}),
            ("register_my_agent", {"name": "x", "description": "x"}),
            ("send_my_message", {"chat_id": other.id, **text}),
        ]
        for tool, arguments in calls:
            assert (await host.refused(tool, **arguments))["code"] == "declined", tool
    assert len(user.asked) == len(calls)


async def test_a_reply_to_what_was_not_handed_out_goes_elsewhere_too(scene: Scene, state: Path) -> None:
    other, user = await scene.here.room(scene.alice, scene.scout), User("decline")
    async with asking(scene, state, user) as host:
        await at_work(scene, host)
        sent = await say(scene.alice, other, scene.scout, "psst")
        await host.unread(2)
        assert (await host.refused("reply", message_ids=[sent.id], content="x"))["code"] == "declined"
        gone = await host.refused("reply", message_ids=["no-such"], content="x")
        assert gone["code"] == "declined"


async def test_who_was_not_written_to_of_late_is_free(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User("decline")
    async with asking(scene, state, user) as host:
        await host.shown("create_chat")
        id = await at_work(scene, host)
        monkeypatch.setattr(consent, "RECENT", 0.0)
        assert (await host.refused("create_chat"))["code"] == "declined"  # it is still in hand
        await host.shown("inbox_ack", message_ids=[id])
        await host.shown("create_chat")
        monkeypatch.setattr(consent, "RECENT", 300.0)
        assert (await host.refused("create_chat"))["code"] == "declined"  # a moment ago it was
    assert len(user.asked) == 2


async def test_a_pinned_host_is_not_asked_about_its_room(scene: Scene, state: Path) -> None:
    user, pin = User("decline"), scene.room.id
    more: dict[str, Any] = {"allowed": Allowed(chat=pin), "choice": Choice(("all",), chat=pin)}
    async with asking(scene, state, user, **more) as host:
        await at_work(scene, host)
        await host.shown("send_message", content="here", mentions=[scene.alice.id])
        assert (await host.refused("add_contact", handle="bob"))["code"] == "declined"


async def test_without_the_setting_nobody_is_asked(scene: Scene, state: Path) -> None:
    user = User("decline")
    async with live(scene.here, scene.scout, state, elicitation_callback=user) as host:
        await at_work(scene, host)
        await host.shown("create_chat")
    assert user.asked == []


Call = Callable[..., Awaitable[types.CallToolResult | types.InputRequiredResult]]


def by_hand(host: Desk) -> Call:
    """Tool calls of 2026-07-28 without the SDK's answering of questions."""

    async def call(tool: str, arguments: dict[str, Any], **answer: Any) -> Any:
        return await host.llm.session.call_tool(tool, arguments, allow_input_required=True, **answer)

    return call


async def test_an_answer_counts_once_and_for_its_call_alone(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    text = {"chat_id": other.id, "mentions": [scene.alice.id]}
    yes = {asks.CONFIRM: types.ElicitResult(action="accept", content={})}
    async with asking(scene, state, User()) as host:
        await at_work(scene, host)
        call = by_hand(host)
        asked = await call("send_message", {**text, "content": "one"})
        assert isinstance(asked, types.InputRequiredResult)
        state_of = {"request_state": asked.request_state, "input_responses": yes}
        for forged in (
            await call("send_message", {**text, "content": "other"}, **state_of),
            await call("send_message", {**text, "content": "one"}, **state_of),  # spent on the one before
            await call("send_message", {**text, "content": "one"}, input_responses=yes),
            await call("send_message", {**text, "content": "one"}, request_state="x", input_responses=yes),
        ):
            assert isinstance(forged, types.InputRequiredResult)
        assert isinstance(forged, types.InputRequiredResult)
        again = {"request_state": forged.request_state, "input_responses": yes}
        sent = await call("send_message", {**text, "content": "one"}, **again)
        assert isinstance(sent, types.CallToolResult)
        assert not sent.is_error
        assert isinstance(
            await call("send_message", {**text, "content": "one"}, **again), types.InputRequiredResult
        )
    assert await said_in(scene, other.id) == ["one"]


async def test_a_no_counts_although_the_messages_have_ended_meanwhile(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(scene, state, User()) as host:
        id = await at_work(scene, host)
        call = by_hand(host)
        asked = await call("create_chat", {})
        assert isinstance(asked, types.InputRequiredResult)
        await host.shown("inbox_ack", message_ids=[id])
        monkeypatch.setattr(consent, "RECENT", 0.0)
        no = {asks.CONFIRM: types.ElicitResult(action="decline")}
        refused = await call("create_chat", {}, request_state=asked.request_state, input_responses=no)
        assert isinstance(refused, types.CallToolResult)
        assert refused.structured_content["error"]["code"] == "declined"


async def test_questions_that_nobody_answers_are_forgotten(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asks, "UNANSWERED", 1)
    yes = {asks.CONFIRM: types.ElicitResult(action="accept", content={})}
    async with asking(scene, state, User()) as host:
        await at_work(scene, host)
        call = by_hand(host)
        first = await call("create_chat", {})
        assert isinstance(first, types.InputRequiredResult)
        await call("create_chat", {})
        late = await call("create_chat", {}, request_state=first.request_state, input_responses=yes)
        assert isinstance(late, types.InputRequiredResult)
