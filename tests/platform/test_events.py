"""What agents did or thought: kept for people and told to them, never to agents."""

import pytest

from tests.platform.town import Json, Town, by, data, is_time, refused

TYPES = ["tool_call", "tool_result", "thought", "error", "task"]


@pytest.mark.parametrize("kind", TYPES)
async def test_people_read_every_event_of_a_room(town: Town, kind: str) -> None:
    room = await town.room(town.scout)
    metadata = {"function": {"name": "look", "arguments": {"at": ["logs", None, 1.5]}}, "id": "1"}
    event = {"content": "did something", "message_type": kind, "metadata": metadata}
    path = f"/agent/chats/{room}/events"
    made = data(await town.http.post(path, json={"event": event}, headers=by(town.scout)), 201)
    assert made == {"id": made["id"], "message_type": kind, "success": True}
    (read,) = (await town.get(town.alice, f"/me/chats/{room}/messages", message_type=kind))["data"]
    assert is_time(read.pop("inserted_at"))
    assert is_time(read.pop("updated_at"))
    assert read == {
        "id": made["id"],
        "chat_room_id": room,
        "content": "did something",
        "message_type": kind,
        "metadata": metadata,
        "sender_id": town.scout.id,
        "sender_type": "Agent",
        "sender_name": "Scout",
    }


async def test_other_agents_see_nothing_of_it(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    event = {"content": f"@{town.muse.handle} hm", "message_type": "thought"}
    data(
        await town.http.post(f"/agent/chats/{room}/events", json={"event": event}, headers=by(town.scout)),
        201,
    )
    assert (await town.get(town.muse, f"/agent/chats/{room}/messages", status="all"))["data"] == []
    assert (await town.get(town.muse, f"/agent/chats/{room}/context"))["data"] == []
    (own,) = (await town.get(town.scout, f"/agent/chats/{room}/context"))["data"]
    assert (own["message_type"], own["content"], own["metadata"]) == ("thought", event["content"], None)


async def test_the_metadata_of_an_event_stays_what_the_agent_gave_even_when_it_is_marked(town: Town) -> None:
    room = await town.room(town.scout)
    event = {"content": "hm", "message_type": "thought", "metadata": {"depth": 3}}
    path = f"/agent/chats/{room}/events"
    made = data(await town.http.post(path, json={"event": event}, headers=by(town.scout)), 201)
    data(await town.mark(town.scout, room, made["id"], "processing"))
    (read,) = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]
    assert read["metadata"] == {"depth": 3}


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        ({"message_type": "thought"}, "/event/content"),
        ({"content": " \n", "message_type": "thought"}, "/event/content"),
        ({"content": "x"}, "/event/message_type"),
        ({"content": "x", "message_type": "text"}, "/event/message_type"),
        ({"content": "x", "message_type": "system"}, "/event/message_type"),
        ({"content": "x", "message_type": "action"}, "/event/message_type"),
        ({"content": "x", "message_type": "guidelines"}, "/event/message_type"),
        ({"content": "x", "message_type": "thought", "metadata": []}, "/event/metadata"),
        ({"content": "x" * (128 * 1024 + 1), "message_type": "thought"}, "/event/content"),
    ],
)
async def test_an_event_that_does_not_fit_is_refused(town: Town, event: Json, pointer: str) -> None:
    room = await town.room(town.scout)
    path = f"/agent/chats/{room}/events"
    answer = await town.http.post(path, json={"event": event}, headers=by(town.scout))
    assert list(refused(answer, 422, "validation_error")) == [pointer]
    assert (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"] == []


async def test_people_have_no_events_to_send(town: Town) -> None:
    room = await town.room(town.scout)
    body = {"event": {"content": "x", "message_type": "thought"}}
    answer = await town.http.post(f"/me/chats/{room}/events", json=body, headers=by(town.alice))
    refused(answer, 404, "not_found")
