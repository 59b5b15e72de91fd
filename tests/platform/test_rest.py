"""What every call has in common: the envelope of refusals, who is let in, what a request may look like."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest

from tests.home import opened
from tests.platform.town import NOBODY, Json, Town, by, data, example, is_time, refused
from tests.world import Somebody
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.platform import rest
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.app import running
from thenvoi_bridge.platform.auth import Auth
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Bell
from thenvoi_bridge.platform.rest import Rest
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.platform.tokens import Tokens
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Database
from thenvoi_bridge.storage.sqlite import open_sqlite

MAX_BODY, MAX_DEPTH = Platform().max_body, Platform().max_depth

AGENT_CALLS = [kind for kind in CALLS if kind.route.side == "agent"]
HUMAN_CALLS = [kind for kind in CALLS if kind.route.side == "human"]
ROOM_CALLS = [kind for kind in CALLS if "chat_id" in kind.route.path_fields]

JSON_TYPE = {"Content-Type": "application/json"}


def named(kind: type[Call[Any]]) -> str:
    return kind.__name__


async def ask(
    town: Town,
    kind: type[Call[Any]],
    who: Somebody | None = None,
    ids: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    """Make an example of a call, over HTTP in the raw."""
    wire = example(kind, **(ids or {}))
    whole = str(town.http.base_url.join(wire.path))
    headers = {**(by(who) if who else {}), **(headers or {})}
    return await town.http.request(wire.method, whole, params=wire.query, json=wire.body, headers=headers)


# Who is let in


@pytest.mark.parametrize("kind", [*AGENT_CALLS, *HUMAN_CALLS], ids=named)
async def test_every_call_asks_for_a_key(town: Town, kind: type[Call[Any]]) -> None:
    assert refused(await ask(town, kind), 401, "unauthorized") == {}


@pytest.mark.parametrize("kind", HUMAN_CALLS, ids=named)
async def test_an_agents_key_opens_nothing_of_the_human_api(town: Town, kind: type[Call[Any]]) -> None:
    refused(await ask(town, kind, town.scout), 403, "forbidden")


@pytest.mark.parametrize("kind", AGENT_CALLS, ids=named)
async def test_a_persons_key_opens_nothing_of_the_agent_api(town: Town, kind: type[Call[Any]]) -> None:
    refused(await ask(town, kind, town.alice), 403, "forbidden")


@pytest.mark.parametrize("kind", [*AGENT_CALLS, *HUMAN_CALLS], ids=named)
async def test_two_credentials_are_as_bad_as_none(town: Town, kind: type[Call[Any]]) -> None:
    who = town.scout if kind.route.side == "agent" else town.alice
    answer = await ask(town, kind, who, headers={"Authorization": f"Bearer {who.key}"})
    refused(answer, 401, "unauthorized")


@pytest.mark.parametrize("kind", AGENT_CALLS, ids=named)
async def test_agents_do_not_come_with_a_bearer_token(town: Town, kind: type[Call[Any]]) -> None:
    answer = await ask(town, kind, None, headers={"Authorization": f"Bearer {town.scout.key}"})
    refused(answer, 401, "unauthorized")


async def test_a_missing_key_is_said_before_anything_that_is_wrong_with_the_request(town: Town) -> None:
    refused(await town.http.post("/me/chats", content="{"), 401, "unauthorized")
    refused(await town.http.post("/me/chats", content="{", headers=by(town.scout)), 403, "forbidden")


async def test_health_needs_no_key(town: Town) -> None:
    answer = await town.http.get("/health")
    assert answer.status_code == 200
    report = answer.json()
    assert set(report) >= {"status", "version", "api_version", "timestamp", "services"}
    assert report["status"] == "ok"
    assert report["services"] == {"database": {"healthy": True}}
    assert is_time(report["timestamp"])


async def test_the_version_needs_no_key_and_has_no_prefix(town: Town) -> None:
    answer = await town.http.get(f"{town.here.url}/version")
    assert answer.status_code == 200
    assert set(answer.json()) == {"version", "commit", "built_at"}
    assert all(isinstance(value, str) for value in answer.json().values())
    refused(await town.http.get("/version"), 404, "not_found")


# What is hidden


def outsiders(town: Town, kind: type[Call[Any]]) -> list[Somebody]:
    """Those of the right kind who have no business in a room of Alice's."""
    return [town.spy, town.rover, town.muse] if kind.route.side == "agent" else [town.mallory, town.bob]


def without_request_id(answer: httpx2.Response) -> Json:
    body: Json = answer.json()
    return {name: value for name, value in body["error"].items() if name != "request_id"}


@pytest.mark.parametrize("kind", ROOM_CALLS, ids=named)
async def test_a_foreign_room_is_as_if_it_were_not(town: Town, kind: type[Call[Any]]) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    before = await town.get(town.alice, f"/me/chats/{room}/messages")
    people = await town.get(town.alice, f"/me/chats/{room}/participants")
    for outsider in outsiders(town, kind):
        ids = {"message_id": message, "participant_id": town.scout.id}
        foreign = await ask(town, kind, outsider, {**ids, "chat_id": room})
        missing = await ask(town, kind, outsider, ids)
        refused(foreign, 404, "not_found")
        refused(missing, 404, "not_found")
        assert without_request_id(foreign) == without_request_id(missing)
    nobody = [await ask(town, kind, None, {"chat_id": id}) for id in (room, NOBODY)]
    assert without_request_id(nobody[0]) == without_request_id(nobody[1])
    assert await town.get(town.alice, f"/me/chats/{room}/messages") == before
    assert await town.get(town.alice, f"/me/chats/{room}/participants") == people


@pytest.mark.parametrize("kind", ROOM_CALLS, ids=named)
async def test_a_room_one_was_taken_out_of_is_as_if_it_were_not(town: Town, kind: type[Call[Any]]) -> None:
    room = await town.room(town.scout, town.bob)
    message = await town.say(room, town.scout)
    for gone in (town.scout, town.bob):
        answer = await town.http.delete(f"/me/chats/{room}/participants/{gone.id}", headers=by(town.alice))
        data(answer)
    who = town.scout if kind.route.side == "agent" else town.bob
    ids = {"message_id": message, "participant_id": town.alice.id}
    left = await ask(town, kind, who, {**ids, "chat_id": room})
    missing = await ask(town, kind, who, ids)
    refused(left, 404, "not_found")
    assert without_request_id(left) == without_request_id(missing)


@pytest.mark.parametrize("order", ["processing", "processed", "failed"])
async def test_a_message_of_another_room_is_as_if_it_were_not(town: Town, order: str) -> None:
    room, elsewhere = await town.room(town.scout), await town.room(town.scout)
    message = await town.say(elsewhere, town.scout)
    foreign = await town.mark(town.scout, room, message, order)
    missing = await town.mark(town.scout, room, NOBODY, order)
    refused(foreign, 404, "not_found")
    assert without_request_id(foreign) == without_request_id(missing)


@pytest.mark.parametrize("kind", ROOM_CALLS, ids=named)
async def test_a_path_id_that_is_none_is_not_found(town: Town, kind: type[Call[Any]]) -> None:
    who = town.scout if kind.route.side == "agent" else town.alice
    path = example(kind).path.replace(NOBODY, "é")
    body = example(kind).body
    answer = await town.http.request(kind.route.method, town.here.url + path, json=body, headers=by(who))
    refused(answer, 404, "not_found")


# What a request may look like

SAID = {"content": "hello", "mentions": [{"id": NOBODY}]}

UNKNOWN: list[tuple[str, object, str]] = [
    ("/me/chats/{room}/messages", {"message": SAID, "colour": 1}, "/colour"),
    ("/me/chats/{room}/messages", {"message": {**SAID, "metadata": {}}}, "/message/metadata"),
    ("/me/chats/{room}/messages", {"message": {**SAID, "message_type": "text"}}, "/message/message_type"),
    (
        "/me/chats/{room}/messages",
        {"message": {**SAID, "mentions": [{"id": NOBODY, "a/b~c": 1}]}},
        "/message/mentions/0/a~1b~0c",
    ),
    ("/me/chats", {"chat": {"title": "x"}}, "/chat/title"),
    ("/me/chats", {"chat": {}, "title": "x"}, "/title"),
    ("/me/agents/register", {"agent": {"name": "x", "description": "x", "model": "y"}}, "/agent/model"),
    ("/me/chats/{room}/participants", {"participant": {"participant_id": NOBODY, "x": 1}}, "/participant/x"),
    ("/agent/chats", {"chat": {}, "x": 1}, "/x"),
    (
        "/agent/chats/{room}/events",
        {"event": {"content": "x", "message_type": "error", "x": 1}},
        "/event/x",
    ),
    ("/agent/chats/{room}/messages/{message}/processing", {"x": 1}, "/x"),
    ("/agent/chats/{room}/messages/{message}/processed", {"x": 1}, "/x"),
    ("/agent/chats/{room}/messages/{message}/failed", {"error": "x", "reason": "y"}, "/reason"),
]


@pytest.mark.parametrize(("path", "body", "pointer"), UNKNOWN)
async def test_a_property_nobody_knows_is_refused_wherever_it_is(
    town: Town, path: str, body: object, pointer: str
) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    who = town.scout if path.startswith("/agent") else town.alice
    answer = await town.http.post(path.format(room=room, message=message), json=body, headers=by(who))
    assert refused(answer, 400, "bad_request") == {pointer: ["Extra inputs are not permitted"]}
    after = await town.get(town.alice, f"/me/chats/{room}/messages")
    assert [said["id"] for said in after["data"]] == [message]
    assert after["data"][0]["metadata"].get("delivery_status") is None


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"hello",
        b"'{}'",
        b"{} {}",
        b'{"chat": {}',
        b'{"chat": {"task_id": NaN}}',
        b'{"chat": {"task_id": -Infinity}}',
        b'{"chat": {"task_id": 1e999}}',
        b'{"chat": {"task_id": "\\ud800"}}',
        b'{"chat": {"task_id": "\xff"}}',
        json.dumps({"chat": {}}).encode("utf-16"),
        b"[" * 100_000,
        b'{"chat":' * 100_000,
        b"9" * 10_000,
        b"[]",
        b"null",
        b"7",
        b'"chat"',
        b"true",
    ],
    ids=lambda body: repr(body[:30]),
)
@pytest.mark.parametrize("path", ["/me/chats", "/agent/chats"])
async def test_what_is_no_json_object_is_refused(town: Town, path: str, body: bytes) -> None:
    who = town.scout if path.startswith("/agent") else town.alice
    answer = await town.http.post(path, content=body, headers={**by(who), **JSON_TYPE})
    assert refused(answer, 400, "bad_request") == {}


def nested(levels: int) -> Json:
    inner: Json = {}
    for _ in range(levels - 1):
        inner = {"a": inner}
    return inner


async def test_whatever_depth_is_accepted_can_be_read_again(town: Town) -> None:
    room = await town.room(town.scout)
    metadata = nested(MAX_DEPTH - 2)  # below the body and its event
    event: Json = {"content": "x", "message_type": "thought", "metadata": metadata}
    path = f"/agent/chats/{room}/events"
    data(await town.http.post(path, json={"event": event}, headers=by(town.scout)), 201)
    event["metadata"] = [metadata]
    refused(await town.http.post(path, json={"event": event}, headers=by(town.scout)), 400, "bad_request")
    event["metadata"] = {"a": metadata}
    refused(await town.http.post(path, json={"event": event}, headers=by(town.scout)), 400, "bad_request")
    (kept,) = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]
    assert kept["metadata"] == metadata


@pytest.mark.parametrize("body", [b"", b" \n", b"{}"])
async def test_a_body_that_says_nothing_lacks_what_is_required(town: Town, body: bytes) -> None:
    answer = await town.http.post("/me/chats", content=body, headers={**by(town.alice), **JSON_TYPE})
    assert refused(answer, 422, "validation_error") == {"/chat": ["is required"]}


@pytest.mark.parametrize("order", ["processing", "processed"])
@pytest.mark.parametrize("headers", [{}, JSON_TYPE])
@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_an_order_without_arguments_may_come_without_a_body(
    town: Town, order: str, headers: Json, body: bytes
) -> None:
    room = await town.room(town.scout)
    message = await town.say(room, town.scout)
    data(await town.mark(town.scout, room, message, "processing"))
    path = f"/agent/chats/{room}/messages/{message}/{order}"
    data(await town.http.post(path, content=body, headers={**by(town.scout), **headers}))


async def test_null_counts_as_absent(town: Town) -> None:
    room = await town.room(town.scout)
    said: Json = {"content": "hello", "mentions": [{"id": town.scout.id, "handle": None, "name": None}]}
    answers = [
        await town.http.post("/me/chats", json={"chat": {"task_id": None}}, headers=by(town.alice)),
        await town.http.post(f"/me/chats/{room}/messages", json={"message": said}, headers=by(town.alice)),
        await town.http.post(
            f"/agent/chats/{room}/events",
            json={"event": {"content": "x", "message_type": "task", "metadata": None}},
            headers=by(town.scout),
        ),
        await town.http.post(
            f"/me/chats/{room}/participants",
            json={"participant": {"participant_id": town.muse.id, "role": None}},
            headers=by(town.alice),
        ),
    ]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert data(answers[-1], 201)["role"] == "member"


@pytest.mark.parametrize(
    ("path", "query", "pointer"),
    [
        ("/me/chats", {"include": "x"}, "/include"),
        ("/me/profile", {"x": "1"}, "/x"),
        ("/agent/me", {"x": "1"}, "/x"),
        ("/me/chats", {"page": "0"}, "/page"),
        ("/me/chats", {"page": "-1"}, "/page"),
        ("/me/chats", {"page": "one"}, "/page"),
        ("/me/chats", {"page_size": "0"}, "/page_size"),
        ("/me/chats", {"page_size": "101"}, "/page_size"),
        ("/agent/chats", {"page_size": "101"}, "/page_size"),
        ("/me/agents", {"page_size": "101"}, "/page_size"),
        ("/me/peers", {"type": "Robot"}, "/type"),
        ("/agent/peers", {"type": "User"}, "/type"),
        ("/me/peers", {"not_in_chat": "é"}, "/not_in_chat"),
        ("/agent/chats/{room}/messages", {"status": "new"}, "/status"),
        ("/agent/chats/{room}/context", {"page": "0"}, "/page"),
        ("/me/chats/{room}/messages", {"message_type": "system"}, "/message_type"),
        ("/me/chats/{room}/messages", {"since": "yesterday"}, "/since"),
        ("/me/chats/{room}/messages", {"since": "2026-03-01T00:00:00"}, "/since"),
        ("/me/chats/{room}/participants", {"participant_type": "user"}, "/participant_type"),
    ],
)
async def test_a_query_that_does_not_fit_is_named(town: Town, path: str, query: Json, pointer: str) -> None:
    who = town.scout if path.startswith("/agent") else town.alice
    room = await town.room(town.scout)
    answer = await town.http.get(path.format(room=room), params=query, headers=by(who))
    assert list(refused(answer, 422, "validation_error")) == [pointer]


@pytest.mark.parametrize("page", [1000, 10**18, 10**30])
@pytest.mark.parametrize(
    ("path", "info"),
    [
        ("/me/chats", "metadata"),
        ("/me/agents", "metadata"),
        ("/me/peers", "metadata"),
        ("/me/chats/{room}/messages", "metadata"),
        ("/agent/chats", "metadata"),
        ("/agent/peers", "metadata"),
        ("/agent/chats/{room}/messages", "metadata"),
        ("/agent/chats/{room}/context", "meta"),
    ],
)
async def test_a_page_past_the_end_is_empty(town: Town, path: str, info: str, page: int) -> None:
    who = town.scout if path.startswith("/agent") else town.alice
    room = await town.room(town.scout)
    await town.say(room, town.scout)
    body = await town.get(who, path.format(room=room), page=page, page_size=100)
    assert body["data"] == []
    assert body[info]["page"] == page
    assert body[info]["total_count"] >= 1


# Paths, methods, sizes


@pytest.mark.parametrize(
    "path", ["/", "/agent", "/agent/me/", "/me/nothing", "/agent/chats/a%2Fb", "/socket"]
)
async def test_an_unknown_path_is_not_found(town: Town, path: str) -> None:
    for headers in ({}, by(town.scout)):
        refused(await town.http.get(path, headers=headers), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/agent/me"), ("DELETE", "/me/chats"), ("PATCH", "/me/chats"), ("PUT", "/health")],
)
async def test_a_wrong_method_is_refused(town: Town, method: str, path: str) -> None:
    refused(await town.http.request(method, path), 405, "method_not_allowed")


async def test_agents_that_think_on_the_platform_are_not_offered(town: Town) -> None:
    answer = await town.http.post("/me/agents", json={"agent": {"name": "A"}}, headers=by(town.alice))
    refused(answer, 404, "not_found")
    assert "/api/v1/me/agents/register" in answer.json()["error"]["message"]


def padded(size: int) -> bytes:
    body = b'{"chat":{}}'
    return body + b" " * (size - len(body))


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_more_than_a_mebibyte_is_too_large(town: Town, announced: bool) -> None:
    for size, status in ((MAX_BODY, 201), (MAX_BODY + 1, 413), (3 * MAX_BODY, 413)):
        content = padded(size) if announced else in_pieces(padded(size))
        answer = await town.http.post("/me/chats", content=content, headers=by(town.alice))
        if status == 413:
            refused(answer, 413, "payload_too_large")
        else:
            data(answer, 201)


async def test_every_refusal_has_a_request_id_of_its_own(town: Town) -> None:
    answers = [await town.http.get("/agent/me") for _ in range(3)]
    assert len({answer.json()["error"]["request_id"] for answer in answers}) == 3


# When something is wrong with the platform itself


@asynccontextmanager
async def in_process(db: Database) -> AsyncGenerator[tuple[httpx2.AsyncClient, dict[str, str]]]:
    """The app over this database, without a port, and the key of somebody."""
    keys = Keys(b"pepper")
    new = await administer(db, keys, partial(add_user, email="a@b.example", name="A", organization="O"))
    async with running(db, Site(keys)) as app:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here/api/v1") as http:
            yield http, {"X-API-Key": new["api_key"]}


async def test_a_fault_of_ours_says_nothing_about_itself(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_process(db) as (http, key):
        await db.write(lambda tx: tx.script("ALTER TABLE chats RENAME TO secret_name"))
        answer = await http.get("/me/chats", headers=key)
    assert refused(answer, 500, "internal_error") == {}
    assert "chats" not in answer.text
    (record,) = [record for record in caplog.records if record.name == rest.__name__]
    assert answer.json()["error"]["request_id"] in record.getMessage()
    assert record.exc_info


@pytest.mark.sqlite
async def test_a_database_that_others_hold_is_unavailable_and_works_again_afterwards(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    db = await open_sqlite(tmp_path / "platform.db", patience=0.05)
    other = apsw.Connection(str(tmp_path / "platform.db"))
    async with in_process(db) as (http, key):
        other.execute("BEGIN IMMEDIATE")
        refused(await http.post("/me/chats", json={"chat": {}}, headers=key), 503, "unavailable")
        data(await http.get("/me/chats", headers=key))
        other.execute("ROLLBACK")
        data(await http.post("/me/chats", json={"chat": {}}, headers=key), 201)
    other.close()
    await db.close()


async def test_a_platform_does_not_start_while_a_call_has_no_handler(db: Database) -> None:
    with pytest.raises(LookupError, match="SendMessage"):
        list(Rest(db, Bell(), Auth(Keys(b""), Tokens(Platform())), Site(Keys(b"")), {}).routes())
