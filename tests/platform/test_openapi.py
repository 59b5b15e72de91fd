"""The OpenAPI document: compared with facts of the reference, and with what the platform really does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.platform.described import Validator, content, facts, misfits, operations, place, resolved, sealed
from tests.platform.town import NOBODY, Json, Town, by, data, example, town_on
from tests.world import Somebody, world
from thenvoi_bridge.contract import CALLS
from thenvoi_bridge.contract.call import Route
from thenvoi_bridge.platform.app import SOCKET_PATHS
from thenvoi_bridge.platform.openapi.document import document
from thenvoi_bridge.settings import Platform

DOCUMENT = document()
SEALED = sealed(DOCUMENT)
OPERATIONS = dict(operations(DOCUMENT))
FACTS: dict[str, Json] = json.loads(
    Path(__file__).with_name("reference_facts.json").read_text(encoding="utf-8")
)
ROUTES = {place(route.method, route.template): (kind, route) for kind in CALLS for route in kind.routes()}
ASKED = {
    where: content(DOCUMENT, said["requestBody"])
    for where, said in OPERATIONS.items()
    if "requestBody" in said
}
READ = [where for where in ROUTES if where.startswith("GET ")]

MORE_STATUSES = {
    "413": "",  # there is a limit to every body
    "422": "",  # an unknown query parameter is refused everywhere
    "414": "",  # there is a limit to every address
    "431": "",  # and to all headers together
    "503": "",  # a database can be busy whatever is asked
    "400": "/(supersede|archive|restore|approve|reject|cancel)$",  # no property is known of an order
    "404": "/peers$",  # the room whose participants are left out
    "409": "/(processing|processed|failed)$",  # If-Attempt, which the reference does not know
    "429": "/test$",  # counts like everything else that takes a key
}
"""What the reference does not declare, and where."""

FREE_FORM = {"memory.metadata.tags", "memory.metadata.references"}
"""Members that the reference names within free-form metadata, which nobody checks."""


# Beside the reference


def test_the_operations_are_those_of_the_reference() -> None:
    assert OPERATIONS.keys() == FACTS.keys() == ROUTES.keys()
    assert len(OPERATIONS) == 62


@pytest.mark.parametrize("where", FACTS)
def test_a_request_looks_as_in_the_reference(where: str) -> None:
    ours, theirs = facts(DOCUMENT, OPERATIONS[where]), FACTS[where]
    assert ours["query"] == theirs["query"]
    assert ours["must"] == theirs["must"]
    assert ours["may"] == [name for name in theirs["may"] if name not in FREE_FORM]


@pytest.mark.parametrize("where", FACTS)
def test_an_answer_tells_what_the_reference_promises(where: str) -> None:
    ours, theirs = facts(DOCUMENT, OPERATIONS[where]), FACTS[where]
    assert set(theirs["tells"]) <= set(ours["tells"])
    assert set(theirs["statuses"]) <= set(ours["statuses"])
    for status in set(ours["statuses"]) - set(theirs["statuses"]):
        assert re.search(MORE_STATUSES[status], where), status


# The document itself


def every(value: object, name: str) -> Iterator[Any]:
    """What stands under a name, anywhere."""
    if isinstance(value, dict):
        yield from ([value[name]] if name in value else [])
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        yield from every(inner, name)


def test_every_schema_is_one_and_every_reference_leads_somewhere() -> None:
    for schema in [*DOCUMENT["components"]["schemas"].values(), *every(DOCUMENT["paths"], "schema")]:
        Validator.check_schema(schema)
    references = set(every(DOCUMENT, "$ref"))
    assert all(resolved(DOCUMENT, {"$ref": reference}) for reference in references)
    parts = {
        f"#/components/{kind}/{n}" for kind in ("schemas", "responses") for n in DOCUMENT["components"][kind]
    }
    assert parts == references


def test_every_operation_has_a_name_of_its_own_and_a_known_tag() -> None:
    names = [said["operationId"] for said in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    tags = [entry["name"] for entry in DOCUMENT["tags"]]
    assert {tag for said in OPERATIONS.values() for tag in said["tags"]} == set(tags)
    assert len(set(tags)) == len(tags)


def test_what_varies_in_a_path_is_a_parameter() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for said in methods.values():
            placed = [one["name"] for one in said["parameters"] if one["in"] == "path"]
            assert placed == re.findall(r"{(\w+)}", path)


@pytest.mark.parametrize("where", ROUTES)
def test_an_older_spelling_says_so_and_says_of_what(where: str) -> None:
    (kind, route), said = ROUTES[where], OPERATIONS[where]
    newer = f"{kind.route.method} {kind.route.template}"
    expected = (None, None) if route is kind.route else (True, newer)
    assert (said.get("deprecated"), said.get("x-alias-of")) == expected


def test_the_address_of_the_socket_is_told() -> None:
    assert f"`{SOCKET_PATHS[0]}?vsn=2.0.0`" in DOCUMENT["info"]["description"]


@pytest.mark.parametrize("where", ASKED)
def test_examples_fit(where: str) -> None:
    kind, route = ROUTES[where]
    shown = OPERATIONS[where]["requestBody"]["content"]["application/json"]["example"]
    assert misfits(DOCUMENT, ASKED[where], shown) == []
    if route is kind.route:
        asked = example(kind, scope="organization", contact_id=NOBODY, request_id=NOBODY)
        assert misfits(DOCUMENT, ASKED[where], asked.body or {}) == []


# What is answered


@pytest.fixture(scope="session")
async def lively(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[Town, Json]]:
    """A town with something in every list there is, and what stands in paths."""
    async with (
        world(tmp_path_factory.mktemp("lively") / "platform") as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        town = await town_on(here, http)
        yield town, await lived_in(town)


async def lived_in(town: Town) -> Json:
    """Messages, an event, memories, contacts and requests of Alice's and Scout's."""
    http, alice, scout, mallory, spy = town.http, town.alice, town.scout, town.mallory, town.spy
    room = await town.room(scout, town.muse)
    data(await town.mark(scout, room, await town.say(room, scout), "processing"))
    event = {"content": "hm", "message_type": "thought", "metadata": {"a": 1}}
    data(await http.post(f"/agent/chats/{room}/events", json={"event": event}, headers=by(scout)), 201)
    for about in ({"scope": "organization"}, {"subject_id": alice.id}):
        memory = example(ROUTES["POST /api/v1/agent/memories"][0], **about).body
        kept = data(await http.post("/agent/memories", json=memory, headers=by(scout)), 201)
    for one, other in ((mallory, alice), (alice, mallory), (spy, alice), (alice, town.rover)):
        await befriend(town, one, other)
    for one, other in ((spy, scout), (scout, spy), (mallory, scout), (scout, town.rover)):
        await befriend(town, one, other)
    return {"chat_id": room, "memory_id": kept["id"]}


async def befriend(town: Town, one: Somebody, other: Somebody) -> None:
    """Ask somebody to be a contact, or agree to it."""
    body: Json = {"contact_request": {"recipient_handle": other.handle}}
    path = "/me/contacts/requests"
    if "/" in one.handle:
        path, body = "/agent/contacts/add", {"handle": other.handle}
    data(await town.http.post(path, json=body, headers=by(one)), 201)


def check(where: str, answer: httpx2.Response) -> None:
    """An answer has a status that is declared for the operation, and looks as it is declared to."""
    said = OPERATIONS[where]["responses"].get(str(answer.status_code))
    assert said, f"{answer.status_code} is not declared: {answer.text}"
    schema = content(DOCUMENT, said)
    if not schema:
        assert not answer.content
        return
    assert answer.headers["content-type"] == "application/json"
    assert misfits(SEALED, schema, answer.json()) == []


def caller(town: Town, route: Route) -> Somebody:
    return town.scout if route.side == "agent" else town.alice


async def ask(
    town: Town, route: Route, path: str, who: Somebody | None, body: object = ...
) -> httpx2.Response:
    content = None if body is ... else json.dumps(body).encode()
    whole = town.here.url + path
    headers = by(who) if who else {}
    return await town.http.request(route.method, whole, content=content, headers=headers)


@pytest.mark.parametrize("where", READ)
async def test_what_is_read_is_as_declared(lively: tuple[Town, Json], where: str) -> None:
    route, (town, ids) = ROUTES[where][1], lively
    path = route.template.format(**ids) if route.path_fields else route.template
    answer = await ask(town, route, path, caller(town, route))
    check(where, answer)
    assert answer.status_code == 200
    assert answer.json().get("data", True), "nothing to look at"


async def test_where_nothing_is_left_nothing_is_answered(town: Town) -> None:
    where = "GET /api/v1/agent/chats/{}/messages/next"
    route = ROUTES[where][1]
    answer = await ask(town, route, route.template.format(chat_id=await town.room(town.scout)), town.scout)
    assert answer.status_code == 204
    check(where, answer)


@pytest.mark.parametrize("where", ROUTES)
async def test_refusals_are_as_declared(town: Town, where: str) -> None:
    _, route = ROUTES[where]
    path = route.template.format(**dict.fromkeys(route.path_fields, NOBODY))
    wrong = {"agent": town.alice, "human": town.scout}.get(route.side)
    answers = [
        await ask(town, route, path, None, {}),
        await ask(town, route, path, wrong, {}),
        await ask(town, route, path, caller(town, route), []),
        await ask(town, route, f"{path}?colour=1", caller(town, route), ... if route.method == "GET" else {}),
    ]
    for answer in answers:
        check(where, answer)
    assert answers[-1].status_code == 422
    open_to_all = route.side == "open"
    assert (answers[0].status_code == 401, not OPERATIONS[where]["security"]) == (
        not open_to_all,
        open_to_all,
    )


@pytest.mark.parametrize("path", DOCUMENT["paths"])
async def test_what_a_path_takes_is_told_to_whoever_tries_something_else(town: Town, path: str) -> None:
    methods = {method.upper() for method in DOCUMENT["paths"][path]}
    whole = town.here.url + re.sub(r"{\w+}", NOBODY, path)
    answer = await town.http.request("PATCH", whole, headers=by(town.alice))
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == methods


@pytest.fixture(scope="session")
async def tight(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Town]:
    """A town that takes one request a minute, and no long bodies."""
    settings = Platform(rate=1, max_body=500)
    async with (
        world(tmp_path_factory.mktemp("tight") / "platform", settings) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        alice = await here.person()
        yield Town(here, http, alice, await here.agent(alice, "Scout"), alice, alice, alice, alice, alice)


@pytest.mark.parametrize("where", ROUTES)
async def test_what_is_too_much_is_declared(tight: Town, where: str) -> None:
    said, route = OPERATIONS[where], ROUTES[where][1]
    assert "503" in said["responses"]
    path = route.template.format(**dict.fromkeys(route.path_fields, NOBODY))
    long = await ask(tight, route, path, caller(tight, route), ["x" * 500])
    check(where, long)
    assert (long.status_code == 413) is route.has_body  # where none is asked for it is not even read
    if said["security"]:
        answers = [await ask(tight, route, path, caller(tight, route)) for _ in range(2)]
        check(where, answers[1])
        assert answers[1].status_code == 429
        headers = resolved(DOCUMENT, said["responses"]["429"])["headers"]
        assert (
            misfits(DOCUMENT, headers["Retry-After"]["schema"], int(answers[1].headers["retry-after"])) == []
        )


def test_every_link_leads_to_an_operation_and_gives_what_its_path_wants() -> None:
    operations = {
        operation["operationId"]: (path, operation)
        for path, methods in document()["paths"].items()
        for operation in methods.values()
    }
    linked = set()
    for path, operation in operations.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                target, _ = operations[link["operationId"]]
                assert set(link["parameters"]) <= set(re.findall(r"{(\w+)}", target))
                for expression in link["parameters"].values():
                    if expression.startswith("$request.path."):
                        assert "{" + expression.removeprefix("$request.path.") + "}" in path
                linked.add(link["operationId"])
    wanting = {id for id, (path, one) in operations.items() if "{" in path and not one.get("deprecated")}
    assert wanting == linked
