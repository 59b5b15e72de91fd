"""What the OpenAPI document allows is taken, what it forbids is refused: field by field, for every call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.platform.described import misfits, resolved
from tests.platform.test_openapi import ASKED, DOCUMENT, OPERATIONS, ROUTES, check, every
from tests.platform.town import NOBODY, Json, Town, by
from tests.world import Somebody

FORM = {"bad_request", "validation_error", "mentions_required"}
"""Codes that say that a request is not as it should be, whatever there is to be had."""

WORDS: list[Any] = [
    "",
    " ",
    "\n",
    "a",
    "a\n",
    "a\0",
    "@",
    "\x1c",
    "\x85",
    "\u3000",
    "\ufeff",
    "é",
    "😀" * 100,
]
LENGTHS: list[Any] = ["x" * n for n in (64, 65, 100, 101, 300, 301, 500, 501)]
IDS: list[Any] = [NOBODY, NOBODY.upper(), f"{NOBODY}\n", NOBODY[:-1], NOBODY.replace("-", "")]
OTHERS: list[Any] = [
    None,
    0,
    1.5,
    True,
    [],
    {},
    [None],
    {"a": [1, {"b": None}]},
    {"a": [{"b": "\0"}]},
    {"\0": 1},
]
MENTIONS: list[Any] = [
    [inner]
    for inner in (
        {},
        {"id": "a"},
        {"id": ""},
        {"id": None},
        {"id": "a\0"},
        {"id": "a", "handle": None, "name": None},
        {"id": "a", "handle": "", "name": " "},
        {"id": "a", "handle": 7},
        {"id": "a", "colour": 1},
        {"id": "a", "colour": None},
    )
]
VALUES = [*WORDS, *LENGTHS, *IDS, *OTHERS, *MENTIONS]

MOMENTS = [
    "2026-03-01T10:00:00Z",
    "2026-03-01T10:00:00.5+02:00",
    "2026-03-01T10:00:00",
    "2026-03-01",
    "1772359200",
]
NUMBERS = ["0", "1", "20", "50", "51", "100", "101", "-1", "1.5", "9" * 30, "true", "false"]
TEXTS: list[str] = [*WORDS, *LENGTHS, *IDS, *MOMENTS, *NUMBERS]

QUERIES = [
    (where, one["name"], one["schema"])
    for where, said in OPERATIONS.items()
    for one in said["parameters"]
    if one["in"] == "query"
]


@pytest.fixture(scope="session")
async def tester(town: Town) -> dict[str, Somebody]:
    """Somebody whose name and rooms may become anything, by the side of the API."""
    person = await town.newcomer()
    return {"human": person, "agent": await town.here.agent(person, "Tester")}


async def is_taken(town: Town, where: str, who: Somebody, body: object = ..., **query: str) -> bool:
    """Whether a request is as it should be. Its ids are nobody's, so mostly nothing comes of it."""
    route = ROUTES[where][1]
    path = route.template.format(**dict.fromkeys(route.path_fields, NOBODY))
    content = None if body is ... else json.dumps(body).encode()
    answer = await town.http.request(
        route.method, town.here.url + path, content=content, params=query, headers=by(who)
    )
    check(where, answer)
    return not (answer.status_code in (400, 422) and answer.json()["error"]["code"] in FORM)


def bodies(where: str) -> Iterator[object]:
    """The example, and everything that differs from it in one place."""
    good = OPERATIONS[where]["requestBody"]["content"]["application/json"]["example"]
    yield from (good, *OTHERS)
    for inside in {(), tuple(good) if ROUTES[where][1].wrap else ()}:
        yield from (changed(good, inside, "colour", value) for value in (1, None))
        for name, schema in fields(where, inside).items():
            for value in (*VALUES, *choices(schema), ...):
                yield changed(good, inside, name, value)


def choices(schema: Json) -> list[Any]:
    """What a value may be chosen from."""
    return [choice for some in every(schema, "enum") for choice in some]


def fields(where: str, inside: tuple[str, ...]) -> Json:
    schema = resolved(DOCUMENT, ASKED[where])
    for step in inside:
        schema = schema["properties"][step]
    properties: Json = schema["properties"]
    return properties


def changed(good: Json, inside: tuple[str, ...], name: str, value: object) -> Json:
    """A copy with another member, or without it."""
    whole = node = deepcopy(good)
    for step in inside:
        node = node[step]
    node[name] = value
    if value is ...:
        del node[name]
    return whole


@pytest.mark.parametrize("where", ASKED)
async def test_a_body_is_taken_if_and_only_if_it_fits(
    town: Town, tester: dict[str, Somebody], where: str
) -> None:
    who = tester[ROUTES[where][1].side]
    for body in bodies(where):
        wrong = misfits(DOCUMENT, ASKED[where], body)
        assert await is_taken(town, where, who, body) is not bool(wrong), (body, wrong)


@pytest.mark.parametrize("where", ASKED)
async def test_no_body_is_taken_where_none_is_required(
    town: Town, tester: dict[str, Somebody], where: str
) -> None:
    who = tester[ROUTES[where][1].side]
    required = OPERATIONS[where]["requestBody"]["required"]
    assert await is_taken(town, where, who) is not required


def written(text: str, schema: Json) -> object:
    """The value that a text in a query stands for."""
    if schema["type"] == "integer" and re.fullmatch("-?[0-9]+", text):
        return int(text)
    if schema["type"] == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}.get(text, text)
    return text


@pytest.mark.parametrize(("where", "name", "schema"), QUERIES, ids=str)
async def test_a_parameter_is_taken_if_and_only_if_it_fits(
    town: Town, tester: dict[str, Somebody], where: str, name: str, schema: Json
) -> None:
    who = tester[ROUTES[where][1].side]
    for text in (*TEXTS, *choices(schema)):
        wrong = misfits(DOCUMENT, schema, written(text, schema))
        assert await is_taken(town, where, who, **{name: text}) is not bool(wrong), (text, wrong)


@pytest.mark.parametrize("where", OPERATIONS)
async def test_no_other_parameter_is_taken(town: Town, tester: dict[str, Somebody], where: str) -> None:
    kind, route = ROUTES[where]
    who = tester["human" if route.side in ("open", "any") else route.side]
    known = {one["name"] for one in OPERATIONS[where]["parameters"] if one["in"] == "query"}
    for name in {*kind.model_fields, "colour"} - known:
        assert not await is_taken(town, where, who, {} if route.has_body else ..., **{name: NOBODY}), name
