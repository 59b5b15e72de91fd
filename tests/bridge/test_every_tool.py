"""Every tool there is, used once with success over a real platform, by a host that has both keys."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import BOTH, Desk, at, desk, text_of
from tests.world import Somebody, say
from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.profiles import EVERY, Choice
from thenvoi_bridge.contract.contacts import AddContact, AddMyContact
from thenvoi_bridge.contract.memories import StoreMemory


@dataclass(frozen=True)
class Walk:
    """A host that remembers which tools it used."""

    scene: Scene
    host: Desk
    bob: Somebody
    used: list[str] = field(default_factory=list[str])

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        """What a tool answers; it must not fail."""
        result = await self.host.llm.call_tool(tool, arguments)
        assert not result.is_error, (tool, result.content)
        self.used.append(tool)
        text = text_of(result)
        return json.loads(text.splitlines()[1] if text.startswith("<<<") else text)


@pytest.fixture
async def walk(scene: Scene, state: Path) -> AsyncGenerator[Walk]:
    bob = await scene.here.person("Bob Roe", f"Far{scene.organization}")
    keys = at(scene.here, agent=scene.scout, person=scene.alice)
    async with desk(keys, state, sides=BOTH) as host:
        await host.until("live")
        yield Walk(scene, host, bob)


async def look_around(walk: Walk) -> None:
    """Groups system and identity."""
    assert (await walk("health"))["status"] == "ok"
    assert (await walk("version"))["version"]
    assert (await walk("check_key"))["permissions"] == ["agent_api"]
    assert (await walk("get_me"))["id"] == walk.scene.scout.id
    assert (await walk("get_my_profile"))["id"] == walk.scene.alice.id
    assert (await walk("update_my_profile", last_name="Dove"))["untrusted"]["last_name"] == "Dove"


async def meet(walk: Walk) -> str:
    """Groups agents, peers, chats and participants; gives the id of a room."""
    made = await walk("register_my_agent", name="Writer", description="Writes")
    writer = made["agent"]["id"]
    assert made["credentials"]["api_key"]
    assert writer in {agent["id"] for agent in (await walk("list_my_agents"))["data"]}
    for list_peers in ("list_peers", "list_my_peers"):
        assert writer in {peer["id"] for peer in (await walk(list_peers))["data"]}
    for my in ("", "my_"):
        room = (await walk(f"create_{my}chat"))["id"]
        assert (await walk(f"get_{my}chat", chat_id=room))["id"] == room
        assert room in {chat["id"] for chat in (await walk(f"list_{my}chats"))["data"]}
        assert (await walk(f"add_{my}participant", chat_id=room, participant_id="writer"))["id"] == writer
        there = {person["id"] for person in await walk(f"list_{my}participants", chat_id=room)}
        assert writer in there
        assert len(there) == 2
        await walk(f"remove_{my}participant", chat_id=room, participant_id="Writer")
    assert (await walk("delete_my_agent", agent_id=writer))["executions_deleted"] == 0
    return walk.scene.room.id


async def talk(walk: Walk, room: str) -> None:
    """Groups inbox, messages and events."""
    for text in ("first", "second"):
        await walk("send_my_message", chat_id=room, content=text, mentions=["Scout"])
    await walk.host.unread(2)
    assert len((await walk("inbox_read"))["messages"]) == 2
    first, second = (message["id"] for message in (await walk("inbox_wait"))["messages"])
    await walk("reply", message_ids=[first], content="done")
    await walk("inbox_ack", message_ids=[second])
    await walk("send_message", chat_id=room, content="more", mentions=[walk.scene.alice.handle])
    await walk("send_event", chat_id=room, content="hm", message_type="thought")
    assert len((await walk("get_context", chat_id=room))["data"]) == 5
    assert len((await walk("catch_up", chat_id=room))["messages"]) == 5
    said = [message["content"] for message in (await walk("list_my_messages", chat_id=room))["data"]]
    assert said[0] == "hm"
    assert len(said) == 5


async def work(walk: Walk, room: str) -> None:
    """Group lifecycle, and how messages look without an inbox."""
    sent = await say(walk.scene.alice, walk.scene.room, walk.scene.scout, "third")
    where = {"chat_id": room, "message_id": sent.id}
    assert (await walk("next_message", chat_id=room))["id"] == sent.id
    assert (await walk("mark_processing", **where))["status"] == "processing"
    assert (await walk("mark_failed", **where, error="tired"))["status"] == "failed"
    failed = await walk("list_messages", chat_id=room, status="failed")
    assert [message["id"] for message in failed["data"]] == [sent.id]
    await walk("mark_processing", **where)
    assert (await walk("mark_processed", **where))["status"] == "processed"
    assert await walk("next_message", chat_id=room) == {}


async def agent_contacts(walk: Walk) -> None:
    bob, scout = walk.bob, walk.scene.scout
    assert (await walk("add_contact", handle=f"@{bob.handle}", message="Hello"))["status"] == "pending"
    (sent,) = (await walk("list_contact_requests"))["data"]["sent"]
    cancelled = await walk("answer_contact_request", action="cancel", request_id=sent["id"])
    assert cancelled["status"] == "cancelled"
    await bob.call(AddMyContact(recipient_handle=scout.handle))
    await walk("answer_contact_request", action="approve", handle=bob.handle)
    (contact,) = (await walk("list_contacts"))["data"]
    assert contact["handle"] == bob.handle
    assert (await walk("remove_contact", contact_id=contact["id"]))["status"] == "removed"


async def person_contacts(walk: Walk) -> None:
    bob, alice = walk.bob, walk.scene.alice
    for answer in ("reject_my_contact", "approve_my_contact"):
        await bob.call(AddMyContact(recipient_handle=alice.handle))
        (request,) = (await walk("list_my_contact_requests"))["data"]
        await walk(answer, request_id=request["id"])
    (contact,) = (await walk("list_my_contacts"))["data"]
    assert contact["contact_id"] == (await walk("resolve_handle", handle=bob.handle))["id"] == bob.id
    await walk("remove_my_contact", handle=bob.handle)
    carol = await walk.scene.here.person("Carol Poe", f"Else{walk.scene.organization}")
    asked = await walk("add_my_contact", recipient_handle=carol.handle)
    (sent,) = (await walk("list_my_sent_requests", status="pending"))["data"]
    assert sent["id"] == asked["id"]
    assert (await walk("cancel_my_contact", request_id=sent["id"]))["status"] == "cancelled"


async def remember(walk: Walk) -> None:
    """Group memories: of an agent about its owner, and what the owner does with it."""
    what = {"system": "long_term", "type": "semantic", "segment": "user", "thought": "May help"}
    tea = (await walk("store_memory", content="Likes tea", subject_id=walk.scene.alice.handle, **what))["id"]
    assert (await walk("get_memory", memory_id=tea))["subject_id"] == walk.scene.alice.id
    about = await walk("list_memories", subject_id=walk.scene.alice.handle)
    assert about == {
        "data": [await walk("get_memory", memory_id=tea)],
        "meta": {"page_size": 1, "total_count": 1},
    }
    assert (await walk("list_my_memories", scope="about_me"))["data"][0]["content"] == "Likes tea"
    assert (await walk("get_my_memory", memory_id=tea))["id"] == tea
    for order, status in (("archive", "archived"), ("restore", "active"), ("supersede", "superseded")):
        done = await walk(f"{order}_my_memory", memory_id=tea)
        assert (done["status"], "content" in done) == (status, False)
    assert await walk("delete_my_memory", memory_id=tea) == {"success": True}
    assert (await walk("list_my_memories", status="all"))["data"] == []
    for order, status in (("archive", "archived"), ("supersede", "superseded")):
        mine = (await walk("store_memory", content="I am Scout", subject_id="me", **what))["id"]
        assert (await walk(f"{order}_memory", memory_id=mine))["status"] == status


async def test_every_tool_works(walk: Walk) -> None:
    await look_around(walk)
    room = await meet(walk)
    await talk(walk, room)
    await work(walk, room)
    await agent_contacts(walk)
    await person_contacts(walk)
    await remember(walk)
    assert sorted(set(walk.used)) == sorted(EVERY)


async def test_a_refusal_says_what_to_do_about_it(walk: Walk) -> None:
    host, alice, scout = walk.host, walk.scene.alice, walk.scene.scout
    await say(alice, walk.scene.room, scout, "hi")
    await walk("inbox_wait")
    busy = await host.refused("delete_my_agent", agent_id=scout.id)
    assert busy["code"] == "execution_history_exists"
    assert busy["next_step"] == wording.NEXT["execution_history_exists"]
    await scout.call(AddContact(handle=walk.bob.handle))
    again = await host.refused("add_contact", handle=walk.bob.handle)
    assert (again["code"], again["next_step"]) == ("conflict", wording.NEXT["contacts.conflict"])
    writer = await walk.scene.here.agent(alice, "Writer")
    what = {"system": "working", "type": "episodic", "segment": "agent", "thought": "x"}
    shared = await writer.call(StoreMemory.model_validate({"content": "x", "scope": "organization", **what}))
    for tool in ("supersede_memory", "delete_my_memory"):
        foreign = await host.refused(tool, memory_id=shared.id)
        assert (foreign["code"], foreign["next_step"]) == ("forbidden", wording.NEXT["memories.forbidden"])
    nobody = await host.refused("store_memory", content="x", subject_id="Nemo", **what)
    assert nobody["code"] == "nobody"
    assert f"@{alice.handle}" in nobody["untrusted"]["choices"]
    neither = await host.refused("remove_contact")
    assert neither["code"] == "bad_request"


async def test_a_host_that_only_reads_can_change_nothing_but_hears(scene: Scene, state: Path) -> None:
    reading = Choice(toolsets=("all",), read_only=True)
    async with desk(at(scene.here, agent=scene.scout), state, choice=reading) as host:
        await host.until("live")
        await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        result = await host.llm.call_tool("inbox_read", {})
        assert result.content[-1].text == "[inbox: 1 unread, call inbox_read]"  # type: ignore[union-attr]
        for tool in ("inbox_wait", "reply", "send_message", "supersede_memory"):
            assert (await host.faulty(host.llm.call_tool(tool, {}))).code == -32602
