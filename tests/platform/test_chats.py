"""Rooms: opening, looking, listing, and what they are called."""

import pytest

from tests.platform.town import Json, Town, by, data, info, is_time, refused, side
from tests.world import Somebody


async def created(town: Town, who: Somebody, **chat: str | None) -> Json:
    answer = await town.http.post(f"{side(who)}/chats", json={"chat": chat}, headers=by(who))
    room: Json = data(answer, 201)
    return room


@pytest.mark.parametrize("kind", ["alice", "scout"])
async def test_a_new_room_has_a_title_and_its_creator_owns_it(town: Town, kind: str) -> None:
    who: Somebody = getattr(town, kind)
    room = await created(town, who)
    assert set(room) == {"id", "title", "task_id", "inserted_at", "updated_at"}
    assert (room["title"], room["task_id"]) == ("New chat", None)
    assert is_time(room["inserted_at"])
    assert is_time(room["updated_at"])
    assert data(await town.http.get(f"{side(who)}/chats/{room['id']}", headers=by(who))) == room
    (owner,) = data(await town.http.get(f"{side(who)}/chats/{room['id']}/participants", headers=by(who)))
    assert (owner["id"], owner["role"]) == (who.id, "owner")


async def test_a_room_can_be_linked_to_a_task(town: Town) -> None:
    room = await created(town, town.scout, task_id="b0a7c3de-0000-4000-8000-000000000001")
    assert room["task_id"] == "b0a7c3de-0000-4000-8000-000000000001"


async def test_a_task_that_is_no_id_is_refused(town: Town) -> None:
    answer = await town.http.post("/me/chats", json={"chat": {"task_id": "a b"}}, headers=by(town.alice))
    assert list(refused(answer, 422, "validation_error")) == ["/chat/task_id"]


async def test_agents_list_their_rooms_oldest_first_and_people_newest_first(town: Town) -> None:
    person = await town.newcomer()
    agent = await town.here.agent(person, "Scout")
    rooms = [(await town.here.room(person, agent)).id for _ in range(3)]
    for who, expected in ((agent, rooms), (person, rooms[::-1])):
        pages = [await town.get(who, f"{side(who)}/chats", page=page, page_size=2) for page in (1, 2)]
        assert [room["id"] for page in pages for room in page["data"]] == expected
        assert pages[1]["metadata"] == info(2, 2, 3, 2)


async def test_a_room_one_was_taken_out_of_is_listed_no_more(town: Town) -> None:
    agent = await town.here.agent(town.alice, "Guest")
    room = await town.room(agent)
    assert (await town.get(agent, "/agent/chats"))["metadata"]["total_count"] == 1
    await town.http.delete(f"/me/chats/{room}/participants/{agent.id}", headers=by(town.alice))
    assert (await town.get(agent, "/agent/chats"))["data"] == []


async def title(town: Town, room: str) -> str:
    found: str = data(await town.http.get(f"/me/chats/{room}", headers=by(town.alice)))["title"]
    return found


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("check the logs", "check the logs"),
        ("  check \nthe logs", "check "),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("\x1c", "\x1c"),
        ("\x1d\x1e\x1f", "\x1d\x1e\x1f"),
    ],
)
async def test_a_room_is_called_after_its_first_message(town: Town, first: str, expected: str) -> None:
    room = await town.room(town.scout)
    await town.say(room, town.scout, text=first)
    assert await title(town, room) == expected
    await town.say(room, town.scout, text="something else")
    assert await title(town, room) == expected


async def test_an_event_names_no_room(town: Town) -> None:
    room = await town.room(town.scout)
    event = {"event": {"content": "thinking", "message_type": "thought"}}
    data(await town.http.post(f"/agent/chats/{room}/events", json=event, headers=by(town.scout)), 201)
    assert await title(town, room) == "New chat"
