"""Who may open a socket, as whom, and for how long (websocket.md 1, 2.3, 6, 9 and 9a)."""

from __future__ import annotations

import json
import logging
import time
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import anyio
import httpx2
import jwt
import pytest
from websockets.exceptions import InvalidStatus

from tests.home import opened
from tests.platform.conftest import MEMORY
from tests.platform.line import PATH, PATIENCE, Line, answered, called, line, refusal
from tests.platform.town import NOBODY, Json, Town, by, data, refused, town_on
from tests.world import Somebody, World, world
from thenvoi_bridge.platform import revocation
from thenvoi_bridge.platform.administration import administer, create_key, revoke_key
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Tx

SECRET = "a secret of at least thirty-two bytes"
UNAUTHORIZED = {"status": "error", "response": {"reason": "unauthorized"}}
REFUSED = (403, b"")
BEARER = "base64url.bearer.phx."
OK: Json = {"status": "ok", "response": {}}


@pytest.fixture(scope="module")
async def city() -> AsyncGenerator[Town]:
    """A town that knows tokens, and lets in pages of one other host and agents as often as they come."""
    settings = Platform(jwt_secret=SECRET, allowed_origins="https://x.example", connects=0)
    with TemporaryDirectory(dir=MEMORY) as folder:
        async with (
            world(Path(folder) / "platform", settings) as here,
            httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
        ):
            yield await town_on(here, http)


def token(who: Somebody, secret: str = SECRET) -> str:
    """A bearer token that names somebody."""
    return jwt.encode({"sub": who.id, "exp": int(time.time()) + 60}, secret, "HS256")


def offer(credential: str) -> list[str]:
    """The subprotocols by which phoenix.js shows its `authToken`."""
    return ["phoenix", BEARER + b64encode(credential.encode()).decode().rstrip("=")]


async def is_agent(it: Line, who: Somebody) -> None:
    """The connection may join what only this agent may."""
    await it.join(f"agent_rooms:{who.id}")
    await it.join(f"agent_control:{who.id}")


async def is_person(it: Line, who: Somebody) -> None:
    """The connection may join what only this person may."""
    await it.join(f"user_rooms:{who.id}")
    await it.join(f"tasks:{who.id}")


# Credentials

PLACES = pytest.mark.parametrize("place", ["query", "header", "subprotocol"])


def key_in(place: str, who: Somebody) -> dict[str, Any]:
    """How `called` is told to show somebody's key."""
    ways: dict[str, dict[str, Any]] = {
        "query": {"query": {"api_key": who.key}},
        "header": {"query": {}, "headers": by(who)},
        "subprotocol": {"query": {}, "offered": offer(who.key)},
    }
    return ways[place]


def token_in(place: str, who: Somebody) -> dict[str, Any]:
    """How `called` is told to show somebody's token."""
    ways: dict[str, dict[str, Any]] = {
        "query": {"query": {"token": token(who)}},
        "header": {"query": {}, "headers": {"X-Auth-Token": token(who)}},
        "subprotocol": {"query": {}, "offered": offer(token(who))},
    }
    return ways[place]


def standing_for(shown: dict[str, Any], agent_id: str | None) -> dict[str, Any]:
    return {**shown, "query": {**shown["query"], "agent_id": agent_id}}


@pytest.mark.parametrize("agent_id", [None, "", "undefined", "own"])
@PLACES
async def test_an_agent_comes_with_its_own_key(city: Town, place: str, agent_id: str | None) -> None:
    agent_id = city.scout.id if agent_id == "own" else agent_id
    async with called(city.here.url, **standing_for(key_in(place, city.scout), agent_id)) as it:
        await is_agent(it, city.scout)


@pytest.mark.parametrize("shown", [key_in, token_in])
@PLACES
async def test_an_agent_comes_as_one_of_its_owners(city: Town, place: str, shown: Callable[..., Any]) -> None:
    async with called(city.here.url, **standing_for(shown(place, city.alice), city.scout.id)) as it:
        await is_agent(it, city.scout)
        assert await it.ask(f"user_rooms:{city.alice.id}") == UNAUTHORIZED


@pytest.mark.parametrize("agent_id", [None, "", "undefined", "own"])
@pytest.mark.parametrize("shown", [key_in, token_in])
@PLACES
async def test_a_person_comes_with_a_key_or_a_token(
    city: Town, place: str, shown: Callable[..., Any], agent_id: str | None
) -> None:
    agent_id = city.alice.id if agent_id == "own" else agent_id
    async with called(city.here.url, **standing_for(shown(place, city.alice), agent_id)) as it:
        await is_person(it, city.alice)
        assert await it.ask(f"agent_rooms:{city.scout.id}") == UNAUTHORIZED


async def test_a_token_counts_for_more_than_a_key_and_a_header_for_more_than_the_query(city: Town) -> None:
    url, alice, bob = city.here.url, token(city.alice), token(city.bob)
    async with called(url, {"token": alice}, headers=by(city.bob)) as it:
        await is_person(it, city.alice)
    async with called(url, {"api_key": city.bob.key}, headers={"X-Auth-Token": alice}) as it:
        await is_person(it, city.alice)
    async with called(url, {"token": bob}, headers={"X-Auth-Token": alice}) as it:
        await is_person(it, city.alice)
    async with called(url, {"api_key": city.bob.key}, headers=by(city.alice)) as it:
        await is_person(it, city.alice)
    async with called(url, {"api_key": city.alice.key}, offered=offer(city.bob.key)) as it:
        await is_person(it, city.alice)
    async with called(url, {"api_key": city.alice.key, "token": "undefined"}) as it:
        await is_person(it, city.alice)
    for given in ({"X-Auth-Token": "wrong"}, {"X-API-Key": "wrong"}):
        assert await refusal(url, {"api_key": city.alice.key}, headers=given) == REFUSED
    assert await refusal(url, {"api_key": city.alice.key, "token": "wrong"}) == REFUSED
    assert await refusal(url, {"api_key": "wrong"}, offered=offer(city.alice.key)) == REFUSED


async def test_whatever_is_wrong_is_a_403_before_the_upgrade(city: Town) -> None:
    scout, alice, url = city.scout, city.alice, city.here.url
    expired = jwt.encode({"sub": alice.id, "exp": int(time.time()) - 1}, SECRET, "HS256")
    queries: list[dict[str, str]] = [
        {},
        {"api_key": ""},
        {"api_key": "undefined"},
        {"api_key": "thnv_a_x_y"},
        {"api_key": scout.key + "x"},
        {"api_key": "é\x00"},
        {"api_key": scout.key, "agent_id": city.muse.id},
        {"api_key": scout.key, "agent_id": alice.id},
        {"api_key": alice.key, "agent_id": city.rover.id},
        {"api_key": alice.key, "agent_id": city.spy.id},
        {"api_key": alice.key, "agent_id": city.bob.id},
        {"api_key": alice.key, "agent_id": NOBODY},
        {"api_key": alice.key, "agent_id": "null"},
        {"api_key": alice.key, "agent_id": "é\x00"},
        {"token": token(alice), "agent_id": city.rover.id},
        {"token": token(alice), "agent_id": city.bob.id},
        {"token": token(scout)},
        {"token": token(alice, "another secret of thirty-two bytes")},
        {"token": expired},
        {"token": alice.key},
        {"token": ""},
        {"api_key": token(alice)},
    ]
    for query in queries:
        assert await refusal(url, query) == REFUSED, query
    good = {"api_key": scout.key}
    for path in ("/", "/api/v1/socket", "/api/v1/socket/longpoll", "/api/v1/agent/me"):
        assert await refusal(url, good, path=path) == REFUSED


@pytest.mark.parametrize("length", [7000, 8150, 8192, 20_000, 60_000])
async def test_a_head_of_any_size_is_answered(city: Town, length: int) -> None:
    assert await refusal(city.here.url, {"api_key": "x" * length}) == REFUSED
    assert await refusal(city.here.url, {}, headers={"X-API-Key": "x" * length}) == REFUSED
    many = {f"X-{n}": "x" * 100 for n in range(length // 100)}
    assert await refusal(city.here.url, {"api_key": "wrong"}, headers=many) == REFUSED


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
async def test_both_spellings_of_the_path_are_served(city: Town, path: str) -> None:
    async with called(city.here.url, {"api_key": city.scout.key}, path=path) as it:
        assert await it.rest() == []
    for method in ("GET", "POST"):
        answer = await city.http.request(method, f"{city.here.url}{path}", headers=by(city.scout))
        refused(answer, 400, "bad_request")


# Subprotocols


@pytest.mark.parametrize(
    ("offered", "answer"),
    [([], None), (["phoenix"], "phoenix"), (["other", "phoenix"], "phoenix"), (offer(""), "phoenix")],
)
async def test_of_subprotocols_phoenix_is_taken(city: Town, offered: list[str], answer: str | None) -> None:
    async with called(city.here.url, {"api_key": city.scout.key}, offered=offered) as it:
        assert it.ws.subprotocol == answer
        assert await it.rest() == []


async def test_other_subprotocols_are_refused(city: Town) -> None:
    for offered in (["other"], offer(city.scout.key)[1:], ["Phoenix"], ["graphql-ws", "x"]):
        assert await refusal(city.here.url, {"api_key": city.scout.key}, offered=offered) == REFUSED
    good = offer(city.scout.key)[1].removeprefix(BEARER)
    for text in ("", "!", "x", "_w", "gA", "a.b", "eA", good[:-4], f"{good[:8]}!!!!{good[8:]}"):
        assert await refusal(city.here.url, {}, offered=["phoenix", BEARER + text]) == REFUSED, text


# Versions


@pytest.mark.parametrize("vsn", ["2.0.0", "2.0.1", "2.0.12"])
async def test_version_2_is_spoken_to_those_who_ask_for_it(city: Town, vsn: str) -> None:
    async with called(city.here.url, {"api_key": city.scout.key, "vsn": vsn}) as it:
        assert await it.rest() == []


@pytest.mark.parametrize("vsn", [None, "", "1.0.0", "1.0.3"])
async def test_version_1_is_spoken_to_all_others(city: Town, vsn: str | None) -> None:
    async with called(city.here.url, {"api_key": city.scout.key, "vsn": vsn}) as it:
        assert await it.rest() == []


async def test_other_versions_are_refused(city: Town) -> None:
    near = ["2", "2.0", "2.0.", "2.0.x", "2.0.0-rc", "12.0.0", "2.0.٣", "2.1.0", "1.1.0", "3.0.0", "0.0.0"]
    for vsn in (*near, "undefined", " "):
        assert await refusal(city.here.url, {"api_key": city.scout.key, "vsn": vsn}) == REFUSED, vsn


async def test_version_1_says_the_same_without_join_refs(city: Town) -> None:
    room = await city.room(city.scout)
    topic = f"chat_room:{room}"
    async with called(city.here.url, {"api_key": city.scout.key, "vsn": "1.0.0"}) as it:
        for ref in ("1", "2"):
            await it.send(None, ref, topic, "phx_join", {})
            assert await it.read() == [None, ref, topic, "phx_reply", OK]
        assert await it.read() == [None, "1", topic, "phx_close", {}]
        said = await city.say(room, city.scout, text="grüße")
        frame = await it.read()
        assert (frame[:4], frame[4]["id"]) == ([None, None, topic, "message_created"], said)
        await it.send(None, "3", topic, "message", {})
        assert (await it.read())[4] == {"status": "error", "response": {"reason": "not supported"}}
        await it.send(None, "4", f"chat_room:{NOBODY}", "phx_join", {})
        assert await it.read() == [None, "4", f"chat_room:{NOBODY}", "phx_reply", UNAUTHORIZED]
        await it.send(None, "5", topic, "phx_leave", {})
        assert await it.read() == [None, "5", topic, "phx_reply", OK]
        assert await it.read() == [None, "2", topic, "phx_close", {}]
        await it.send(None, "6", topic, "phx_leave", {})
        assert await it.read() == [None, "6", topic, "phx_reply", OK]
        assert await it.rest() == []


@pytest.mark.parametrize(
    ("vsn", "text"),
    [
        ("1.0.0", '[null,"1","phoenix","heartbeat",{}]'),
        ("2.0.0", '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}'),
    ],
)
async def test_a_frame_of_the_other_version_ends_the_socket(city: Town, vsn: str, text: str) -> None:
    async with called(city.here.url, {"api_key": city.scout.key, "vsn": vsn}) as it:
        await it.ws.send(text)
        assert await it.closed() == (1011, [])


# Pages


async def test_pages_of_this_host_and_of_those_listed_may_connect_and_no_others(city: Town) -> None:
    query = {"api_key": city.scout.key}
    for origin in (city.here.url, city.here.url.replace("http", "https"), "https://x.example"):
        async with called(city.here.url, query, headers={"Origin": origin}) as it:
            assert await it.rest() == []
    for origin in ("http://127.0.0.1:1", "http://x.example", "https://x.example.evil.example", "null", ""):
        assert await refusal(city.here.url, query, headers={"Origin": origin}) == REFUSED, origin


# One socket for an agent


async def superseded(it: Line, agent: Somebody) -> Json:
    """The farewell, which must be the last thing before a clean end."""
    code, frames = await it.closed()
    assert code == 1000
    ((_, ref, topic, event, payload),) = frames
    assert (ref, topic, event) == (None, f"agent_control:{agent.id}", "supersede")
    farewell: Json = payload
    return farewell


async def test_the_last_socket_of_an_agent_wins_and_the_older_one_is_told(city: Town) -> None:
    room = await city.room(city.scout)
    topic = f"chat_room:{room}"
    async with line(city.here.url, city.scout) as old:
        await old.join(topic)
        await is_agent(old, city.scout)
        async with line(city.here.url, city.scout) as new:
            await new.join(topic)
            said = await city.say(room, city.scout)
            assert (await new.event("message_created"))["id"] == said
            farewell = await superseded(old, city.scout)
            assert UUID(farewell.pop("correlation_id"))
            assert farewell == {
                "reason": "superseded",
                "message": "Another connection of this agent has taken over",
                "retryable": False,
            }
            assert await new.rest() == []


async def test_one_who_did_not_join_the_control_topic_is_just_closed(city: Town) -> None:
    async with line(city.here.url, city.scout) as old:
        await old.join(f"agent_rooms:{city.scout.id}")
        async with line(city.here.url, city.scout) as new:
            assert await old.closed() == (1000, [])
            assert await new.rest() == []


async def test_the_farewell_reaches_version_1_too(city: Town) -> None:
    async with called(city.here.url, {"api_key": city.scout.key, "vsn": None}) as old:
        await old.send(None, "1", f"agent_control:{city.scout.id}", "phx_join", {})
        assert (await old.read())[4] == OK
        async with line(city.here.url, city.scout):
            await superseded(old, city.scout)


async def test_however_an_agent_comes_it_is_the_same_agent(city: Town) -> None:
    url, scout = city.here.url, city.scout
    ways: list[dict[str, Any]] = [
        {"query": {"api_key": scout.key}},
        {"query": {"api_key": city.alice.key, "agent_id": scout.id}},
        {"query": {"agent_id": scout.id}, "headers": by(scout)},
        {"query": {"token": token(city.alice), "agent_id": scout.id}},
        {"query": {}, "offered": offer(scout.key)},
        {"query": {"api_key": scout.key, "vsn": "1.0.0", "on_conflict": "supersede"}},
    ]
    async with AsyncExitStack() as stack, line(url, city.muse) as another:
        before = await stack.enter_async_context(line(url, scout))
        for way in ways:
            after = await stack.enter_async_context(called(url, **way))
            assert await before.closed() == (1000, [])
            assert await after.rest() == []
            before = after
        assert await another.rest() == []


async def test_a_person_may_have_so_many_sockets_and_no_more(tmp_path: Path) -> None:
    async with world(tmp_path, Platform(sockets=2)) as here:
        alice, bob = await here.person(), await here.person("Bob Roe")
        async with line(here.url, alice), line(here.url, bob):
            async with line(here.url, alice):
                answer = await answered(here.url, {"api_key": alice.key})
                assert answer.status_code == 429
                later(bytes(answer.body or b""), "too_many_sockets", int(answer.headers["Retry-After"]))
            async with line(here.url, alice) as again:
                assert await again.rest() == []


async def test_people_may_have_several_sockets(city: Town) -> None:
    async with AsyncExitStack() as stack:
        several = [await stack.enter_async_context(line(city.here.url, city.alice)) for _ in range(10)]
        for it in several:
            assert await it.rest() == []


async def test_of_many_at_once_one_is_left_and_the_others_end_cleanly(city: Town) -> None:
    async with AsyncExitStack() as stack:
        several: list[Line] = []

        async def connect() -> None:
            several.append(await stack.enter_async_context(line(city.here.url, city.scout)))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(connect)
        endings: list[int] = []

        async def watch(it: Line) -> None:
            endings.append((await it.closed())[0])

        async with anyio.create_task_group() as tasks:
            for it in several:
                tasks.start_soon(watch, it)
            with anyio.fail_after(PATIENCE):
                while len(endings) < len(several) - 1:
                    await city.get(city.scout, "/agent/me")
            assert endings == [1000] * (len(several) - 1)
            async with line(city.here.url, city.scout):
                pass
        assert endings == [1000] * len(several)


async def test_an_older_socket_that_reads_nothing_does_not_hold_up_the_new_one(city: Town) -> None:
    """What it had been told before is still sent, in order, and nothing after the farewell."""
    room = await city.room(city.scout)
    topic = f"chat_room:{room}"
    async with line(city.here.url, city.scout) as old, line(city.here.url, city.alice) as witness:
        await old.join(topic)
        await old.join(f"agent_control:{city.scout.id}")
        await witness.join(topic)
        old.ws.transport.pause_reading()
        before = [await city.say(room, city.scout, text="x" * 100_000) for _ in range(80)]
        assert [(await witness.event("message_created"))["id"] for _ in before] == before
        async with line(city.here.url, city.scout) as new:
            await new.join(topic)
            old.ws.transport.resume_reading()
            after = await city.say(room, city.scout)
            assert (await new.event("message_created"))["id"] == after
            code, frames = await old.closed()
    assert code == 1000
    *messages, (_, _, _, event, _) = frames
    assert event == "supersede"
    assert [frame[4]["id"] for frame in messages] == before


async def test_a_join_that_is_decided_after_the_farewell_is_not_answered(
    city: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = anyio.Event(), anyio.Event()

    async def listen(*_: object) -> bool:
        asked.set()
        with anyio.CancelScope(shield=True):  # as when the answer was there before the cancellation
            await over.wait()
        return True

    async with line(city.here.url, city.scout) as old:
        await old.join(f"agent_control:{city.scout.id}")
        with monkeypatch.context() as patch:
            patch.setattr(Hub, "listen", listen)
            await old.send("9", "9", f"agent_rooms:{city.scout.id}", "phx_join", {})
            await asked.wait()
        async with line(city.here.url, city.scout) as new:
            assert await new.rest() == []
            over.set()
            await superseded(old, city.scout)


# What later clients are told


def later(body: bytes, code: str, retry_after: int | None = None) -> None:
    """The body of a refusal in the form of the later era."""
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message", "request_id", "retry_after"}
    assert error["code"] == code
    assert error["message"]
    assert len(error["request_id"]) == 16
    assert error["retry_after"] == retry_after


async def test_an_agent_may_ask_to_be_refused_rather_than_take_over(
    city: Town, caplog: pytest.LogCaptureFixture
) -> None:
    query = {"api_key": city.scout.key, "on_conflict": "reject"}
    async with called(city.here.url, query) as first:
        answer = await answered(city.here.url, query)
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/json"
        assert "retry-after" not in answer.headers
        later(bytes(answer.body or b""), "connection_conflict")
        assert await first.rest() == []
        async with called(city.here.url, {**query, "api_key": city.muse.key}) as another:
            assert await another.rest() == []
        person = {"api_key": city.alice.key, "on_conflict": "reject"}
        async with called(city.here.url, person) as one, called(city.here.url, person) as other:
            assert await one.rest() == await other.rest() == []
    async with called(city.here.url, query) as second:
        assert await second.rest() == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_of_many_who_would_rather_be_refused_one_is_let_in(city: Town) -> None:
    query = {"api_key": city.scout.key, "on_conflict": "reject"}
    statuses: list[int] = []
    async with AsyncExitStack() as stack:

        async def connect() -> None:
            try:
                await stack.enter_async_context(called(city.here.url, query))
                statuses.append(101)
            except InvalidStatus as exc:
                statuses.append(exc.response.status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(connect)
    assert sorted(statuses) == [101] + [409] * 19


@pytest.mark.parametrize("wish", ["REJECT", "no", "supersede,reject"])
async def test_another_wish_for_a_conflict_is_refused(city: Town, wish: str) -> None:
    for who in (city.scout, city.alice):
        status, body = await refusal(city.here.url, {"api_key": who.key, "on_conflict": wish})
        assert status == 400
        later(body, "invalid_on_conflict")
    assert await refusal(city.here.url, {"api_key": "wrong", "on_conflict": wish}) == REFUSED


async def test_whoever_connects_too_often_is_told_to_wait(tmp_path: Path) -> None:
    async with world(tmp_path, Platform(connects=3)) as here:
        alice = await here.person()
        scout, muse = await here.agent(alice, "Scout"), await here.agent(alice, "Muse")
        for _ in range(3):
            async with line(here.url, scout) as it:
                assert await it.rest() == []
        async with line(here.url, muse) as another, line(here.url, alice) as person:
            for query in ({"api_key": scout.key}, {"api_key": alice.key, "agent_id": scout.id}):
                answer = await answered(here.url, query)
                assert answer.status_code == 429
                wait = int(answer.headers["Retry-After"])
                assert 1 <= wait <= 20
                later(bytes(answer.body or b""), "too_many_requests", wait)
            assert await refusal(here.url, {"api_key": scout.key + "x"}) == REFUSED
            assert await another.rest() == await person.rest() == []
        for _ in range(2):
            async with line(here.url, alice) as person:
                assert await person.rest() == []
        assert (await answered(here.url, {"api_key": alice.key})).status_code == 429


# The end of a right to be here


async def administered(here: World, work: Callable[..., Any]) -> Any:
    """What an administrator does from another process, as good as."""
    async with opened(here.folder) as (db, keys):
        return await administer(db, keys, work)


def key_id(who: Somebody) -> str:
    return who.key.split("_")[2]


def delete(tx: Tx, who: Somebody) -> None:
    tx.run("UPDATE actors SET deleted_at = 'now' WHERE id = ?", who.id)


async def test_whoever_may_not_be_here_any_more_is_closed_within_five_seconds(tmp_path: Path) -> None:
    async with (
        world(tmp_path, Platform(jwt_secret=SECRET)) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
        AsyncExitStack() as stack,
    ):
        ann, ben, cat = [await here.person(name) for name in ("Ann A", "Ben B", "Cat C")]
        agents = {who.id: [await here.agent(who, f"Agent {n}") for n in range(4)] for who in (ann, ben, cat)}
        spare = (await administered(here, partial(create_key, who=ann.handle)))["api_key"]
        short = await administered(here, partial(create_key, who=agents[cat.id][0].handle, seconds=0.5))
        doomed: list[dict[str, Any]] = [
            # a key that is revoked
            {"query": {"api_key": ann.key}},
            {"query": {"api_key": ann.key, "agent_id": agents[ann.id][0].id}},
            # one that expires
            {"query": {"api_key": short["api_key"]}},
            # agents that are deleted
            {"query": {"api_key": agents[ann.id][1].key}},
            {"query": {"api_key": spare, "agent_id": agents[ann.id][2].id}},
            # a person that is deleted
            {"query": {"token": token(ben)}},
            {"query": {"api_key": ben.key}},
            {"query": {"token": token(ben), "agent_id": agents[ben.id][0].id}},
            {"query": {"api_key": ben.key, "agent_id": agents[ben.id][1].id}},
        ]
        staying: list[dict[str, Any]] = [
            {"query": {"api_key": spare}},
            {"query": {"api_key": spare, "agent_id": agents[ann.id][3].id}},
            {"query": {"token": token(ann)}},
            {"query": {"api_key": cat.key}},
            {"query": {"token": token(cat), "agent_id": agents[cat.id][1].id}},
            {"query": {"api_key": agents[cat.id][2].key}},
        ]
        going = [await stack.enter_async_context(called(here.url, **way)) for way in doomed]
        others = [await stack.enter_async_context(called(here.url, **way)) for way in staying]
        for it in (*going, *others):
            assert await it.rest() == []
        await administered(here, partial(revoke_key, id=key_id(ann)))
        await administered(here, partial(delete, who=ben))
        for agent in agents[ann.id][1:3]:
            data(await http.delete(f"/me/agents/{agent.id}", headers={"X-API-Key": spare}))
        with anyio.fail_after(5):
            for it in going:
                assert await it.closed() == (1008, [])
        for it in others:
            assert await it.rest() == []
        for way in doomed:
            assert await refusal(here.url, **way) == REFUSED


async def test_more_sockets_than_are_looked_up_at_once_are_all_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "PERIOD", 0.05)
    monkeypatch.setattr(revocation, "CHUNK", 2)
    async with world(tmp_path) as here, AsyncExitStack() as stack:
        alice, bob = await here.person(), await here.person("Bob Roe")
        his = [await stack.enter_async_context(line(here.url, bob)) for _ in range(5)]
        hers = [await stack.enter_async_context(line(here.url, alice)) for _ in range(5)]
        await administered(here, partial(revoke_key, id=key_id(alice)))
        for it in hers:
            assert await it.closed() == (1008, [])
        for it in his:
            assert await it.rest() == []


def rename(tx: Tx, old: str, new: str) -> None:
    tx.script(f"ALTER TABLE {old} RENAME TO {new}")


async def test_a_database_that_cannot_tell_closes_nobody_and_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(revocation, "PERIOD", 0.05)
    async with world(tmp_path) as here:
        alice = await here.person()
        room = await here.room(alice)
        async with line(here.url, alice) as it:
            await administered(here, partial(rename, old="keys", new="away"))
            with anyio.fail_after(PATIENCE):
                while "will look again" not in caplog.text:
                    assert await it.rest() == []
            status, body = await refusal(here.url, {"api_key": alice.key})
            assert status == 503
            later(body, "tracking_failed")
            await administered(here, partial(rename, old="participants", new="gone"))
            reply = await it.ask(f"chat_room:{room.id}")
            assert reply == {"status": "error", "response": {"reason": "join crashed"}}
            await administered(here, partial(rename, old="gone", new="participants"))
            await it.join(f"chat_room:{room.id}")
            await administered(here, partial(rename, old="away", new="keys"))
            await administered(here, partial(revoke_key, id=key_id(alice)))
            assert (await it.closed())[0] == 1008
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# Who is here


async def is_online(town: Town, who: Somebody) -> bool:
    """What the owner is shown of an agent."""
    peers = (await town.get(town.alice, "/me/peers", page_size=100))["data"]
    (found,) = [peer["online"] for peer in peers if peer["id"] == who.id]
    return bool(found)


async def becomes(town: Town, who: Somebody, online: bool) -> None:
    with anyio.fail_after(PATIENCE):
        while await is_online(town, who) is not online:
            pass


async def test_others_see_who_is_connected(city: Town) -> None:
    muse, url = city.muse, city.here.url
    assert not await is_online(city, muse)
    async with line(url, muse) as it:
        assert await is_online(city, muse)
        await it.ws.close()
        await becomes(city, muse, online=False)
    async with line(url, muse) as it:
        it.ws.transport.abort()
        await becomes(city, muse, online=False)
    async with line(url, muse) as old, line(url, muse) as new:
        assert await old.closed() == (1000, [])
        assert await is_online(city, muse)
        await new.ws.send("nonsense")
        assert await new.closed() == (1011, [])
        await becomes(city, muse, online=False)
    assert await refusal(url, {"api_key": muse.key, "vsn": "9"}) == REFUSED
    assert not await is_online(city, muse)


async def test_a_fault_of_ours_ends_the_socket_and_leaves_nobody_behind(
    city: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*args: object) -> bool:
        raise LookupError("a fault")

    async with line(city.here.url, city.muse) as it:
        with monkeypatch.context() as patch:
            patch.setattr(Hub, "listen", fail)
            await it.send("1", "1", f"agent_rooms:{city.muse.id}", "phx_join", {})
            assert await it.closed() == (1011, [])
        await becomes(city, city.muse, online=False)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == f"a socket of {city.muse.id} failed"
    async with line(city.here.url, city.muse) as it:
        await is_agent(it, city.muse)


# Discretion


async def test_no_credential_gets_into_a_log(city: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url, bearer, wrong = city.here.url, token(city.alice), city.scout.key[:-1]
    ways: Iterable[dict[str, Any]] = (
        {"query": {"api_key": city.scout.key}},
        {"query": {}, "headers": by(city.scout)},
        {"query": {"token": bearer}},
        {"query": {}, "headers": {"X-Auth-Token": bearer}},
        {"query": {}, "offered": offer(city.scout.key)},
    )
    for way in ways:
        async with called(url, **way) as it:
            assert await it.rest() == []
            await it.ws.send(city.scout.key)
            assert (await it.closed())[0] == 1011
    for query in ({"vsn": "9"}, {"on_conflict": "x"}, {"agent_id": NOBODY}):
        await answered(url, {"api_key": city.scout.key, **query})
    await answered(url, {"api_key": wrong})
    await answered(url, {"api_key": city.scout.key}, path="/elsewhere")
    await city.http.get(f"{url}{PATH}", params={"api_key": city.scout.key})
    await city.http.get("/agent/me", headers=by(city.scout))
    ours = [r for r in caplog.records if not r.name.startswith(("websockets.client", "httpx2", "httpcore2"))]
    secrets = (wrong, bearer, offer(city.scout.key)[1])
    told = [r for r in ours if any(one in r.getMessage() + (r.exc_text or "") for one in secrets)]
    assert told == []
