"""The WebSocket as the stock client sees it, frame by frame (websocket.md 1 to 5 and 9)."""

import json
import logging
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from websockets.exceptions import ConnectionClosed

from tests.home import opened, served
from tests.platform.line import PATIENCE, called, line
from tests.platform.town import NOBODY, Json, Town, by, data, is_time, side
from tests.world import Somebody, World, say, world
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.feed import TopicKind
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform import socket as socket_module
from thenvoi_bridge.platform.administration import add_user, administer, delete_chat
from thenvoi_bridge.platform.chats import create_chat
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform

UNAUTHORIZED = {"status": "error", "response": {"reason": "unauthorized"}}
UNMATCHED = {"status": "error", "response": {"reason": "unmatched topic"}}


async def remove(town: Town, room: str, who: Somebody) -> None:
    data(await town.http.delete(f"/me/chats/{room}/participants/{who.id}", headers=by(town.alice)))


async def add(town: Town, room: str, who: Somebody) -> None:
    body = {"participant": {"participant_id": who.id}}
    data(await town.http.post(f"/me/chats/{room}/participants", json=body, headers=by(town.alice)), 201)


# Topics

OWN: dict[str, set[TopicKind]] = {
    "alice": {"user_rooms", "user_contacts", "tasks"},
    "scout": {"agent_rooms", "agent_contacts", "agent_control"},
}


@pytest.mark.parametrize("name", OWN)
async def test_every_topic_is_for_those_it_concerns(town: Town, name: str) -> None:
    who: Somebody = getattr(town, name)
    mine, foreign = await town.room(town.scout), (await town.here.room(town.bob, town.rover)).id
    ids = {"own": who.id, "foreign": town.bob.id, "agent": town.muse.id, "nobody": NOBODY, "malformed": "a b"}
    async with line(town.here.url, who) as it:
        for kind in (*OWN["alice"], *OWN["scout"]):
            for whose, id in {**ids, "empty": ""}.items():
                reply = await it.ask(f"{kind}:{id}")
                assert (reply["status"] == "ok") == (whose == "own" and kind in OWN[name]), (kind, whose)
                assert reply["status"] == "ok" or reply == UNAUTHORIZED
        for kind in ("chat_room", "room_participants"):
            await it.join(f"{kind}:{mine}")
            for id in (foreign, NOBODY, "a b", "", who.id):
                assert await it.ask(f"{kind}:{id}") == UNAUTHORIZED
            assert await it.ask(kind) == UNAUTHORIZED
        for topic in (
            "",
            ":",
            "nonsense",
            f"Chat_room:{mine}",
            f"chat_rooms:{mine}",
            f"room:{mine}",
            "phoenix",
        ):
            assert await it.ask(topic) == UNMATCHED, topic


async def test_one_who_was_taken_out_joins_no_more_until_it_is_back(town: Town) -> None:
    room = await town.room(town.scout)
    await remove(town, room, town.scout)
    async with line(town.here.url, town.scout) as it:
        assert await it.ask(f"chat_room:{room}") == UNAUTHORIZED
        assert await it.ask(f"room_participants:{room}") == UNAUTHORIZED
        await add(town, room, town.scout)
        await it.join(f"chat_room:{room}")
        await it.join(f"room_participants:{room}")


# What Phoenix does


ok = partial(dict[str, Any], status="ok", response={})


def error(reason: str) -> Json:
    return {"status": "error", "response": {"reason": reason}}


@pytest.mark.parametrize("ref", ["1", 1, None, "x" * 1000, "ü"])
async def test_a_heartbeat_is_answered_whatever_is_joined(town: Town, ref: str | int | None) -> None:
    async with line(town.here.url, town.scout) as it:
        await it.send(None, ref, "phoenix", "heartbeat", {})
        assert await it.read() == [None, str(ref) if ref == 1 else ref, "phoenix", "phx_reply", ok()]


@pytest.mark.parametrize("event", ["phx_join", "message", "phx_close", "phx_error", "heartbeat", ""])
@pytest.mark.parametrize("topic", ["nonsense:1", "", "chat_room"])
async def test_a_topic_that_nobody_knows_is_refused_with_both_refs(
    town: Town, topic: str, event: str
) -> None:
    known = topic == "chat_room" and event == "phx_join"
    async with line(town.here.url, town.scout) as it:
        await it.send("8", "9", topic, event, {})
        reason = "unauthorized" if known else "unmatched topic"
        assert await it.read() == ["8", "9", topic, "phx_reply", error(reason)]


async def test_a_second_join_is_answered_and_then_closes_the_first(town: Town) -> None:
    topic = f"chat_room:{await town.room(town.scout)}"
    async with line(town.here.url, town.scout) as it:
        for nth in ("1", "2", "3"):
            await it.send(nth, nth, topic, "phx_join", {})
        assert await it.rest() == [
            ["1", "1", topic, "phx_reply", ok()],
            ["2", "2", topic, "phx_reply", ok()],
            ["1", "1", topic, "phx_close", {}],
            ["3", "3", topic, "phx_reply", ok()],
            ["2", "2", topic, "phx_close", {}],
        ]


async def test_a_topic_that_is_not_joined_can_be_left(town: Town) -> None:
    async with line(town.here.url, town.scout) as it:
        for topic in (f"chat_room:{NOBODY}", "nonsense:1"):
            await it.send("8", "9", topic, "phx_leave", {})
            assert await it.read() == ["8", "9", topic, "phx_reply", ok()]
        assert await it.rest() == []


@pytest.mark.parametrize("event", ["phx_leave", "message"])
async def test_what_belongs_to_an_older_join_is_ignored(town: Town, event: str) -> None:
    room = await town.room(town.scout)
    topic = f"chat_room:{room}"
    async with line(town.here.url, town.scout) as it:
        await it.send("5", "5", topic, "phx_join", {})
        await it.send("1", "6", topic, event, {})
        assert await it.rest() == [["5", "5", topic, "phx_reply", ok()]]
        await town.say(room, town.scout)
        assert (await it.read())[:4] == ["5", None, topic, "message_created"]


@pytest.mark.parametrize("join_ref", ["own", None])
async def test_pushing_is_refused_and_the_channel_stays(town: Town, join_ref: str | None) -> None:
    room = await town.room(town.scout)
    topic = f"chat_room:{room}"
    async with line(town.here.url, town.scout) as it:
        own = await it.join(topic)
        join_ref = own if join_ref == "own" else join_ref
        await it.send(join_ref, "9", topic, "message_created", {"content": "mine"})
        assert await it.read() == [join_ref, "9", topic, "phx_reply", error("not supported")]
        await town.say(room, town.scout)
        assert (await it.read())[:4] == [own, None, topic, "message_created"]


async def test_frames_are_read_leniently(town: Town) -> None:
    topic = f"agent_rooms:{town.scout.id}"
    async with line(town.here.url, town.scout) as it:
        await it.ws.send(f'[1,1,"{topic}","phx_join",null,6,[7],{{}}]')
        assert await it.read() == ["1", "1", topic, "phx_reply", ok()]
        await it.ws.send(json.dumps(["1", 2.5, topic, "phx_leave", "payload"]))
        assert (await it.read())[:3] == ["1", "2.5", topic]


def many_rooms(tx: Change, who: Somebody) -> list[str]:
    """A thousand rooms of a person's, at one stroke."""
    me = Principal(who.id, "User", "", who.id, who.handle, who.name, "")
    return [create_chat(CreateMyChat(), me, tx).id for _ in range(1000)]


async def test_two_thousand_topics_on_one_socket(town: Town) -> None:
    who = await town.newcomer()
    agent = await town.here.agent(who, "Agent")
    async with opened(town.here.folder) as (db, keys):
        rooms = await administer(db, keys, partial(many_rooms, who=who))
    topics = [f"{kind}:{room}" for room in rooms for kind in ("chat_room", "room_participants")]
    async with line(town.here.url, who) as it:
        for nth, topic in enumerate(topics):
            await it.send(str(nth), str(nth), topic, "phx_join", {})
        assert await it.rest() == [
            [str(nth), str(nth), topic, "phx_reply", ok()] for nth, topic in enumerate(topics)
        ]
        for nth in (0, 999):
            await who.call(AddMyParticipant(chat_id=rooms[nth], participant_id=agent.id))
            frame = await it.read()
            assert frame[:4] == [str(2 * nth + 1), None, topics[2 * nth + 1], "participant_added"]


# Events


async def test_a_creator_is_told_of_its_own_room(town: Town) -> None:
    for who, topic in ((town.scout, "agent_rooms"), (town.alice, "user_rooms")):
        async with line(town.here.url, who) as it:
            ref = await it.join(f"{topic}:{who.id}")
            answer = await town.http.post(f"{side(who)}/chats", json={"chat": {}}, headers=by(who))
            room = data(answer, 201)
            frame = await it.read()
            assert frame[:4] == [ref, None, f"{topic}:{who.id}", "room_added"]
            assert room.pop("task_id") is None
            assert frame[4] == room
            assert room["title"]


async def test_the_added_and_the_others_are_told(town: Town) -> None:
    room = await town.room(town.scout)
    async with line(town.here.url, town.muse) as muse, line(town.here.url, town.scout) as scout:
        await muse.join(f"agent_rooms:{town.muse.id}")
        ref = await scout.join(f"room_participants:{room}")
        await add(town, room, town.muse)
        added = await muse.event("room_added")
        assert (added["id"], added["title"]) == (room, "New chat")
        frame = await scout.read()
        assert frame[:4] == [ref, None, f"room_participants:{room}", "participant_added"]
        assert frame[4] == {
            "id": town.muse.id,
            "type": "Agent",
            "name": "Muse",
            "handle": "alice.doe/muse",
            "description": "Muse of Alice Doe",
            "is_external": True,
            "role": "member",
            "status": "active",
        }
        await add(town, room, town.bob)
        assert await scout.event("participant_added") == {
            "id": town.bob.id,
            "type": "User",
            "name": "Bob Roe",
            "handle": "bob.roe",
            "role": "member",
            "status": "active",
        }


async def test_the_removed_and_the_others_are_told(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    task = {"participant_removed": {"id": town.muse.id, "type": "Agent", "name": "Muse"}}
    async with line(town.here.url, town.muse) as muse, line(town.here.url, town.scout) as scout:
        await muse.join(f"agent_rooms:{town.muse.id}")
        await scout.join(f"room_participants:{room}")
        await remove(town, room, town.muse)
        assert await scout.event("participant_removed") == task["participant_removed"]
        removed = await muse.event("room_removed")
        assert set(removed) == {"id", "title", "inserted_at", "updated_at", "status", "type", "removed_at"}
        assert (removed["id"], removed["title"]) == (room, "New chat")
        assert (removed["status"], removed["type"]) == ("removed", "direct")
        assert all(is_time(removed[name]) for name in ("inserted_at", "updated_at", "removed_at"))


async def test_a_room_with_a_task_says_so_in_both_events(town: Town) -> None:
    async with line(town.here.url, town.scout) as it:
        await it.join(f"agent_rooms:{town.scout.id}")
        body = {"chat": {"task_id": NOBODY}}
        room = data(await town.http.post("/me/chats", json=body, headers=by(town.alice)), 201)["id"]
        await add(town, room, town.scout)
        assert (await it.event("room_added"))["task_id"] == NOBODY
        await remove(town, room, town.scout)
        assert (await it.event("room_removed"))["task_id"] == NOBODY


async def test_the_pushed_message_is_what_rest_shows(town: Town) -> None:
    room = await town.room(town.scout)
    async with line(town.here.url, town.scout) as it:
        ref = await it.join(f"chat_room:{room}")
        await town.say(room, town.scout, text='@Scout "quoted" 😀\u2028')
        frame = await it.read()
        assert frame[:4] == [ref, None, f"chat_room:{room}", "message_created"]
    (read,) = (await town.get(town.scout, f"/agent/chats/{room}/messages"))["data"]
    read["metadata"].pop("delivery_status", None)
    assert frame[4] == read
    assert read["metadata"]["mentions"] == [
        {"id": town.scout.id, "handle": "alice.doe/scout", "name": "Scout"}
    ]


async def test_agents_hear_what_mentions_them_and_people_hear_everything(town: Town) -> None:
    room = await town.room(town.scout, town.muse, town.bob)
    topic = f"chat_room:{room}"
    async with (
        line(town.here.url, town.scout) as scout,
        line(town.here.url, town.muse) as muse,
        line(town.here.url, town.alice) as alice,
        line(town.here.url, town.bob) as bob,
    ):
        for one in (scout, muse, alice, bob):
            await one.join(topic)
        for_scout = await town.say(room, town.scout)
        for_muse = await town.say(room, town.muse, who=town.scout)
        for_bob = await town.say(room, town.bob)
        thought = {"event": {"content": "hm", "message_type": "thought"}}
        data(await town.http.post(f"/agent/chats/{room}/events", json=thought, headers=by(town.scout)), 201)
        for_both = await town.say(room, town.scout, town.muse)
        for one in (alice, bob):
            before = [for_scout, for_muse, for_bob]
            assert [(await one.event("message_created"))["id"] for _ in before] == before
            assert (await one.event("event_created"))["content"] == "hm"
            assert (await one.event("message_created"))["id"] == for_both
        for one, heard in ((scout, [for_scout, for_both]), (muse, [for_muse, for_both])):
            assert [(await one.event("message_created"))["id"] for _ in heard] == heard
        for one in (scout, muse, alice, bob):
            assert await one.rest() == []


async def test_people_hear_how_far_an_agent_has_come_and_agents_do_not(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    message = await town.say(room, town.scout, town.muse)
    async with line(town.here.url, town.scout) as scout, line(town.here.url, town.alice) as alice:
        for one in (scout, alice):
            await one.join(f"chat_room:{room}")
        heard = []
        for order in ("processing", "failed", "processing", "processed"):
            data(await town.mark(town.scout, room, message, order))
            heard.append(await alice.event("message_updated"))
        read = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"][0]
        assert heard[-1] == read
        states = [told["metadata"]["delivery_status"][town.scout.id] for told in heard]
        numbers = [(state["status"], state["current_attempt"]) for state in states]
        assert numbers == [("processing", 1), ("failed", 1), ("processing", 2), ("processed", 2)]
        assert states[1]["attempts"][0]["error"] == "it broke"
        assert [await one.rest() for one in (scout, alice)] == [[], []]


async def test_every_subscriber_finds_its_own_join_ref(town: Town) -> None:
    room = await town.room(town.scout)
    topic = f"chat_room:{room}"
    async with line(town.here.url, town.alice) as one, line(town.here.url, town.alice) as other:
        for join_ref in ("7", "seven"):
            await one.send(join_ref, join_ref, topic, "phx_join", {})
            assert (await one.read())[:2] == [join_ref, join_ref]
        assert (await one.read())[:4] == ["7", "7", topic, "phx_close"]  # the first join, replaced
        ref = await other.join(topic)
        await town.say(room, town.scout)
        assert (await one.read())[:4] == ["seven", None, topic, "message_created"]
        assert (await other.read())[:4] == [ref, None, topic, "message_created"]
        assert await one.rest() == []


async def test_the_reply_to_a_join_comes_before_its_events(town: Town) -> None:
    """While another keeps talking, somebody joins anew again and again."""
    room = await town.room(town.scout)
    topic = f"chat_room:{room}"
    said: list[str] = []
    heard: list[str] = []

    async def talk() -> None:
        said.extend([await town.say(room, town.scout) for _ in range(60)])

    async with line(town.here.url, town.alice) as it:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(talk)
            for nth in range(1, 20):
                await it.send(str(nth), str(nth), topic, "phx_join", {})
                while (frame := await it.read())[3] != "phx_reply":
                    assert frame[:3] in ([str(nth - 1), None, topic], [str(nth - 2)] * 2 + [topic])
                    heard += [frame[4]["id"]] if frame[3] == "message_created" else []
        last = await town.say(room, town.scout)
        while heard[-1:] != [last]:
            frame = await it.read()
            heard += [frame[4]["id"]] if frame[3] == "message_created" else []
    assert heard == [id for id in [*said, last] if id in heard]
    assert len(heard) > 20


async def test_a_topic_keeps_its_order_whoever_writes(town: Town) -> None:
    room = await town.room(town.scout)
    async with line(town.here.url, town.scout) as it:
        await it.join(f"chat_room:{room}")

        async def talk(nth: int) -> None:
            for number in range(25):
                await town.say(room, town.scout, text=f"{nth}-{number}")

        async with anyio.create_task_group() as tasks:
            for nth in range(8):
                tasks.start_soon(talk, nth)
        heard = [await it.event("message_created") for _ in range(200)]
    pages = [
        await town.get(town.scout, f"/agent/chats/{room}/messages", page=page, page_size=100)
        for page in (1, 2)
    ]
    assert [one["id"] for one in heard] == [one["id"] for page in pages for one in page["data"]]
    times = [one["inserted_at"] for one in heard]
    assert times == sorted(set(times))


async def delivered(town: Town, room: str) -> Json:
    """The delivery status of a room's last message, once there is one."""
    with anyio.fail_after(PATIENCE):
        while True:
            shown = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"][0]
            if status := shown["metadata"].get("delivery_status"):
                found: Json = status
                return found


async def test_a_push_to_a_connected_agent_makes_the_message_delivered(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    async with line(town.here.url, town.scout) as it:
        await it.join(f"chat_room:{room}")
        await town.say(room, town.scout, town.muse)
        status = await delivered(town, room)
    assert set(status) == {town.scout.id}  # nobody has told Muse
    entry: Json = status[town.scout.id]
    assert is_time(entry.pop("delivered_at"))
    assert entry == {"status": "delivered", "processed_at": None, "current_attempt": None, "attempts": []}


@pytest.mark.parametrize("how", ["leave", "close"])
async def test_nothing_is_delivered_to_one_who_went_away(town: Town, how: str) -> None:
    room = await town.room(town.scout, town.muse)
    topic = f"chat_room:{room}"
    async with line(town.here.url, town.scout) as scout, line(town.here.url, town.muse) as muse:
        ref = await scout.join(topic)
        await muse.join(topic)
        if how == "leave":
            await scout.ask(topic, "phx_leave", ref)
        else:
            await scout.ws.close()
        await town.say(room, town.scout, town.muse)
        assert set(await delivered(town, room)) == {town.muse.id}


# Leaving


async def test_one_who_leaves_hears_no_more(town: Town) -> None:
    room = await town.room(town.scout)
    topic = f"chat_room:{room}"
    async with line(town.here.url, town.alice) as it, line(town.here.url, town.alice) as witness:
        ref = await it.join(topic)
        await witness.join(topic)
        assert await it.ask(topic, "phx_leave", ref) == {"status": "ok", "response": {}}
        assert await it.read() == [ref, ref, topic, "phx_close", {}]
        await town.say(room, town.scout)
        await witness.event("message_created")
        assert await it.rest() == []


@pytest.mark.parametrize("name", ["scout", "bob"])
async def test_one_who_is_removed_hears_no_more_though_leaving_is_still_answered(
    town: Town, name: str
) -> None:
    who: Somebody = getattr(town, name)
    room = await town.room(town.scout, town.bob, town.muse)
    chat, participants = f"chat_room:{room}", f"room_participants:{room}"
    async with line(town.here.url, who) as it, line(town.here.url, town.alice) as witness:
        refs = {topic: await it.join(topic) for topic in (chat, participants)}
        await witness.join(chat)
        await witness.join(participants)
        await remove(town, room, who)
        await witness.event("participant_removed")
        assert (await it.event("participant_removed"))["id"] == who.id
        await town.say(room, town.muse, text=f"about @{who.handle}")
        await remove(town, room, town.muse)
        assert {(await witness.read())[3] for _ in range(2)} == {"message_created", "participant_removed"}
        assert await it.rest() == []
        for topic, ref in refs.items():
            assert await it.ask(topic, "phx_leave", ref) == {"status": "ok", "response": {}}
            assert await it.read() == [ref, ref, topic, "phx_close", {}]
        assert await it.ask(chat) == UNAUTHORIZED


async def test_a_room_that_is_deleted_says_so_and_then_nothing_more(town: Town) -> None:
    room, other = await town.room(town.scout), await town.room(town.scout)
    chat, participants = f"chat_room:{room}", f"room_participants:{room}"
    async with line(town.here.url, town.scout) as scout, line(town.here.url, town.alice) as alice:
        own = {"room_removed": await scout.join(f"agent_rooms:{town.scout.id}")}
        refs = {topic: await scout.join(topic) for topic in (chat, participants)}
        await alice.join(participants)
        await alice.join(f"chat_room:{other}")
        async with opened(town.here.folder) as (db, keys):
            await administer(db, keys, partial(delete_chat, id=room))
        assert (await alice.event("room_deleted")) == {"id": room}
        told = {frame[3]: frame for frame in [await scout.read(), await scout.read()]}
        assert told["room_deleted"] == [refs[participants], None, participants, "room_deleted", {"id": room}]
        assert told["room_removed"][0] == own["room_removed"]
        await town.say(other, town.scout)
        await alice.event("message_created")
        for topic, ref in refs.items():
            assert await scout.ask(topic, "phx_leave", ref) == {"status": "ok", "response": {}}
            assert await scout.read() == [ref, ref, topic, "phx_close", {}]
            assert await scout.ask(topic) == UNAUTHORIZED


async def test_one_who_is_back_joins_again_and_hears(town: Town) -> None:
    room = await town.room(town.scout)
    topic = f"chat_room:{room}"
    async with line(town.here.url, town.scout) as it:
        old = await it.join(topic)
        await remove(town, room, town.scout)
        await add(town, room, town.scout)
        new = await it.join(topic)
        assert await it.read() == [old, old, topic, "phx_close", {}]
        await town.say(room, town.scout)
        assert (await it.read())[:4] == [new, None, topic, "message_created"]


# The end of a socket


async def test_a_slow_reader_is_closed_and_nobody_else_suffers(tmp_path: Path) -> None:
    async with world(tmp_path, Platform(backlog=10)) as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        room = await here.room(alice, scout)
        async with line(here.url, alice) as slow, line(here.url, alice) as quick:
            for one in (slow, quick):
                await one.join(f"chat_room:{room.id}")
            slow.ws.transport.pause_reading()
            said: list[str] = []
            for _ in range(150):  # fills every buffer between the two ends, and the backlog besides
                said.append((await say(alice, room, scout, "x" * 100_000)).id)
                assert (await quick.event("message_created"))["id"] == said[-1]
            slow.ws.transport.resume_reading()
            code, frames = await slow.closed()
            assert code == 1011
            assert 0 < len(frames) < len(said)
            assert [frame[4]["id"] for frame in frames] == said[: len(frames)]
            said.append((await say(alice, room, scout, "hello")).id)
            assert (await quick.event("message_created"))["id"] == said[-1]


async def test_without_a_limit_a_slow_reader_misses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, Platform(backlog=0, buffer=0)) as here:
        alice = await here.person()
        async with line(here.url, alice) as slow:
            slow.ws.transport.pause_reading()
            text = "x" * 50_000
            for nth in range(200):
                await slow.send(None, str(nth), "phoenix", text, {})
            slow.ws.transport.resume_reading()
            assert [(await slow.read())[1] for _ in range(200)] == [str(nth) for nth in range(200)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        "[]",
        "[1,2,3,4]",
        '["1","1",7,"phx_join",{}]',
        '["1","1","phoenix",null,{}]',
        '["1","1","phoenix","heartbeat",NaN]',
        "[" * 10_000,
        b'["1","1","phoenix","heartbeat",{}]',
    ],
    ids=lambda text: repr(text[:36]),
)
async def test_what_is_no_frame_ends_the_socket(
    town: Town, text: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with line(town.here.url, town.scout) as it:
        assert await it.rest() == []
        await it.ws.send(text)
        with suppress(ConnectionClosed):
            await it.ws.send(text)
        assert await it.closed() == (1011, [])
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_frame_of_more_than_64_kib_ends_the_socket(town: Town) -> None:
    async with line(town.here.url, town.scout) as it:
        await it.send(None, "1", "phoenix", "heartbeat", {"x": "x" * 65_000})
        assert (await it.read())[1] == "1"
        await it.send(None, "2", "phoenix", "heartbeat", {"x": "x" * 65_536})
        assert await it.closed() == (1009, [])


async def test_one_who_reads_nothing_cannot_hold_up_its_own_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "CLOSING", 0.1)
    async with opened(tmp_path) as (db, keys):
        add = partial(add_user, email="a@b.example", name="A", organization="O")
        key = (await administer(db, keys, add))["api_key"]
    async with (
        served(tmp_path, bind("127.0.0.1", 0)) as platform,
        called(platform.url, {"api_key": key}) as it,
    ):
        it.ws.transport.pause_reading()
        for nth in range(200):  # fills every buffer between the two ends
            await it.send(None, str(nth), "x" * 50_000, "message", {})
        await it.ws.send("nonsense")
        with anyio.fail_after(PATIENCE):
            while platform.app.idle == 0:
                await anyio.lowlevel.checkpoint()
        it.ws.transport.abort()


async def test_one_who_sends_much_at_once_and_reads_is_not_too_slow(town: Town) -> None:
    async with line(town.here.url, town.scout) as it:
        for nth in range(1900):
            await it.send(None, str(nth), "phoenix", "heartbeat", {})
        assert [(await it.read())[1] for _ in range(1900)] == [str(nth) for nth in range(1900)]


async def test_text_that_is_no_utf_8_ends_the_socket(town: Town) -> None:
    async with line(town.here.url, town.scout) as it:
        await it.ws.send(b'[null,"\xff","phoenix","heartbeat",{}]', text=True)
        assert await it.closed() == (1007, [])


async def test_one_who_says_nothing_is_closed_and_one_who_says_anything_is_not(tmp_path: Path) -> None:
    over = anyio.Event()
    async with world(tmp_path, Platform(idle=1)) as here:
        alice = await here.person()
        async with line(here.url, alice) as silent, line(here.url, alice) as talking:

            async def talk() -> None:
                while not over.is_set():
                    await talking.ask("nonsense")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(talk)
                assert await silent.closed() == (4000, [])
                over.set()
            assert await talking.rest() == []


async def test_without_a_limit_nobody_is_closed_for_saying_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, Platform(idle=0)) as here, line(here.url, await here.person()) as it:
        assert await it.rest() == []
        assert await it.rest() == []


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_one_who_goes_away_is_told_nothing_and_logs_no_fault(
    town: Town, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    room = await town.room(town.scout)
    async with line(town.here.url, town.alice) as witness:
        await witness.join(f"chat_room:{room}")
        async with line(town.here.url, town.scout) as it:
            await it.join(f"chat_room:{room}")
            if how == "abort":
                it.ws.transport.abort()
            else:
                await it.ws.close()
        for _ in range(3):
            await town.say(room, town.scout)
            await witness.event("message_created")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_restart_ends_every_socket_and_everything_is_there_again(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    before = here.url
    async with line(here.url, scout) as one, line(here.url, alice) as other:
        await one.join(f"chat_room:{room.id}")
        await other.join(f"chat_room:{room.id}")
        with anyio.fail_after(PATIENCE):
            await here.stop()
        assert await one.closed() == (1012, [])
        assert await other.closed() == (1012, [])
    with anyio.fail_after(PATIENCE):
        await here.start()
    assert here.url == before
    async with line(here.url, scout) as again:
        await again.join(f"chat_room:{room.id}")
        sent = await say(alice, room, scout, "hello again")
        assert (await again.event("message_created"))["id"] == sent.id
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
