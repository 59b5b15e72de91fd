"""Rooms and senders that the user has not allowed: as if they were not there, and lost they are not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import BOTH, EVERYTHING, Desk, at, desk, live
from tests.bridge.ear import subscribed
from tests.world import Somebody, say
from thenvoi_bridge.bridge import delivery, wording
from thenvoi_bridge.bridge.allowing import Allowed, Doorman
from thenvoi_bridge.bridge.profiles import Choice, NoSuchTool, chosen
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import ListMessages, Mention, SendMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.hosting.allowing import allowed
from thenvoi_bridge.settings import BadSetting, Settings


async def writer_in(scene: Scene, room: ChatRoom) -> Somebody:
    """Another agent of hers, which is in the room."""
    writer = await scene.here.agent(scene.alice, "Writer")
    await scene.alice.call(AddMyParticipant(chat_id=room.id, participant_id=writer.id))
    return writer


async def tell(who: Somebody, scene: Scene, text: str) -> str:
    """An agent mentions Scout; the message's id."""
    call = SendMessage(chat_id=scene.room.id, content=text, mentions=[Mention(id=scene.scout.id)])
    return (await who.call(call)).id


async def held_back(host: Desk, number: int) -> None:
    async def so() -> bool:
        return await host.seat.inbox.held_back() == number

    await host.rung(so)


def texts(page: dict[str, Any]) -> list[str]:
    """The last word of each message: the mention that stands before it is the platform's."""
    return [message["untrusted"]["content"].split()[-1] for message in page["messages"]]


async def unread_line(host: Desk) -> str:
    result = await host.llm.call_tool("list_participants", {"chat_id": "x"})
    return str(result.content[-1].text)  # type: ignore[union-attr]


@pytest.mark.parametrize("by", ["id", "handle", "@handle"])
async def test_only_those_who_are_allowed_are_heard_and_the_others_stay_open(
    scene: Scene, state: Path, by: str
) -> None:
    writer = await writer_in(scene, scene.room)
    hidden = [await tell(writer, scene, "pst")]
    await say(scene.alice, scene.room, scene.scout, "hello")
    hidden.append(await tell(writer, scene, "psst"))
    me = {"id": scene.alice.id, "handle": scene.alice.handle, "@handle": f"@{scene.alice.handle.upper()}"}[by]
    async with live(scene.here, scene.scout, state, allowed=Allowed(senders=[me])) as host:
        await held_back(host, 2)
        await host.unread(1)
        assert await unread_line(host) == "[inbox: 1 unread, call inbox_wait]"
        assert texts(await host.shown("inbox_read")) == ["hello"]
        page = await host.shown("inbox_wait")  # what nobody may see overtakes nothing and holds nothing up
        assert (texts(page), page["unread"]) == (["hello"], 1)
        await host.shown("reply", message_ids=[page["messages"][0]["id"]], content="hi")
        shown = await host.read("thenvoi://inbox")
        assert (shown["messages"], shown["unread"]) == ([], 0)
        status = await host.read("thenvoi://status")
        assert (status["unread"], status["held_back"]) == (0, 2)
        assert (await host.shown("inbox_wait", timeout_s=0))["messages"] == []
        for tool, more in (("reply", {"content": "hi"}), ("inbox_ack", {})):
            assert (await host.refused(tool, message_ids=hidden, **more))["code"] == "unknown_message"
    open_there = await scene.scout.call(ListMessages(chat_id=scene.room.id))
    assert [message.id for message in open_there.data] == hidden
    async with live(scene.here, scene.scout, state) as host:
        assert texts(await host.shown("inbox_wait")) == ["pst", "psst"]


async def test_a_crowd_that_nobody_may_hear_keeps_nobody_waiting(scene: Scene, state: Path) -> None:
    writer = await writer_in(scene, scene.room)
    for _ in range(25):  # more than a page of what the platform lists as next
        await tell(writer, scene, "noise")
    await say(scene.alice, scene.room, scene.scout, "hello")
    async with live(scene.here, scene.scout, state, allowed=Allowed(senders=[scene.alice.id])) as host:
        await held_back(host, 25)
        assert texts(await host.shown("inbox_wait")) == ["hello"]


async def test_a_page_of_what_is_allowed_is_full_and_leads_on(scene: Scene, state: Path) -> None:
    writer = await writer_in(scene, scene.room)
    for text in ("one", "two", "three"):
        await say(scene.alice, scene.room, scene.scout, text)
        await tell(writer, scene, "noise")
    async with live(scene.here, scene.scout, state, allowed=Allowed(senders=[scene.alice.id])) as host:
        await held_back(host, 3)
        first = await host.shown("inbox_read", limit=2)
        second = await host.shown("inbox_read", limit=2, after=first["next_cursor"])
        third = await host.shown("inbox_read", limit=2, after=second["next_cursor"])
        assert [texts(page) for page in (first, second, third)] == [["one", "two"], ["three"], []]


async def test_nobody_is_woken_by_what_he_may_not_see(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.0)
    writer, only = await writer_in(scene, scene.room), Allowed(senders=[scene.alice.id])
    here = at(scene.here, agent=scene.scout)
    async with subscribed(state, "auto", "thenvoi://inbox", locate=here, allowed=only) as (host, told):
        await host.until("live")
        await say(scene.alice, scene.room, scene.scout, "hello")
        await host.unread(1)
        assert len((await host.shown("inbox_read"))["messages"]) == 1
        known = len(told.heard)
        await tell(writer, scene, "psst")
        await held_back(host, 1)
        assert len((await host.shown("inbox_read"))["messages"]) == 1
        assert len(told.heard) == known
        await say(scene.alice, scene.room, scene.scout, "hello again")
        await told.until(known + 1)


async def test_in_a_room_that_is_not_allowed_nothing_is_heard_said_or_done(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    await say(scene.alice, other, scene.scout, "psst")
    await say(scene.alice, scene.room, scene.scout, "hello")
    only = Allowed(rooms=[scene.room.id])
    keys = at(scene.here, agent=scene.scout, person=scene.alice)
    async with desk(keys, state, sides=BOTH, allowed=only) as host:
        await host.until("live")
        await held_back(host, 1)
        assert texts(await host.shown("inbox_wait")) == ["hello"]
        text = {"content": "hi", "mentions": [scene.alice.id]}
        for tool, more in (
            ("send_message", text),
            ("send_my_message", {**text, "mentions": [scene.scout.id]}),
            ("send_event", {"content": "hm", "message_type": "thought"}),
            ("add_participant", {"participant_id": scene.alice.id}),
            ("mark_processed", {"message_id": "x"}),
            ("get_context", {}),
            ("inbox_wait", {}),
        ):
            refused = await host.refused(tool, chat_id=other.id, **more)
            assert (refused["code"], refused["message"]) == ("room_not_allowed", wording.ROOM_NOT_ALLOWED)
        for tool in ("create_chat", "create_my_chat"):
            assert (await host.refused(tool))["code"] == "room_not_allowed"
        await host.shown("send_message", chat_id=scene.room.id, **text)


async def test_hosts_of_one_agent_may_be_allowed_different_rooms(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    await say(scene.alice, other, scene.scout, "there")
    await say(scene.alice, scene.room, scene.scout, "here")
    async with (
        live(scene.here, scene.scout, state, allowed=Allowed(rooms=[other.id])) as one,
        desk(at(scene.here, agent=scene.scout), state, allowed=Allowed(rooms=[scene.room.id])) as two,
    ):
        await two.until("live")
        assert texts(await one.shown("inbox_wait")) == ["there"]
        assert texts(await two.shown("inbox_wait")) == ["here"]


async def test_with_one_room_pinned_no_tool_knows_of_rooms(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    await say(scene.alice, other, scene.scout, "psst")
    await say(scene.alice, scene.room, scene.scout, "hello")
    pin, choice = Allowed(chat=scene.room.id), Choice(toolsets=("all",), chat=scene.room.id)
    async with live(scene.here, scene.scout, state, allowed=pin, choice=choice) as host:
        listed = {tool.name: tool for tool in (await host.llm.list_tools()).tools}
        assert not [tool.name for tool in listed.values() if "chat_id" in tool.model_dump_json()]
        assert {"list_chats", "create_chat"}.isdisjoint(listed)
        await held_back(host, 1)
        assert texts(await host.shown("inbox_wait")) == ["hello"]
        sent = await host.shown("send_message", content="hi", mentions=[scene.alice.handle])
        assert sent["success"]
        assert (await host.said("get_chat"))["id"] == scene.room.id
        assert (await host.refused("send_event", content="hm"))["fields"][0]["field"] == "message_type"
        elsewhere = await host.refused("send_message", chat_id=other.id, content="hi", mentions=["x"])
        assert elsewhere["code"] == "room_not_allowed"


async def test_a_person_can_be_pinned_to_a_room_too(scene: Scene, state: Path) -> None:
    pin, choice = Allowed(chat=scene.room.id), Choice(chat=scene.room.id)
    keys = at(scene.here, person=scene.alice)
    async with desk(keys, state, sides=("human",), allowed=pin, choice=choice) as host:
        await host.said("list_my_participants")
        await host.shown("send_my_message", content="hi", mentions=[scene.scout.handle])


@pytest.mark.parametrize("who", ["agent", "person"])
async def test_a_pinned_room_that_is_not_ours_is_told_at_once(scene: Scene, state: Path, who: str) -> None:
    stranger = await scene.here.person("Bob Roe", f"Far{scene.organization}")
    foreign = await scene.here.room(stranger)
    keys = at(scene.here, **{who: scene.scout if who == "agent" else scene.alice})
    async with desk(keys, state, sides=BOTH, allowed=Allowed(chat=foreign.id)) as host:
        await host.until("offline")
        assert (await host.read("thenvoi://status"))["trouble"] == wording.NO_SUCH_ROOM
        refused = await host.refused("list_peers" if who == "agent" else "list_my_peers")
        assert (refused["code"], refused["next_step"]) == ("no_such_room", wording.NEXT["no_such_room"])


def test_a_tool_about_rooms_cannot_be_asked_for_with_a_pin() -> None:
    with pytest.raises(NoSuchTool, match="create_chat is of no use with THENVOI_CHAT"):
        chosen(["agent"], Choice(tools=("create_chat",), chat="x"))
    assert len(chosen(["agent"], EVERYTHING)) == len(chosen(["agent"], Choice(("all",), chat="x"))) + 2


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"chat": "no/room"}, "THENVOI_CHAT"),
        ({"allow_rooms": "x,no room"}, "THENVOI_ALLOW_ROOMS"),
        ({"allow_senders": "two words"}, "THENVOI_ALLOW_SENDERS"),
        ({"allow_senders": ","}, "THENVOI_ALLOW_SENDERS"),
        ({"allow_rooms": " "}, "THENVOI_ALLOW_ROOMS"),
        ({"allow_rooms": "x", "chat": "y"}, "THENVOI_CHAT must be one of THENVOI_ALLOW_ROOMS"),
    ],
)
def test_settings_that_cannot_be_meant_end_the_start_unshown(wrong: dict[str, str], name: str) -> None:
    with pytest.raises(BadSetting, match=name) as caught:
        allowed(Settings(**wrong))  # type: ignore[arg-type]
    assert not set(wrong.values()) & set(str(caught.value).split())


def test_what_is_not_set_keeps_nothing_away() -> None:
    assert allowed(Settings()).is_everything
    some = allowed(Settings(allow_rooms="a, b", allow_senders="@alice", chat="a"))
    assert some == Allowed(("a", "b"), ("@alice",), "a")
    assert not some.is_everything


class Face:
    """Somebody in a room."""

    def __init__(self, id: str, handle: str | None) -> None:
        self.id, self.handle, self.name = id, handle, "alice"


async def test_nobody_gets_in_by_a_name_or_by_a_handle_of_elsewhere() -> None:
    asked: list[str] = []

    async def people(chat_id: str) -> list[Face]:
        asked.append(chat_id)
        return [Face("1", "Alice"), Face("2", "mallory"), Face("3", None)]

    doorman = Doorman(Allowed(rooms=["here"], senders=["@alice"]))
    everybody: Iterable[tuple[str, str]] = [("here", "1"), ("here", "2"), ("here", "3"), ("there", "1")]
    assert not [pair for pair in everybody if doorman.sees(*pair)]
    assert await doorman.meet(everybody, people)
    assert [pair for pair in everybody if doorman.sees(*pair)] == [("here", "1")]
    assert not await doorman.meet([("here", "1")], people)
    assert asked == ["here"]  # a room that is not allowed is not even asked


async def test_nobody_gets_in_by_taking_an_id_for_a_handle() -> None:
    id = str(uuid4())

    async def people(_: str) -> list[Face]:
        return [Face("mallory", id)]

    doorman = Doorman(Allowed(senders=[id]))
    assert not await doorman.meet([("here", "mallory")], people)
    assert not doorman.sees("here", "mallory")
    assert doorman.sees("here", id)
    assert not doorman.is_choosy  # there is no handle to look for
