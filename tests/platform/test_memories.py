"""What agents remember, over HTTP: who may write, find, read and change it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count
from typing import Any, get_args

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.home import opened
from tests.platform.town import NOBODY, Json, Town, by, data, is_time, refused, side
from tests.world import Somebody
from thenvoi_bridge.contract.memories import MemoryStatus, MemorySystem, MemoryType, Segment
from thenvoi_bridge.settings import Platform

MEMORY: Json = {
    "content": "Likes tea",
    "system": "long_term",
    "type": "semantic",
    "segment": "user",
    "thought": "She said so",
}
SHARED: Json = {**MEMORY, "scope": "organization"}

_firms = count(1)


@dataclass(frozen=True)
class Firm:
    """Ann and Ben are of one organisation; Scout and Muse are Ann's, Rover is Ben's."""

    ann: Somebody
    ben: Somebody
    scout: Somebody
    muse: Somebody
    rover: Somebody


async def firm(town: Town) -> Firm:
    """An organisation that remembers nothing yet."""
    name = f"Trust {next(_firms)}"
    ann, ben = await town.here.person("Ann", name), await town.here.person("Ben", name)
    scout, muse = await town.here.agent(ann, "Scout"), await town.here.agent(ann, "Muse")
    return Firm(ann, ben, scout, muse, await town.here.agent(ben, "Rover"))


async def post(town: Town, who: Somebody, memory: object) -> httpx2.Response:
    return await town.http.post("/agent/memories", json={"memory": memory}, headers=by(who))


async def store(town: Town, who: Somebody, about: str | None = None, **given: object) -> Json:
    """A new memory: about somebody, or without that for everybody."""
    body = {**MEMORY, "subject_id": about} if about else SHARED
    stored: Json = data(await post(town, who, {**body, **given}), 201)
    return stored


async def read(town: Town, who: Somebody, id: str) -> httpx2.Response:
    return await town.http.get(f"{side(who)}/memories/{id}", headers=by(who))


async def order(town: Town, who: Somebody, id: str, what: str) -> httpx2.Response:
    """Give an order; `delete` is the method DELETE, whatever it means on that side."""
    path = f"{side(who)}/memories/{id}"
    if what == "delete":
        return await town.http.delete(path, headers=by(who))
    return await town.http.post(f"{path}/{what}", headers=by(who))


async def listed(town: Town, who: Somebody, **query: str | int) -> list[str]:
    """The ids of a list, which must say how many they are."""
    found = await town.get(who, f"{side(who)}/memories", **query)
    assert found["meta"] == {"page_size": len(found["data"]), "total_count": len(found["data"])}
    return [one["id"] for one in found["data"]]


def same_refusal(*answers: httpx2.Response) -> None:
    """Missing and foreign, which nobody must be able to tell apart."""
    bodies = []
    for answer in answers:
        refused(answer, 404, "not_found")
        bodies.append(answer.text.replace(answer.json()["error"]["request_id"], ""))
    assert len(set(bodies)) == 1


# Storing


async def test_a_memory_on_the_wire(town: Town) -> None:
    metadata = {"tags": ["taste"], "references": [NOBODY], "ö": {"a": [None, 1.5]}, "none": None}
    stored = await store(town, town.scout, town.alice.id, metadata=metadata)
    assert is_time(stored["inserted_at"])
    assert stored == {
        "id": stored["id"],
        "content": "Likes tea",
        "system": "long_term",
        "type": "semantic",
        "segment": "user",
        "scope": "subject",
        "status": "active",
        "thought": "She said so",
        "subject_id": town.alice.id,
        "source_agent_id": town.scout.id,
        "organization_id": stored["organization_id"],
        "metadata": metadata,
        "inserted_at": stored["inserted_at"],
        "updated_at": stored["inserted_at"],
    }
    assert data(await read(town, town.scout, stored["id"])) == stored
    assert data(await read(town, town.alice, stored["id"])) == {**stored, "chat_room_id": None}
    found = await town.get(town.scout, "/agent/memories", subject_id=town.alice.id)
    assert stored in found["data"]
    mine = await town.get(town.alice, "/me/memories", scope="about_me")
    assert {**stored, "chat_room_id": None} in mine["data"]


async def test_what_is_left_out_or_null_has_its_default(town: Town) -> None:
    absent = {"scope": None, "metadata": None}
    stored = data(await post(town, town.scout, {**MEMORY, **absent, "subject_id": NOBODY}), 201)
    assert (stored["scope"], stored["metadata"]) == ("subject", None)
    shared = data(await post(town, town.scout, {**SHARED, "subject_id": None}), 201)
    assert (shared["scope"], shared["subject_id"]) == ("organization", None)


async def test_what_is_for_everybody_may_be_about_somebody(town: Town) -> None:
    stored = await store(town, town.scout, town.bob.id, scope="organization")
    assert (stored["scope"], stored["subject_id"]) == ("organization", town.bob.id)


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({"content": " \n"}, ["/memory/content"]),
        ({"thought": ""}, ["/memory/thought"]),
        ({"content": None, "thought": None}, ["/memory/content", "/memory/thought"]),
        ({"content": 7}, ["/memory/content"]),
        ({"system": "short_term"}, ["/memory/system"]),
        ({"type": "vague"}, ["/memory/type"]),
        ({"type": "iconic"}, ["/memory/type"]),
        ({"system": "sensory"}, ["/memory/type"]),
        ({"segment": "people"}, ["/memory/segment"]),
        ({"scope": "all"}, ["/memory/scope"]),
        ({"scope": "subject"}, ["/memory/subject_id"]),
        ({"scope": None}, ["/memory/subject_id"]),
        ({"subject_id": "alice"}, ["/memory/subject_id"]),
        ({"metadata": ["tags"]}, ["/memory/metadata"]),
    ],
)
async def test_a_memory_that_does_not_fit_is_refused(town: Town, given: Json, pointers: list[str]) -> None:
    everything = {"scope": "all", "status": "all"}
    before = await town.get(town.scout, "/agent/memories", **everything)
    answer = await post(town, town.scout, {**SHARED, **given})
    assert list(refused(answer, 422, "validation_error")) == pointers
    assert await town.get(town.scout, "/agent/memories", **everything) == before


@pytest.mark.parametrize("name", ["status", "id", "source_agent_id", "chat_room_id"])
async def test_a_memory_has_no_other_properties(town: Town, name: str) -> None:
    refused(await post(town, town.scout, {**SHARED, name: NOBODY}), 400, "bad_request")


async def test_all_that_is_required_is_named(town: Town) -> None:
    names = ["content", "system", "type", "segment", "thought"]
    details = refused(await post(town, town.scout, {}), 422, "validation_error")
    assert list(details) == [f"/memory/{name}" for name in names]
    answer = await town.http.post("/agent/memories", json={}, headers=by(town.scout))
    assert list(refused(answer, 422, "validation_error")) == ["/memory"]


@pytest.mark.parametrize("name", ["content", "thought"])
async def test_a_memory_may_be_as_long_as_a_message(town: Town, name: str) -> None:
    longest = "ß" * (Platform().max_content // 2)
    stored = await store(town, town.scout, **{name: longest})
    assert stored[name] == longest
    answer = await post(town, town.scout, {**SHARED, name: longest + "x"})
    assert list(refused(answer, 422, "validation_error")) == [f"/memory/{name}"]


async def test_a_memory_about_a_room_is_one_if_its_author_is_in_it(town: Town) -> None:
    room, other = await town.room(town.scout), await town.room(town.muse)
    about = await store(town, town.scout, room)
    shown = data(await read(town, town.alice, about["id"]))
    assert (shown["subject_id"], shown["chat_room_id"]) == (room, room)
    for unknown in (other, NOBODY):
        stored = await store(town, town.scout, unknown, scope="organization")
        shown = data(await read(town, town.alice, stored["id"]))
        assert (shown["subject_id"], shown["chat_room_id"]) == (unknown, None)
    data(await town.http.delete(f"/me/chats/{room}/participants/{town.scout.id}", headers=by(town.alice)))
    after = await store(town, town.scout, room, scope="organization")
    assert data(await read(town, town.alice, after["id"]))["chat_room_id"] is None
    assert data(await read(town, town.alice, about["id"]))["chat_room_id"] == room


async def test_whether_a_subject_exists_cannot_be_told(town: Town) -> None:
    room = await town.room(town.scout)
    answers = [await store(town, town.spy, id) for id in (town.alice.id, town.scout.id, room, NOBODY)]
    known = {"id", "subject_id", "inserted_at", "updated_at"}
    rest = [{name: value for name, value in one.items() if name not in known} for one in answers]
    assert all(one == rest[0] for one in rest)


# Agents


async def test_agents_of_an_organisation_read_each_others_memories_and_change_only_their_own(
    town: Town,
) -> None:
    they = await firm(town)
    stored = await store(town, they.scout, they.ann.id)
    for reader in (they.scout, they.muse, they.rover):
        assert data(await read(town, reader, stored["id"])) == stored
    for other in (they.muse, they.rover):
        for what in ("supersede", "archive", "delete"):
            assert refused(await order(town, other, stored["id"], what), 403, "forbidden") == {}
    assert data(await read(town, they.scout, stored["id"])) == stored


@pytest.mark.parametrize("what", ["read", "supersede", "archive", "delete"])
async def test_a_memory_of_another_organisation_is_as_if_it_were_not(town: Town, what: str) -> None:
    stored = await store(town, town.scout, town.spy.id)
    ids = (stored["id"], NOBODY)
    answers = [
        await (read(town, town.spy, i) if what == "read" else order(town, town.spy, i, what)) for i in ids
    ]
    same_refusal(*answers)
    assert data(await read(town, town.scout, stored["id"])) == stored


@pytest.mark.parametrize(
    ("what", "status"),
    [("supersede", "superseded"), ("delete", "superseded"), ("archive", "archived")],
)
async def test_an_author_puts_a_memory_away(town: Town, what: str, status: str) -> None:
    they = await firm(town)
    stored, other = await store(town, they.scout), await store(town, they.scout)
    put_away = data(await order(town, they.scout, stored["id"], what))
    assert put_away["updated_at"] > stored["updated_at"]
    assert put_away == {**stored, "status": status, "updated_at": put_away["updated_at"]}
    assert data(await order(town, they.scout, stored["id"], what)) == put_away
    assert data(await read(town, they.muse, stored["id"])) == put_away
    assert await listed(town, they.scout) == [other["id"]]
    assert await listed(town, they.scout, status=status) == [stored["id"]]
    assert await listed(town, they.scout, status="all") == [other["id"], stored["id"]]


async def test_what_is_superseded_stays_so(town: Town) -> None:
    stored = await store(town, town.scout)
    for what, status in [("archive", "archived"), ("supersede", "superseded"), ("archive", "superseded")]:
        assert data(await order(town, town.scout, stored["id"], what))["status"] == status


async def test_an_agent_neither_restores_nor_erases(town: Town) -> None:
    stored = await store(town, town.scout)
    data(await order(town, town.scout, stored["id"], "archive"))
    refused(await order(town, town.scout, stored["id"], "restore"), 404, "not_found")
    data(await order(town, town.scout, stored["id"], "delete"))
    assert data(await read(town, town.scout, stored["id"]))["status"] == "superseded"


# People


CHANGES = ["supersede", "archive", "restore", "delete"]


@dataclass(frozen=True)
class Kinds:
    """Memories by what they are to Alice."""

    about: list[str]
    visible: list[str]
    hidden: list[str]


async def kinds(town: Town) -> Kinds:
    room = await town.room(town.scout)
    foreign = data(await town.http.post("/agent/chats", json={"chat": {}}, headers=by(town.scout)), 201)
    stored = {
        "about": [
            await store(town, town.rover, town.alice.id),
            await store(town, town.scout, town.alice.id, scope="organization"),
        ],
        "visible": [
            await store(town, town.scout),
            await store(town, town.scout, town.bob.id, scope="organization"),
            await store(town, town.scout, room),
        ],
        "hidden": [
            await store(town, town.scout, town.bob.id),
            await store(town, town.scout, town.scout.id),
            await store(town, town.scout, NOBODY),
            await store(town, town.scout, foreign["id"]),
            await store(town, town.spy, town.alice.id),
            await store(town, town.spy),
        ],
    }
    return Kinds(**{name: [one["id"] for one in several] for name, several in stored.items()})


async def test_people_see_what_concerns_them_and_change_what_is_about_them(town: Town) -> None:
    them = await kinds(town)
    for id in [*them.about, *them.visible]:
        assert data(await read(town, town.alice, id))["status"] == "active"
    for id in them.visible:
        for what in CHANGES:
            assert refused(await order(town, town.alice, id, what), 403, "forbidden") == {}
        assert data(await read(town, town.alice, id))["status"] == "active"
    for id in them.hidden:
        same_refusal(await read(town, town.alice, id), await read(town, town.alice, NOBODY))
        for what in CHANGES:
            same_refusal(await order(town, town.alice, id, what), await order(town, town.alice, NOBODY, what))


async def test_a_persons_whole_life_with_a_memory(town: Town) -> None:
    they = await firm(town)
    stored = {**await store(town, they.rover, they.ann.id), "chat_room_id": None}

    async def ordered(what: str, status: str) -> None:
        shown = data(await order(town, they.ann, stored["id"], what))
        assert shown == {**stored, "status": status, "updated_at": shown["updated_at"]}
        assert await listed(town, they.ann, status=status) == [stored["id"]]
        assert await listed(town, they.ann) == ([stored["id"]] if status == "active" else [])

    async def not_restored() -> None:
        answer = await order(town, they.ann, stored["id"], "restore")
        assert list(refused(answer, 422, "validation_error")) == ["/status"]

    await not_restored()
    await ordered("archive", "archived")
    await ordered("restore", "active")
    await not_restored()
    await ordered("archive", "archived")
    await ordered("supersede", "superseded")
    await not_restored()


async def test_what_a_person_deletes_is_gone_for_everybody(town: Town) -> None:
    they = await firm(town)
    stored, other = await store(town, they.scout, they.ann.id), await store(town, they.scout, they.ann.id)
    answer = await order(town, they.ann, stored["id"], "delete")
    assert (answer.status_code, answer.content) == (204, b"")
    for who in (they.ann, they.scout):
        refused(await read(town, who, stored["id"]), 404, "not_found")
    for what in CHANGES:
        refused(await order(town, they.ann, stored["id"], what), 404, "not_found")
    assert await listed(town, they.scout, scope="all", status="all") == [other["id"]]
    assert await listed(town, they.ann, status="all") == [other["id"]]


async def test_a_memory_of_a_room_is_seen_by_those_who_are_in_it(town: Town) -> None:
    room = await town.room(town.scout, town.bob)
    stored = await store(town, town.scout, room)
    assert stored["id"] in await listed(town, town.bob, chat_room_id=room)
    data(await town.http.delete(f"/me/chats/{room}/participants/{town.bob.id}", headers=by(town.alice)))
    same_refusal(await read(town, town.bob, stored["id"]), await read(town, town.bob, NOBODY))
    assert await listed(town, town.bob, chat_room_id=room) == []
    assert await listed(town, town.alice, chat_room_id=room) == [stored["id"]]


async def test_of_a_room_one_is_not_in_there_is_nothing_not_even_what_is_for_everybody(town: Town) -> None:
    room = await town.room(town.scout)
    stored = await store(town, town.scout, room, scope="organization")
    assert await listed(town, town.alice, chat_room_id=room) == [stored["id"]]
    assert data(await read(town, town.bob, stored["id"]))["chat_room_id"] == room
    for scope in ("about_me", "organization", "room", "all"):
        assert await listed(town, town.bob, chat_room_id=room, scope=scope) == []


# Lists


async def test_an_agent_lists_by_scope_and_subject(town: Town) -> None:
    they = await firm(town)
    shared = (await store(town, they.rover))["id"]
    of_ann = (await store(town, they.rover, they.ann.id))["id"]
    both = (await store(town, they.rover, they.ann.id, scope="organization"))["id"]
    of_scout = (await store(town, they.rover, they.scout.id))["id"]
    written = (await store(town, they.scout, they.ben.id))["id"]
    other = (await store(town, they.rover, they.ben.id))["id"]
    foreign = (await store(town, town.spy, they.ann.id))["id"]

    ann = they.ann.id
    assert await listed(town, they.scout) == [both, shared]
    assert await listed(town, they.scout, subject_id=ann) == [both, of_ann, shared]
    assert await listed(town, they.scout, scope="subject") == [written, of_scout]
    assert await listed(town, they.scout, scope="subject", subject_id=ann) == [of_ann]
    assert await listed(town, they.scout, scope="organization") == [both, shared]
    assert await listed(town, they.scout, scope="organization", subject_id=ann) == [both]
    everything = [other, written, of_scout, both, of_ann, shared]
    assert await listed(town, they.scout, scope="all") == everything
    assert await listed(town, they.scout, scope="all", subject_id=ann) == [both, of_ann]
    assert await listed(town, they.scout, scope="all", subject_id=NOBODY) == []
    assert await listed(town, town.spy, scope="all", subject_id=ann) == [foreign]


async def test_a_person_lists_by_scope_and_room(town: Town) -> None:
    they = await firm(town)
    room = (await town.here.room(they.ann, they.scout)).id
    shared = (await store(town, they.rover))["id"]
    about = (await store(town, they.rover, they.ann.id))["id"]
    of_room = (await store(town, they.scout, room))["id"]
    both = (await store(town, they.scout, room, scope="organization"))["id"]
    await store(town, they.rover, they.ben.id)
    await store(town, town.spy, they.ann.id)

    assert await listed(town, they.ann, scope="about_me") == [about]
    assert await listed(town, they.ann, scope="organization") == [both, shared]
    assert await listed(town, they.ann, scope="room") == [both, of_room]
    for everything in ({}, {"scope": "all"}):
        assert await listed(town, they.ann, **everything) == [both, of_room, about, shared]
    assert await listed(town, they.ann, chat_room_id=room) == [both, of_room]
    assert await listed(town, they.ann, chat_room_id=room, scope="organization") == [both]
    assert await listed(town, they.ann, chat_room_id=room, scope="about_me") == []
    assert await listed(town, they.ann, chat_room_id=NOBODY) == []


async def test_both_lists_filter_by_what_a_memory_is(town: Town) -> None:
    they = await firm(town)
    first = (await store(town, they.scout, system="sensory", type="haptic", segment="tool"))["id"]
    second = (await store(town, they.scout, system="working", type="semantic", segment="guideline"))["id"]
    third = (await store(town, they.scout, system="working", type="episodic", segment="tool"))["id"]
    cases: list[tuple[dict[str, str], list[str]]] = [
        ({}, [third, second, first]),
        ({"system": "working"}, [third, second]),
        ({"type": "haptic"}, [first]),
        ({"segment": "tool"}, [third, first]),
        ({"system": "working", "segment": "tool"}, [third]),
        ({"system": "sensory", "type": "semantic"}, []),
    ]
    for query, expected in cases:
        for who in (they.scout, they.ann):
            assert await listed(town, who, **query) == expected


TEXTS = [
    "Likes green TEA, no sugar",
    "Green is the colour of 100% of her teapots",
    "snake_case! \\o/ [a-z]",
    "Trinkt in der ÜBERSEESTRASSE Tee",
    "ΜΟΥΣΙΚΗ: ὀδυσσεύς",
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tea", [0, 1]),
        ("GREEN tea", [0, 1]),
        ("tea green sugar", [0]),
        ("tea coffee", []),
        ("  \t", [0, 1, 2, 3, 4]),
        ("", [0, 1, 2, 3, 4]),
        ("%", [1]),
        ("100%", [1]),
        ("1%0", []),
        ("_", [2]),
        ("snake_case", [2]),
        ("snake-case", []),
        ("t_a", []),
        ("!", [2]),
        ("!%", []),
        ("\\", [2]),
        ("\\o/", [2]),
        ("[a-z]", [2]),
        ("'", []),
        ("überseestraße", [3]),
        ("Überseestrasse TEE", [3]),
        ("μουσική", []),
        ("μουσικη ὈΔΥΣΣΕΎΣ", [4]),
    ],
)
async def test_a_search_finds_what_has_all_its_words_in_any_case(
    texts: tuple[Town, Firm, list[str]], query: str, found: list[int]
) -> None:
    town, they, ids = texts
    for who in (they.scout, they.ann):
        assert await listed(town, who, content_query=query) == [ids[n] for n in reversed(found)]


@pytest.fixture(scope="module")
async def texts(town: Town) -> tuple[Town, Firm, list[str]]:
    """An organisation that remembers `TEXTS`, and the ids of them."""
    they = await firm(town)
    return town, they, [(await store(town, they.scout, content=text))["id"] for text in TEXTS]


async def test_the_thought_is_not_searched(town: Town) -> None:
    they = await firm(town)
    await store(town, they.scout, content="Likes tea", thought="coffee")
    assert await listed(town, they.scout, content_query="coffee") == []


async def test_as_many_words_as_a_query_holds_can_be_searched_for(town: Town) -> None:
    they = await firm(town)
    letters = " ".join(map(chr, range(0x4E00, 0x4E00 + 250)))
    stored = await store(town, they.scout, content=letters)
    assert await listed(town, they.scout, content_query=letters) == [stored["id"]]
    for who in (they.scout, they.ann):
        query = {"content_query": letters + " xx"}
        answer = await town.http.get(f"{side(who)}/memories", params=query, headers=by(who))
        assert list(refused(answer, 422, "validation_error")) == ["/content_query"]


@pytest.mark.parametrize(
    ("asked", "given"), [(None, 20), (3, 3), (50, 50), (51, 50), (10**30, 50), (1, 1), (0, 1), (-7, 1)]
)
async def test_the_size_of_a_list_is_clamped(
    many: tuple[Town, Firm, list[str]], asked: int | None, given: int
) -> None:
    town, they, ids = many
    for who in (they.scout, they.ann):
        query = {} if asked is None else {"page_size": asked}
        found = await town.get(who, f"{side(who)}/memories", **query)
        assert [one["id"] for one in found["data"]] == ids[::-1][:given]
        assert found["meta"] == {"page_size": given, "total_count": len(ids)}


@pytest.fixture(scope="module")
async def many(town: Town) -> tuple[Town, Firm, list[str]]:
    """An organisation that remembers more than a list holds."""
    they = await firm(town)
    return town, they, [(await store(town, they.scout))["id"] for _ in range(53)]


async def test_memories_of_one_moment_are_listed_by_id(town: Town) -> None:
    they = await firm(town)
    ids = [(await store(town, they.scout))["id"] for _ in range(5)]
    async with opened(town.here.folder) as (db, _):
        moment = "UPDATE memories SET inserted_at = '2026-03-01T00:00:00.000000Z' WHERE source_agent_id = ?"
        await db.write(lambda tx: tx.run(moment, they.scout.id))
    for who in (they.scout, they.ann):
        assert await listed(town, who) == sorted(ids)


async def test_an_empty_list_says_so(town: Town) -> None:
    they = await firm(town)
    for who in (they.scout, they.ann):
        found = await town.get(who, f"{side(who)}/memories")
        assert found == {"data": [], "meta": {"page_size": 0, "total_count": 0}}


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        *((path, "system", "short_term") for path in ("/agent", "/me")),
        *((path, "type", "vague") for path in ("/agent", "/me")),
        *((path, "segment", "people") for path in ("/agent", "/me")),
        *((path, "status", "gone") for path in ("/agent", "/me")),
        *((path, "page_size", "many") for path in ("/agent", "/me")),
        *((path, "page", "1") for path in ("/agent", "/me")),
        ("/agent", "scope", "about_me"),
        ("/agent", "subject_id", "alice"),
        ("/agent", "chat_room_id", NOBODY),
        ("/me", "scope", "subject"),
        ("/me", "chat_room_id", "room"),
        ("/me", "subject_id", NOBODY),
    ],
)
async def test_a_filter_that_does_not_fit_is_named(town: Town, path: str, name: str, value: str) -> None:
    who = town.scout if path == "/agent" else town.alice
    answer = await town.http.get(f"{path}/memories", params={name: value}, headers=by(who))
    assert list(refused(answer, 422, "validation_error")) == [f"/{name}"]


# Whatever is remembered and asked for

SYSTEMS, KINDS = get_args(MemorySystem), get_args(MemoryType)
SEGMENTS, STATES = get_args(Segment), get_args(MemoryStatus)
WORDS = ["Tea", "green", "ÜBER", "100%", "a_b", "straße"]


@dataclass(frozen=True, repr=False)
class Archive:
    """Many memories of two organisations, as people read them; each reader's rooms and organisation."""

    town: Town
    readers: dict[str, Somebody]
    subjects: dict[str, str]
    rooms: dict[str, set[str]]
    home: dict[str, str]
    memories: list[Json]


@pytest.fixture(scope="module")
async def archive(town: Town) -> Archive:
    they, others, dice = await firm(town), await firm(town), random.Random(7)
    first = (await town.here.room(they.ann, they.scout)).id
    second = (await town.here.room(they.ben, they.rover)).id
    readers = {"ann": they.ann, "ben": they.ben, "scout": they.scout, "muse": they.muse, "rover": they.rover}
    readers["spy"] = others.scout
    subjects = {"first": first, "second": second, **{name: one.id for name, one in readers.items()}}
    rooms = {they.ann.id: {first}, they.scout.id: {first}, they.ben.id: {second}, they.rover.id: {second}}
    authors = [they.scout, they.muse, they.rover, others.scout]
    memories = [await recalled(town, dice, dice.choice(authors), subjects, rooms) for _ in range(90)]
    of = {one["source_agent_id"]: one["organization_id"] for one in memories}
    home = {one.id: of[one.id if name == "spy" else they.scout.id] for name, one in readers.items()}
    return Archive(town, readers, subjects, rooms, home, memories)


async def recalled(
    town: Town, dice: random.Random, author: Somebody, subjects: dict[str, str], rooms: dict[str, set[str]]
) -> Json:
    """A memory that is stored and then perhaps put away, with the room it is about."""
    system = dice.choice(SYSTEMS)
    about = dice.choice([*subjects.values()])
    stored = await store(
        town,
        author,
        about,
        scope=dice.choice(["subject", "organization"]),
        system=system,
        type=dice.choice(KINDS[:3] if system == "sensory" else KINDS[3:]),
        segment=dice.choice(SEGMENTS),
        content=" ".join(dice.sample(WORDS, 3)),
    )
    what = dice.choice([None, None, "supersede", "archive"])
    if what:
        stored = data(await order(town, author, stored["id"], what))
    return {**stored, "chat_room_id": about if about in rooms.get(author.id, ()) else None}


def asked(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Any query; `more` are the parameters of one side alone."""
    return st.fixed_dictionaries(
        {},
        optional={
            "system": st.sampled_from(SYSTEMS),
            "type": st.sampled_from(KINDS),
            "segment": st.sampled_from(SEGMENTS),
            "status": st.sampled_from([*STATES, "all", "all", "all"]),
            "content_query": st.lists(st.sampled_from(["TEA", "e", "über", "0%", "_", "SS"]), max_size=3).map(
                " ".join
            ),
            "page_size": st.integers(-1, 60),
            **more,
        },
    )


def fits(query: Json, memory: Json) -> bool:
    """The filters that both sides have."""
    equal = [query.get(name, memory[name]) == memory[name] for name in ("system", "type", "segment")]
    words = query.get("content_query", "").casefold().split()
    status = query.get("status", "active") in ("all", memory["status"])
    return all(equal) and status and all(word in memory["content"].casefold() for word in words)


async def check(archive: Archive, who: Somebody, query: Json, expected: list[Json]) -> None:
    """Compare a list with what is expected, in whatever order that is."""
    newest_first = sorted(expected, key=lambda one: one["id"])
    newest_first.sort(key=lambda one: str(one["inserted_at"]), reverse=True)
    found = await archive.town.get(who, f"{side(who)}/memories", **query)
    size = min(max(query.get("page_size", 20), 1), 50)
    hidden = {"chat_room_id"} if side(who) == "/agent" else set()
    shown = [{name: one[name] for name in one.keys() - hidden} for one in newest_first[:size]]
    assert found["data"] == shown
    assert found["meta"] == {"page_size": len(shown), "total_count": len(expected)}


PLACES = ["first", "second", "ann", "ben", "scout", "spy"]


@settings(max_examples=200)
@given(
    name=st.sampled_from(["scout", "muse", "rover", "spy"]),
    query=asked(
        scope=st.sampled_from(["subject", "organization", "all"]), subject_id=st.sampled_from(PLACES)
    ),
)
async def test_an_agent_finds_what_a_plain_model_finds(archive: Archive, name: str, query: Json) -> None:
    who, subject = archive.readers[name], archive.subjects.get(query.get("subject_id", ""))
    query = {**query, "subject_id": subject} if subject else query

    def in_scope(memory: Json) -> Any:
        about, shared = memory["subject_id"] == subject, memory["scope"] == "organization"
        match query.get("scope"):
            case None:
                return shared or about
            case "all":
                return subject is None or about
            case "organization":
                return shared and (subject is None or about)
        own = who.id in (memory["source_agent_id"], memory["subject_id"])
        return not shared and (about if subject else own)

    here = [one for one in archive.memories if one["organization_id"] == archive.home[who.id]]
    await check(archive, who, query, [one for one in here if fits(query, one) and in_scope(one)])


@settings(max_examples=200)
@given(
    name=st.sampled_from(["ann", "ben"]),
    query=asked(
        scope=st.sampled_from(["about_me", "organization", "room", "all"]),
        chat_room_id=st.sampled_from(["first", "second"]),
    ),
)
async def test_a_person_finds_what_a_plain_model_finds(archive: Archive, name: str, query: Json) -> None:
    who, room = archive.readers[name], archive.subjects.get(query.get("chat_room_id", ""))
    query = {**query, "chat_room_id": room} if room else query

    def in_scope(memory: Json) -> Any:
        reasons = {
            "about_me": memory["subject_id"] == who.id,
            "organization": memory["scope"] == "organization",
            "room": memory["chat_room_id"] in archive.rooms[who.id],
        }
        in_room = room is None or (memory["chat_room_id"] == room and reasons["room"])
        return in_room and reasons.get(query.get("scope", "all"), any(reasons.values()))

    here = [one for one in archive.memories if one["organization_id"] == archive.home[who.id]]
    await check(archive, who, query, [one for one in here if fits(query, one) and in_scope(one)])
