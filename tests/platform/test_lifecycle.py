"""How far a recipient has come with a message, over HTTP (rest.md 6.3)."""

import anyio
import httpx2
import pytest

from tests.platform.town import Json, Town, by, data, is_time, refused
from tests.world import Somebody


async def entry(town: Town, room: str, message: str) -> Json | None:
    """What Alice sees of Scout's progress."""
    listed = (await town.get(town.alice, f"/me/chats/{room}/messages", page_size=100))["data"]
    (found,) = [one for one in listed if one["id"] == message]
    shown: Json | None = found["metadata"].get("delivery_status", {}).get(town.scout.id)
    return shown


async def ids(town: Town, room: str, status: str | None, who: Somebody | None = None) -> list[str]:
    """The messages of a room that an agent lists under a filter."""
    query = {"status": status} if status else {}
    listed = await town.get(who or town.scout, f"/agent/chats/{room}/messages", **query)
    assert listed["metadata"]["status_filter"] == status
    assert listed["metadata"]["total_count"] == len(listed["data"])
    return [one["id"] for one in listed["data"]]


async def next_id(town: Town, room: str) -> str | None:
    answer = await town.http.get(f"/agent/chats/{room}/messages/next", headers=by(town.scout))
    if answer.status_code == 204:
        assert answer.content == b""
        return None
    return str(data(answer)["id"])


async def test_the_whole_life_of_a_message(town: Town) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    assert await entry(town, room, message) is None

    started = data(await town.mark(town.scout, room, message, "processing"))
    assert started == {"id": message, "status": "processing", "attempt_number": 1, "success": True}
    failed = data(await town.mark(town.scout, room, message, "failed"))
    assert failed == {"id": message, "status": "failed", "attempt_number": 1, "success": True}
    again = data(await town.mark(town.scout, room, message, "processing"))
    assert (again["status"], again["attempt_number"]) == ("processing", 2)
    done = data(await town.mark(town.scout, room, message, "processed"))
    assert done == {"id": message, "status": "processed", "attempt_number": 2, "success": True}

    shown = await entry(town, room, message)
    assert shown
    assert set(shown) == {"status", "delivered_at", "processed_at", "current_attempt", "attempts"}
    assert (shown["status"], shown["delivered_at"], shown["current_attempt"]) == ("processed", None, 2)
    first, second = shown["attempts"]
    assert set(first) == {"attempt_number", "status", "started_at", "completed_at", "error"}
    assert (first["attempt_number"], first["status"], first["error"]) == (1, "failed", "it broke")
    assert (second["attempt_number"], second["status"], second["error"]) == (2, "success", None)
    times = [first["started_at"], first["completed_at"], second["started_at"], second["completed_at"]]
    assert all(map(is_time, times))
    assert times == sorted(times)
    assert shown["processed_at"] == second["completed_at"]


async def test_an_attempt_that_is_overtaken_is_closed_as_superseded(town: Town) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    numbers = [
        data(await town.mark(town.scout, room, message, "processing"))["attempt_number"] for _ in range(3)
    ]
    assert numbers == [1, 2, 3]
    shown = await entry(town, room, message)
    assert shown
    assert [(a["status"], a["error"]) for a in shown["attempts"]] == [
        ("failed", "superseded"),
        ("failed", "superseded"),
        ("processing", None),
    ]


@pytest.mark.parametrize("before", [[], ["processing", "processed"], ["processing", "failed"]])
@pytest.mark.parametrize("order", ["processed", "failed"])
async def test_without_an_open_attempt_nothing_can_be_closed(
    town: Town, before: list[str], order: str
) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    for earlier in before:
        data(await town.mark(town.scout, room, message, earlier))
    shown = await entry(town, room, message)
    details = refused(await town.mark(town.scout, room, message, order), 422, "validation_error")
    assert list(details) == ["/processing_attempt"]
    assert await entry(town, room, message) == shown


@pytest.mark.parametrize("body", [{}, {"error": ""}, {"error": " "}, {"error": 7}, {"error": None}])
async def test_a_failure_needs_a_reason(town: Town, body: Json) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    data(await town.mark(town.scout, room, message, "processing"))
    path = f"/agent/chats/{room}/messages/{message}/failed"
    answer = await town.http.post(path, json=body, headers=by(town.scout))
    assert list(refused(answer, 422, "validation_error")) == ["/error"]
    shown = await entry(town, room, message)
    assert shown
    assert shown["status"] == "processing"


async def test_a_message_that_was_processed_can_be_opened_again(town: Town) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    for order in ("processing", "processed", "processing"):
        data(await town.mark(town.scout, room, message, order))
    shown = await entry(town, room, message)
    assert shown
    assert (shown["status"], shown["processed_at"], shown["current_attempt"]) == ("processing", None, 2)
    assert await next_id(town, room) == message


async def test_every_filter_shows_its_states(town: Town) -> None:
    room = await town.room(town.scout)
    fresh, working, done, failed = [await town.say(room, town.scout) for _ in range(4)]
    for message, orders in (
        (working, ["processing"]),
        (done, ["processing", "processed"]),
        (failed, ["processing", "failed"]),
    ):
        for order in orders:
            data(await town.mark(town.scout, room, message, order))
    assert await ids(town, room, None) == [fresh, working, failed]
    assert await ids(town, room, "pending") == [fresh, failed]
    assert await ids(town, room, "processing") == [working]
    assert await ids(town, room, "processed") == [done]
    assert await ids(town, room, "failed") == [failed]
    assert await ids(town, room, "all") == [fresh, working, done, failed]


async def test_next_is_the_oldest_that_is_not_processed_however_often_one_looks(town: Town) -> None:
    room = await town.room(town.scout)
    first, second = await town.say(room, town.scout), await town.say(room, town.scout)
    assert [await next_id(town, room) for _ in range(2)] == [first, first]
    data(await town.mark(town.scout, room, first, "processing"))
    assert await next_id(town, room) == first
    data(await town.mark(town.scout, room, first, "failed"))
    assert await next_id(town, room) == first
    data(await town.mark(town.scout, room, second, "processing"))
    data(await town.mark(town.scout, room, second, "processed"))
    assert await next_id(town, room) == first
    data(await town.mark(town.scout, room, first, "processing"))
    data(await town.mark(town.scout, room, first, "processed"))
    assert await next_id(town, room) is None


async def test_own_messages_are_never_next_even_when_marked(town: Town) -> None:
    room = await town.room(town.scout)
    own = await town.say(room, town.alice, who=town.scout)
    assert await next_id(town, room) is None
    started = data(await town.mark(town.scout, room, own, "processing"))
    assert (started["status"], started["attempt_number"]) == ("processing", 1)
    assert await next_id(town, room) is None
    assert await ids(town, room, "all") == []
    shown = await entry(town, room, own)
    assert shown
    assert shown["status"] == "processing"


async def test_a_message_for_another_can_be_marked_without_becoming_ones_own(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    message = await town.say(room, town.muse)
    data(await town.mark(town.scout, room, message, "processing"))
    assert await ids(town, room, "all") == []
    assert (await town.get(town.scout, f"/agent/chats/{room}/context"))["data"] == []
    assert await ids(town, room, "pending", town.muse) == [message]


async def test_recipients_come_along_each_at_their_own_pace(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    message = await town.say(room, town.scout, town.muse)
    for order in ("processing", "processed"):
        data(await town.mark(town.scout, room, message, order))
    assert await ids(town, room, None) == []
    assert await ids(town, room, None, town.muse) == [message]
    (mine,) = (await town.get(town.muse, f"/agent/chats/{room}/messages"))["data"]
    assert "delivery_status" not in mine["metadata"]
    data(await town.mark(town.muse, room, message, "processing"))
    (mine,) = (await town.get(town.muse, f"/agent/chats/{room}/messages"))["data"]
    assert set(mine["metadata"]["delivery_status"]) == {town.muse.id}
    (all_of_it,) = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]
    assert {id: shown["status"] for id, shown in all_of_it["metadata"]["delivery_status"].items()} == {
        town.scout.id: "processed",
        town.muse.id: "processing",
    }


async def mark_at(town: Town, room: str, message: str, order: str, attempt: str) -> httpx2.Response:
    """Scout says how far it has come, and which attempt it takes for the last."""
    path = f"/agent/chats/{room}/messages/{message}/{order}"
    body = {"error": "it broke"} if order == "failed" else None
    headers = {b"X-API-Key": town.scout.key.encode(), b"If-Attempt": attempt.encode()}
    return await town.http.post(path, json=body, headers=headers)


@pytest.mark.parametrize(("order", "state"), [("processed", "processed"), ("failed", "failed")])
async def test_who_names_an_attempt_closes_that_one_or_none(town: Town, order: str, state: str) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    for _ in range(2):
        data(await town.mark(town.scout, room, message, "processing"))
    before = await entry(town, room, message)
    for other in ("0", "1", "3"):
        answer = await mark_at(town, room, message, order, other)
        assert list(refused(answer, 409, "attempt_superseded")) == ["/If-Attempt"]
    assert await entry(town, room, message) == before
    closed = data(await mark_at(town, room, message, order, "2"))
    assert closed == {"id": message, "status": state, "attempt_number": 2, "success": True}
    refused(await mark_at(town, room, message, order, "2"), 422, "validation_error")


async def test_who_names_an_attempt_starts_only_after_that_one(town: Town) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    refused(await mark_at(town, room, message, "processing", "1"), 409, "attempt_superseded")
    for number in (1, 2):
        started = data(await mark_at(town, room, message, "processing", str(number - 1)))
        assert started["attempt_number"] == number
        refused(await mark_at(town, room, message, "processing", str(number - 1)), 409, "attempt_superseded")
    data(await mark_at(town, room, message, "failed", "2"))
    assert data(await mark_at(town, room, message, "processing", "2"))["attempt_number"] == 3


async def test_who_names_an_attempt_does_not_open_again_what_is_processed(town: Town) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    for order in ("processing", "processed"):
        data(await town.mark(town.scout, room, message, order))
    for known in ("0", "1", "2"):
        refused(await mark_at(town, room, message, "processing", known), 409, "already_processed")
    assert await ids(town, room, "processed") == [message]
    assert data(await town.mark(town.scout, room, message, "processing"))["attempt_number"] == 2


async def test_of_many_that_name_the_same_attempt_one_starts(town: Town) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    answers: list[int] = []

    async def start() -> None:
        answers.append((await mark_at(town, room, message, "processing", "0")).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(start)
    assert sorted(answers) == [200] + [409] * 19


@pytest.mark.parametrize("attempt", ["", "one", "-1", "1.0", "01", "+1", "1, 1", "9" * 10, "²"])
@pytest.mark.parametrize("order", ["processing", "processed", "failed"])
async def test_an_attempt_that_is_no_number_is_refused(town: Town, order: str, attempt: str) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    answer = await mark_at(town, room, message, order, attempt)
    assert list(refused(answer, 400, "bad_request")) == ["/If-Attempt"]
    assert await entry(town, room, message) is None


async def test_other_calls_pass_over_the_attempt(town: Town) -> None:
    headers = {**by(town.scout), "If-Attempt": "nonsense"}
    data(await town.http.get("/agent/me", headers=headers))
    data(await town.http.post("/agent/chats", json={"chat": {}}, headers=headers), 201)


async def test_an_attempt_of_a_room_of_others_is_not_told(town: Town) -> None:
    room = await town.room(town.muse)
    message = await town.say(room, town.muse)
    refused(await mark_at(town, room, message, "processing", "5"), 404, "not_found")
