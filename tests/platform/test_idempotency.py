"""A request that may be sent again: `Idempotency-Key`, over HTTP, with everybody else who sends none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import anyio
import httpx2
import pytest
from pydantic import BaseModel

from tests.home import contents, opened, stored
from tests.platform.line import line
from tests.platform.town import NOBODY, Json, Town, by, data, refused, side
from tests.world import Somebody, World
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.errors import Conflict
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.idempotency import Reply, once
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.openapi.document import document
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, Tx

REPLAYED = "idempotency-replayed"
ROOM: Json = {"chat": {}}


async def post(
    town: Town, who: Somebody, path: str, body: Json | bytes | None, key: str | None
) -> httpx2.Response:
    """Somebody posts to their side of the API, with a key or without."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [(b"X-API-Key", who.key.encode())]
    if key is not None:
        headers.append((b"Idempotency-Key", key.encode()))
    return await town.http.post(side(who) + path, content=content, headers=headers)


async def say(
    town: Town, who: Somebody, room: str, key: str | None, text: str = "hello", to: Somebody | None = None
) -> httpx2.Response:
    """Somebody mentions Scout, or another."""
    message = {"content": text, "mentions": [{"id": (to or town.scout).id}]}
    return await post(town, who, f"/chats/{room}/messages", {"message": message}, key)


async def said(town: Town, room: str) -> list[str]:
    """The ids of what was said in a room, newest first."""
    return [one["id"] for one in (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]]


def again(first: httpx2.Response, second: httpx2.Response) -> None:
    """The second answer is the first one, and says so; nothing else tells them apart."""
    assert (first.headers[REPLAYED], second.headers[REPLAYED]) == ("false", "true")
    assert (second.status_code, second.content) == (first.status_code, first.content)
    unlike = {REPLAYED, "date"}
    one, other = ({n: v for n, v in a.headers.items() if n not in unlike} for a in (first, second))
    assert one == other


# Sent again


async def test_what_is_sent_again_is_said_once_and_pushed_once(town: Town) -> None:
    room = await town.room(town.scout)
    async with line(town.here.url, town.scout) as socket:
        await socket.join(f"chat_room:{room}")
        first = await say(town, town.alice, room, "once")
        pushed = await socket.event("message_created")
        for _ in range(3):
            again(first, await say(town, town.alice, room, "once"))
        await town.say(room, town.scout, text="later")
        assert (await socket.event("message_created"))["content"].endswith("later")
        assert await socket.rest() == []
    assert pushed["id"] == data(first, 201)["id"]
    assert (await said(town, room))[1:] == [pushed["id"]]


async def test_twenty_at_once_say_it_once(town: Town) -> None:
    room = await town.room(town.scout)
    answers: list[httpx2.Response] = []

    async def send() -> None:
        answers.append(await say(town, town.alice, room, "twenty"))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(send)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers[REPLAYED] for answer in answers) == ["false"] + ["true"] * 19
    assert await said(town, room) == [answers[0].json()["data"]["id"]]


@pytest.mark.parametrize("order", ["processing", "processed", "failed"])
async def test_an_attempt_is_marked_once(town: Town, order: str) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    if order != "processing":
        data(await town.mark(town.scout, room, message, "processing"))
    path = f"/chats/{room}/messages/{message}/{order}"
    body = {"error": "it broke"} if order == "failed" else {}
    first, second = [await post(town, town.scout, path, body, order) for _ in range(2)]
    again(first, second)
    assert data(second)["attempt_number"] == 1


async def test_a_person_and_an_agent_may_send_anything_again(town: Town) -> None:
    for who in (town.alice, town.scout):
        before = (await town.get(who, f"{side(who)}/chats"))["metadata"]["total_count"]
        again(*[await post(town, who, "/chats", ROOM, "a room") for _ in range(2)])
        assert (await town.get(who, f"{side(who)}/chats"))["metadata"]["total_count"] == before + 1


async def test_the_answer_is_the_first_one_whatever_has_become_of_it(town: Town) -> None:
    room = await town.room(town.scout)
    added = {"participant": {"participant_id": town.muse.id}}
    path = f"/chats/{room}/participants"
    first = await post(town, town.alice, path, added, "add")
    gone = await town.http.delete(f"/me{path}/{town.muse.id}", headers=by(town.alice))
    assert gone.status_code < 300
    again(first, await post(town, town.alice, path, added, "add"))
    assert town.muse.id not in {one["id"] for one in (await town.get(town.alice, f"/me{path}"))["data"]}


# Another request


async def test_another_text_is_refused_and_not_said(town: Town) -> None:
    room = await town.room(town.scout)
    first = await say(town, town.alice, room, "k")
    answer = await say(town, town.alice, room, "k", "something else")
    assert list(refused(answer, 422, "idempotency_key_reused")) == ["/Idempotency-Key"]
    assert REPLAYED not in answer.headers
    again(first, await say(town, town.alice, room, "k"))
    assert await said(town, room) == [data(first, 201)["id"]]


async def test_another_place_is_refused(town: Town) -> None:
    one, other = await town.room(town.scout), await town.room(town.scout)
    data(await say(town, town.alice, one, "place"), 201)
    refused(await say(town, town.alice, other, "place"), 422, "idempotency_key_reused")
    assert await said(town, other) == []


async def test_another_attempt_is_another_request(town: Town) -> None:
    room = await town.room(town.scout)
    path = f"/agent/chats/{room}/messages/{await town.say(room, town.scout)}/processing"
    headers = {**by(town.scout), "Idempotency-Key": "attempt"}
    first = await town.http.post(path, headers={**headers, "If-Attempt": "0"})
    again(first, await town.http.post(path, headers={**headers, "If-Attempt": "0"}))
    answer = await town.http.post(path, headers={**headers, "If-Attempt": "1"})
    refused(answer, 422, "idempotency_key_reused")


async def test_a_key_is_its_callers_own(town: Town) -> None:
    room = await town.room(town.scout, town.bob, town.muse)
    sent = [
        data(await say(town, who, room, "shared", to=town.alice if who is town.scout else None), 201)["id"]
        for who in (town.alice, town.bob, town.scout, town.muse)
    ]
    assert await said(town, room) == sent[::-1]
    assert len(set(sent)) == 4


async def test_a_stranger_learns_nothing_from_anothers_key(town: Town) -> None:
    room = await town.room(town.scout)
    data(await say(town, town.alice, room, "mine"), 201)
    refused(await say(town, town.mallory, room, "mine"), 404, "not_found")
    bad = {"X-API-Key": "thnv_u_nobody", "Idempotency-Key": "mine"}
    refused(await town.http.post("/me/chats", json=ROOM, headers=bad), 401, "unauthorized")


async def test_without_a_key_everything_is_said_as_often_as_it_is_sent(town: Town) -> None:
    room = await town.room(town.scout)
    answers = [await say(town, town.alice, room, None) for _ in range(2)]
    assert await said(town, room) == [data(answer, 201)["id"] for answer in reversed(answers)]
    assert all(REPLAYED not in answer.headers for answer in answers)


# A refusal


async def test_a_refusal_leaves_the_key_free(town: Town) -> None:
    room = await town.room(town.scout)
    for text, status in (("", 422), ("hello", 404), ("hello", 201)):
        where = NOBODY if status == 404 else room
        answer = await say(town, town.alice, where, "free", text)
        assert answer.status_code == status
        assert answer.headers.get(REPLAYED) == (None if status > 400 else "false")
    assert len(await said(town, room)) == 1


async def test_what_was_refused_may_succeed_when_it_is_sent_again(town: Town) -> None:
    room = await town.room(town.scout)
    refused(await say(town, town.muse, room, "later"), 404, "not_found")
    added = {"participant": {"participant_id": town.muse.id}}
    data(await post(town, town.alice, f"/chats/{room}/participants", added, None), 201)
    assert (await say(town, town.muse, room, "later")).headers[REPLAYED] == "false"


async def test_a_request_that_is_wrong_in_itself_is_refused_as_ever(town: Town) -> None:
    data(await post(town, town.alice, "/chats", ROOM, "form"), 201)
    refused(await post(town, town.alice, "/chats", b"{", "form"), 400, "bad_request")
    refused(await post(town, town.alice, "/chats?colour=1", ROOM, "form"), 422, "validation_error")


# The key


@pytest.mark.parametrize("key", ["k", "k" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a, b", "~!/?"])
async def test_a_key_may_be_anything_that_can_be_printed(town: Town, key: str) -> None:
    room = await town.room(town.scout)
    first = await say(town, town.alice, room, f"{key[:-1]}.")
    assert first.headers[REPLAYED] == "false"
    bob = await town.newcomer()
    again(*[await post(town, bob, "/chats", ROOM, key) for _ in range(2)])


@pytest.mark.parametrize("key", ["", "k" * 256, "clé", "a\tb"])
async def test_a_malformed_key_is_refused(town: Town, key: str) -> None:
    room = await town.room(town.scout)
    answer = await say(town, town.alice, room, key)
    assert list(refused(answer, 400, "bad_request")) == ["/Idempotency-Key"]
    assert await said(town, room) == []


async def test_a_key_on_two_lines_is_one_key_and_not_the_first_of_them(town: Town) -> None:
    bob = await town.newcomer()
    two = [*by(bob).items(), ("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    first = await town.http.post("/me/chats", json=ROOM, headers=two)
    again(
        first,
        await town.http.post("/me/chats", json=ROOM, headers={**by(bob), "Idempotency-Key": "one, two"}),
    )
    one = await town.http.post("/me/chats", json=ROOM, headers={**by(bob), "Idempotency-Key": "one"})
    assert one.headers[REPLAYED] == "false"


async def test_other_methods_pass_over_the_key(town: Town) -> None:
    room = await town.room(town.scout)
    headers = {**by(town.alice), "Idempotency-Key": "k" * 300}
    for method, path in (("GET", "/me/chats"), ("DELETE", f"/me/chats/{room}/participants/{town.scout.id}")):
        answer = await town.http.request(method, path, headers=headers)
        assert answer.status_code < 300
        assert REPLAYED not in answer.headers


# Time


async def test_after_a_day_a_key_is_free_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await town.room(town.scout)
    moments = ["2027-03-01T10:00:00.000000Z", "2027-03-02T09:59:59.999999Z", "2027-03-02T10:00:00.000000Z"]
    seen: list[str] = []
    for moment in [*moments, moments[2]]:
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        seen.append((await say(town, town.alice, room, "day")).headers[REPLAYED])
    assert seen == ["false", "true", "false", "true"]
    assert len(await said(town, room)) == 2


async def test_old_answers_are_deleted_a_few_at_a_time(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await here.person()
    async with httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:
        for day, keys in (("01", range(25)), ("03", range(100, 103))):
            monkeypatch.setattr(clock, "now", lambda day=day: f"2027-03-{day}T10:00:00.000000Z")
            for key in keys:
                headers = {**by(alice), "Idempotency-Key": str(key)}
                data(await http.post("/me/chats", json=ROOM, headers=headers), 201)
                if day == "03":
                    assert len(kept(here)) == max(0, 25 - 10 * (key - 99)) + key - 99


# What is kept


def kept(here: World) -> list[tuple[Any, ...]]:
    """What the platform keeps with keys."""
    return contents(here.folder)["idempotency_keys"]


async def test_an_agent_is_registered_as_often_as_it_is_asked_for_and_its_key_is_not_kept(
    here: World,
) -> None:
    alice = await here.person()
    agent = {"agent": {"name": "Scout", "description": "looks"}}
    secrets: list[str] = []
    async with httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:
        for key in ("register", "register", "k" * 300):
            headers = {**by(alice), "Idempotency-Key": key}
            answer = await http.post("/me/agents/register", json=agent, headers=headers)
            secrets.append(data(answer, 201)["credentials"]["api_key"])
            assert REPLAYED not in answer.headers
        assert kept(here) == []
        data(await http.post("/me/chats", json=ROOM, headers={**by(alice), "Idempotency-Key": "k"}), 201)
    assert len(kept(here)) == 1
    assert len(set(secrets)) == 3
    for secret in (alice.key, *secrets):
        assert secret.rpartition("_")[2].encode() not in stored(here.folder)


def secrets_of(kind: Any) -> Iterator[str]:
    """The members of an answer that are never to be printed, however deep."""
    for inner in get_args(kind):
        yield from secrets_of(inner)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from secrets_of(field.annotation)
            yield from () if field.repr else (name,)


@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
def test_a_call_says_so_if_its_answer_has_a_secret(kind: type[Call[Any]]) -> None:
    answer = kind.__mro__[1].__pydantic_generic_metadata__["args"]  # type: ignore[attr-defined]
    assert kind.route.secret is bool([name for one in answer for name in secrets_of(one)])


def test_there_is_a_secret_to_find() -> None:
    assert [kind.__name__ for kind in CALLS if kind.route.secret] == ["RegisterMyAgent"]


@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
def test_whoever_takes_keys_says_so(kind: type[Call[Any]]) -> None:
    for route in kind.routes():
        said = document()["paths"][route.template][route.method.lower()]
        takes = route.method == "POST" and not kind.route.secret
        assert ("Idempotency-Key" in {one["name"] for one in said["parameters"]}) is takes
        told = [answer.get("headers", {}) for answer in said["responses"].values()]
        assert any("Idempotency-Replayed" in headers for headers in told) is takes


# Two at the same moment, on a database that allows that


async def test_a_key_that_another_transaction_takes_meanwhile_is_in_progress(tmp_path: Path) -> None:
    async with opened(tmp_path / "platform") as (db, keys):
        with pytest.raises(Conflict) as refused:
            await taken_meanwhile(db, keys)
    assert refused.value.code == "idempotency_in_progress"


async def taken_meanwhile(db: Database, keys: Keys) -> None:
    """While a request is at work, another one with its key is finished."""

    def work(tx: Tx) -> None:
        tx.script(
            "INSERT INTO organizations (id, name, inserted_at) VALUES ('o', 'O', '');"
            "INSERT INTO actors (id, type, organization_id, handle, name, inserted_at, updated_at) "
            "VALUES ('a', 'User', 'o', 'a', 'A', '', '')"
        )
        change, done = Change(tx, clock.now(), Site(keys)), Reply(201, b"{}")

        def slow() -> Reply:
            once(change, "a", "k", "request", lambda: done)
            return done

        once(change, "a", "k", "request", slow)

    await db.write(work)
