"""Text messages: what is stored, what is refused, and who reads what of a room's past."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.platform.town import NOBODY, Json, Town, by, data, info, is_time, refused, side
from tests.world import Somebody
from thenvoi_bridge.platform import clock
from thenvoi_bridge.settings import Platform

MAX_CONTENT = Platform().max_content


async def post(town: Town, who: Somebody, room: str, content: str, mentions: object) -> httpx2.Response:
    message = {"content": content, "mentions": mentions}
    path = f"{side(who)}/chats/{room}/messages"
    return await town.http.post(path, json={"message": message}, headers=by(who))


async def contents(town: Town, room: str, **query: str) -> list[str]:
    """What a person reads."""
    return [
        one["content"] for one in (await town.get(town.alice, f"/me/chats/{room}/messages", **query))["data"]
    ]


# What is sent and stored


async def test_a_message_on_the_wire(town: Town) -> None:
    room = await town.room(town.scout)
    answer = await post(town, town.alice, room, "@alice.doe/scout check the logs", [{"id": town.scout.id}])
    recipient = {"id": town.scout.id, "handle": "alice.doe/scout", "name": "Scout"}
    sent = data(answer, 201)
    assert sent == {"id": sent["id"], "success": True, "recipients": [recipient]}

    found = data(await town.http.get(f"/agent/chats/{room}/messages/next", headers=by(town.scout)))
    assert is_time(found["inserted_at"])
    assert is_time(found["updated_at"])
    assert found == {
        "id": sent["id"],
        "chat_room_id": room,
        "content": f"@[[{town.scout.id}]] check the logs",
        "message_type": "text",
        "metadata": {"mentions": [recipient], "status": "sent"},
        "sender_id": town.alice.id,
        "sender_type": "User",
        "sender_name": "Alice Doe",
        "inserted_at": found["inserted_at"],
        "updated_at": found["updated_at"],
    }
    listed = await town.get(town.scout, f"/agent/chats/{room}/messages")
    assert listed == {
        "data": [found],
        "metadata": {**info(1, 20, 1, 1), "status_filter": None},
    }
    assert await town.get(town.scout, f"/agent/chats/{room}/context") == {
        "data": [found],
        "meta": info(1, 50, 1, 1),
        "metadata": {"has_more": False, "limit": 50},
    }
    assert await town.get(town.alice, f"/me/chats/{room}/messages") == {
        "data": [found],
        "metadata": info(1, 20, 1, 1),
    }


async def test_an_agent_answers_a_person(town: Town) -> None:
    room = await town.room(town.scout)
    sent = data(await post(town, town.scout, room, "All quiet.", [{"id": town.alice.id}]), 201)
    assert sent["recipients"] == [{"id": town.alice.id, "handle": "alice.doe", "name": "Alice Doe"}]
    (read,) = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]
    assert read["content"] == f"@[[{town.alice.id}]] All quiet."
    assert (read["sender_type"], read["sender_name"]) == ("Agent", "Scout")
    assert set(read["metadata"]) == {"mentions", "status"}


async def test_recipients_are_in_the_order_of_the_mentions(town: Town) -> None:
    room = await town.room(town.scout, town.muse, town.bob)
    order = [town.muse, town.bob, town.scout]
    sent = data(await post(town, town.alice, room, "hello", [{"id": one.id} for one in order]), 201)
    assert [one["id"] for one in sent["recipients"]] == [one.id for one in order]
    assert await contents(town, room) == [" ".join([*(f"@[[{one.id}]]" for one in order), "hello"])]


@pytest.mark.parametrize(
    ("mention", "content", "stored"),
    [
        ({}, "@Scout look", "@[[S]] look"),
        ({"handle": "watcher"}, "@Watcher look", "@[[S]] look"),
        ({"name": "the watcher"}, "@the watcher looks", "@[[S]] looks"),
        ({"handle": "@alice.doe/scout", "name": None}, "look, @alice.doe/scout!", "look, @[[S]]!"),
    ],
)
async def test_mentions_are_found_however_the_sender_spells_them(
    town: Town, mention: Json, content: str, stored: str
) -> None:
    room = await town.room(town.scout)
    data(await post(town, town.alice, room, content, [{"id": town.scout.id, **mention}]), 201)
    assert await contents(town, room) == [stored.replace("S", town.scout.id)]


# What is refused


def wrong_mentions(town: Town) -> list[tuple[str, Any]]:
    """The four codes, with every fault that is looked for later thrown in."""
    me, bob, outside = {"id": town.alice.id}, {"id": town.bob.id}, {"id": NOBODY}
    return [
        ("mentions_required", None),
        ("mentions_required", []),
        ("cannot_mention_self", [bob, bob, outside, me]),
        ("duplicate_mentions", [outside, bob, outside, bob]),
        ("mentioned_participant_not_in_room", [bob, outside]),
        ("mentioned_participant_not_in_room", [{"id": town.scout.id}]),
        ("mentioned_participant_not_in_room", [{"id": town.mallory.id}]),
    ]


@pytest.mark.parametrize("nth", range(7))
async def test_wrong_mentions_are_refused_in_order_and_nothing_is_stored(town: Town, nth: int) -> None:
    code, mentions = wrong_mentions(town)[nth]
    room = await town.room(town.bob)
    answer = await post(town, town.alice, room, "@bob.roe hello", mentions)
    assert list(refused(answer, 422, code)) == ["/message/mentions"]
    assert await contents(town, room) == []
    found = data(await town.http.get(f"/me/chats/{room}", headers=by(town.alice)))
    assert (found["title"], found["updated_at"]) == ("New chat", found["inserted_at"])


async def test_a_message_without_mentions_lacks_them_by_their_own_code(town: Town) -> None:
    room = await town.room(town.scout)
    for who in (town.alice, town.scout):
        path = f"{side(who)}/chats/{room}/messages"
        answer = await town.http.post(path, json={"message": {"content": "hello"}}, headers=by(who))
        assert list(refused(answer, 422, "mentions_required")) == ["/message/mentions"]


async def test_one_who_left_cannot_be_mentioned(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    data(await town.http.delete(f"/me/chats/{room}/participants/{town.muse.id}", headers=by(town.alice)))
    answer = await post(town, town.alice, room, "hello", [{"id": town.muse.id}])
    refused(answer, 422, "mentioned_participant_not_in_room")


@pytest.mark.parametrize("content", [None, "", " ", "\n\t", "\u2003", 7, ["x"]])
async def test_a_message_has_to_say_something(town: Town, content: Any) -> None:
    room = await town.room(town.scout)
    answer = await post(town, town.alice, room, content, [{"id": town.scout.id}])
    assert list(refused(answer, 422, "validation_error")) == ["/message/content"]
    assert await contents(town, room) == []


async def test_the_size_of_a_message_is_counted_in_bytes_as_it_is_stored(town: Town) -> None:
    room = await town.room(town.scout)
    marker = f"@[[{town.scout.id}]] "
    longest = "ä" * ((MAX_CONTENT - len(marker)) // 2)
    data(await post(town, town.alice, room, longest, [{"id": town.scout.id}]), 201)
    for content in (longest + "ä", "x" * (MAX_CONTENT + 1), "@x " * 40_000):
        answer = await post(town, town.alice, room, content, [{"id": town.scout.id, "name": "x"}])
        assert list(refused(answer, 422, "validation_error")) == ["/message/content"]
    assert await contents(town, room) == [marker + longest]


async def test_whatever_text_is_stored_comes_back_as_it_was(town: Town) -> None:
    room = await town.room(town.scout)
    text = "tab\t bell\a quote\" back\\slash <b> line\u2028 😀 ~\x7f\x85 e\u0301 'DROP TABLE'--"
    await town.say(room, town.scout, text=text)
    assert await contents(town, room) == [f"@[[{town.scout.id}]] {text}"]


@pytest.mark.parametrize("body", ["\\u0000", "a \\u0000 b"])
async def test_a_character_that_no_database_keeps_is_refused(town: Town, body: str) -> None:
    room = await town.room(town.scout)
    said = f'{{"message": {{"content": "{body}", "mentions": [{{"id": "{town.scout.id}"}}]}}}}'
    headers = {**by(town.alice), "Content-Type": "application/json"}
    answer = await town.http.post(f"/me/chats/{room}/messages", content=said, headers=headers)
    assert refused(answer, 400, "bad_request") == {}
    found = await town.http.get("/me/memories", params={"content_query": "a\0b"}, headers=by(town.alice))
    assert list(refused(found, 422, "validation_error")) == ["/content_query"]
    assert await contents(town, room) == []


# Who reads what


async def conversation(town: Town) -> tuple[str, dict[str, str]]:
    """A room with some of everything in it, in the order of the dictionary."""
    room = await town.room(town.scout, town.muse, town.bob)
    said = {
        "to scout": await town.say(room, town.scout),
        "to muse": await town.say(room, town.muse),
        "to bob": await town.say(room, town.bob),
        "by scout": await town.say(room, town.alice, who=town.scout),
        "by muse to scout": await town.say(room, town.scout, who=town.muse),
    }
    for kind in ("thought", "tool_call"):
        event = {"event": {"content": kind, "message_type": kind}}
        answer = await town.http.post(f"/agent/chats/{room}/events", json=event, headers=by(town.scout))
        said[kind] = data(answer, 201)["id"]
    said["to both"] = await town.say(room, town.scout, town.muse)
    return room, said


async def seen(town: Town, who: Somebody, path: str, said: dict[str, str], **query: str) -> list[str]:
    names = {id: name for name, id in said.items()}
    return [names[one["id"]] for one in (await town.get(who, path, **query))["data"]]


async def test_an_agent_is_shown_only_what_mentions_it_oldest_first(town: Town) -> None:
    room, said = await conversation(town)
    path = f"/agent/chats/{room}/messages"
    expected = ["to scout", "by muse to scout", "to both"]
    assert await seen(town, town.scout, path, said) == expected
    assert await seen(town, town.scout, path, said, status="all") == expected
    assert await seen(town, town.muse, path, said) == ["to muse", "to both"]


async def test_the_context_adds_what_the_agent_sent_itself_events_included(town: Town) -> None:
    room, said = await conversation(town)
    path = f"/agent/chats/{room}/context"
    expected = ["to scout", "by scout", "by muse to scout", "thought", "tool_call", "to both"]
    assert await seen(town, town.scout, path, said) == expected
    for order in ("processing", "processed"):
        data(await town.mark(town.scout, room, said["to scout"], order))
    assert await seen(town, town.scout, path, said) == expected
    assert await seen(town, town.muse, path, said) == ["to muse", "by muse to scout", "to both"]


@pytest.mark.parametrize("name", ["alice", "bob"])
async def test_people_are_shown_everything_newest_first(town: Town, name: str) -> None:
    room, said = await conversation(town)
    who: Somebody = getattr(town, name)
    assert await seen(town, who, f"/me/chats/{room}/messages", said) == list(said)[::-1]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("text", ["to both", "by muse to scout", "by scout", "to bob", "to muse", "to scout"]),
        ("thought", ["thought"]),
        ("tool_call", ["tool_call"]),
        ("tool_result", []),
        ("error", []),
        ("task", []),
    ],
)
async def test_people_may_ask_for_one_type(town: Town, kind: str, shown: list[str]) -> None:
    room, said = await conversation(town)
    assert await seen(town, town.alice, f"/me/chats/{room}/messages", said, message_type=kind) == shown


async def test_since_means_strictly_later_and_any_zone_will_do(town: Town) -> None:
    room = await town.room(town.scout)
    for text in ("one", "two", "three"):
        await town.say(room, town.scout, text=f"@scout {text}")
    three, two, one = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]
    assert one["inserted_at"] < two["inserted_at"] < three["inserted_at"]

    moment = datetime.fromisoformat(two["inserted_at"])
    before = moment - timedelta(microseconds=1)
    path = f"/me/chats/{room}/messages"
    for since, expected in (
        (two["inserted_at"], [three]),
        (moment.isoformat(), [three]),
        (before.isoformat(), [three, two]),
        ((moment + timedelta(hours=2)).isoformat().replace("+00:00", "+02:00"), [three]),
        (three["inserted_at"], []),
        ("2026-03-01T00:00:00Z", [three, two, one]),
        ("0001-01-01T00:00:00+14:00", [three, two, one]),
        ("0500-01-01T00:00:00Z", [three, two, one]),
        ("9999-12-31T23:59:59-14:00", []),
    ):
        page = await town.get(town.alice, path, since=since)
        assert page["data"] == expected, since
        assert page["metadata"]["total_count"] == len(expected)
    both = await town.get(town.alice, path, since=one["inserted_at"], message_type="text", page_size=1)
    assert both["data"] == [three]
    assert both["metadata"] == info(1, 1, 2, 2)


async def test_messages_come_in_pages_that_neither_overlap_nor_leave_out(town: Town) -> None:
    room = await town.room(town.scout)
    said = [await town.say(room, town.scout) for _ in range(5)]
    for who, path, expected in (
        (town.scout, f"/agent/chats/{room}/messages", said),
        (town.scout, f"/agent/chats/{room}/context", said),
        (town.alice, f"/me/chats/{room}/messages", said[::-1]),
    ):
        pages = [await town.get(who, path, page=page, page_size=2) for page in (1, 2, 3)]
        assert [one["id"] for page in pages for one in page["data"]] == expected
        assert [len(page["data"]) for page in pages] == [2, 2, 1]
        said_of_it = pages[2].get("meta") or pages[2]["metadata"]
        assert said_of_it | {"status_filter": None} == {**info(3, 2, 5, 3), "status_filter": None}


async def test_times_in_a_room_only_grow_even_if_the_clock_does_not(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await town.room(town.scout)
    said = [await town.say(room, town.scout)]
    for moment in ("2026-03-01T10:00:00.000000Z", "2020-01-01T00:00:00.000000Z"):
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        said.append(await town.say(room, town.scout))
    monkeypatch.undo()
    said.append(await town.say(room, town.scout))
    listed = (await town.get(town.scout, f"/agent/chats/{room}/messages"))["data"]
    assert [one["id"] for one in listed] == said
    times = [one["inserted_at"] for one in listed]
    assert times == sorted(set(times))


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (100, 100), (101, 100), (10**30, 100)])
async def test_the_page_size_of_a_context_is_bent_into_its_limits(town: Town, asked: int, given: int) -> None:
    room = await town.room(town.scout)
    context = await town.get(town.scout, f"/agent/chats/{room}/context", page_size=asked)
    assert context == {
        "data": [],
        "meta": info(1, given, 0, 1),
        "metadata": {"has_more": False, "limit": given},
    }
