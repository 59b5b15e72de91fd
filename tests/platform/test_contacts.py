"""Who knows whom: the records, removing them, and what being in contact is good for."""

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import httpx2
import pytest

from tests.home import opened
from tests.platform.conftest import MEMORY
from tests.platform.knowing import (
    act,
    ask,
    asked,
    befriend,
    contact,
    contacts,
    deleted,
    heard,
    listening,
    remove,
    waiting,
)
from tests.platform.line import line
from tests.platform.town import NOBODY, Json, Town, by, data, example, is_time, refused, side, town_on
from tests.world import Somebody, world
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Route
from thenvoi_bridge.settings import Platform

SPELLINGS = [(kind, route) for kind in CALLS if kind.group() == "contacts" for route in kind.routes()]
"""Every call about contacts, in the older spellings, too."""


async def send(
    town: Town, kind: type[Call[Any]], route: Route, who: Somebody | None, **headers: str
) -> httpx2.Response:
    path = route.template.removeprefix("/api/v1").format(request_id=NOBODY, contact_id=NOBODY)
    body = example(kind).body if route.has_body else None
    if "handle" in kind.model_fields and route.has_body:
        body = {"handle": "nobody.at.all", **(body or {})}
    headers |= by(who) if who else {}
    return await town.http.request(route.method, path, json=body, headers=headers)


# Who is let in


@pytest.mark.parametrize(("kind", "route"), SPELLINGS, ids=lambda value: getattr(value, "path", ""))
async def test_every_spelling_asks_for_a_key_of_its_side(
    town: Town, kind: type[Call[Any]], route: Route
) -> None:
    right, wrong = (town.scout, town.alice) if route.side == "agent" else (town.alice, town.scout)
    refused(await send(town, kind, route, None), 401, "unauthorized")
    refused(await send(town, kind, route, right, Authorization="Bearer x"), 401, "unauthorized")
    refused(await send(town, kind, route, wrong), 403, "forbidden")
    answer = await send(town, kind, route, right)
    if route.method == "GET":
        assert answer.status_code == 200
    else:
        refused(answer, 404, "not_found")


# Resolving


@pytest.mark.parametrize("handle", ["mallory.moe", "@mallory.moe", "@Mallory.Moe"])
async def test_a_person_is_found_by_handle_without_the_email_address(town: Town, handle: str) -> None:
    answer = await town.http.post("/me/contacts/resolve", json={"handle": handle}, headers=by(town.alice))
    shown = {"id": town.mallory.id, "type": "User", "handle": "mallory.moe", "name": "Mallory Moe"}
    assert data(answer) == shown
    await befriend(town, ann := await town.newcomer(), ben := await town.newcomer())
    answer = await town.http.post("/me/contacts/resolve", json={"handle": ben.handle}, headers=by(ann))
    assert set(data(answer)) == set(shown)


async def test_an_agent_is_found_by_handle(town: Town) -> None:
    answer = await town.http.post(
        "/me/contacts/resolve", json={"handle": "@bob.roe/rover"}, headers=by(town.alice)
    )
    assert data(answer) == {
        "id": town.rover.id,
        "type": "Agent",
        "handle": "bob.roe/rover",
        "name": "Rover",
    }


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ({"handle": "nobody.at.all"}, 404, []),
        ({"handle": "@"}, 404, []),
        ({}, 422, ["/handle"]),
        ({"handle": ""}, 422, ["/handle"]),
        ({"handle": "x", "email": "y"}, 400, ["/email"]),
    ],
)
async def test_a_handle_that_leads_nowhere(town: Town, body: Json, status: int, pointers: list[str]) -> None:
    code = {400: "bad_request", 404: "not_found", 422: "validation_error"}[status]
    answer = await town.http.post("/me/contacts/resolve", json=body, headers=by(town.alice))
    assert list(refused(answer, status, code)) == pointers


# Listing


async def test_a_person_sees_a_person(town: Town) -> None:
    ann, ben = await town.newcomer(), await town.newcomer()
    await befriend(town, ann, ben)
    known = await contact(town, ann)
    assert is_time(known["inserted_at"])
    email = known["user"].pop("email")
    assert email.endswith(".example")
    assert "@" in email
    assert known == {
        "id": known["id"],
        "contact_id": ben.id,
        "contact_type": "User",
        "status": "active",
        "source": "request",
        "user": {"id": ben.id, "name": ben.name, "handle": ben.handle},
        "online": False,
        "inserted_at": known["inserted_at"],
    }


async def test_a_person_sees_an_agent_and_the_agent_the_person(town: Town) -> None:
    ann, ben = await town.newcomer(), await town.newcomer()
    pet = await town.here.agent(ben, "Pet")
    await befriend(town, ann, pet)
    known = await contact(town, ann)
    assert (known["contact_id"], known["contact_type"]) == (pet.id, "Agent")
    assert known["user"] == {"id": pet.id, "name": "Pet", "handle": pet.handle, "email": None}
    seen = await contact(town, pet)
    assert is_time(seen["inserted_at"])
    assert seen["id"] != known["id"]
    assert seen == {
        "id": seen["id"],
        "handle": ann.handle,
        "name": ann.name,
        "type": "User",
        "description": None,
        "is_external": None,
        "online": False,
        "inserted_at": seen["inserted_at"],
    }


async def test_an_agent_sees_what_another_agent_is(town: Town) -> None:
    ann, ben = [await town.here.agent(await town.newcomer(), name) for name in ("Ant", "Bee")]
    await befriend(town, ann, ben)
    seen = await contact(town, ann)
    assert (seen["handle"], seen["type"], seen["is_external"]) == (ben.handle, "Agent", True)
    assert seen["description"].startswith("Bee of Newcomer")


@pytest.mark.parametrize("kind", ["person", "agent"])
async def test_contacts_come_newest_first_and_in_pages(town: Town, kind: str) -> None:
    who = await town.newcomer()
    who = await town.here.agent(who, "Pet") if kind == "agent" else who
    handles: list[str] = []
    for _ in range(3):
        other = await town.newcomer()
        await befriend(town, who, other)
        handles.insert(0, other.handle)
    path = f"{side(who)}/contacts"
    pages = [await town.get(who, path, page=page, page_size=2) for page in (1, 2, 3)]
    shown = [[one.get("handle") or one["user"]["handle"] for one in page["data"]] for page in pages]
    assert shown == [handles[:2], handles[2:], []]
    info = pages[0]["metadata"]
    assert info.items() >= {"page": 1, "page_size": 2, "total_count": 3, "total_pages": 2}.items()


@pytest.mark.parametrize("query", [{"page": "0"}, {"page_size": "101"}, {"status": "active"}])
async def test_a_list_that_cannot_be_had_is_refused(town: Town, query: dict[str, str]) -> None:
    for who in (town.alice, town.scout):
        answer = await town.http.get(f"{side(who)}/contacts", params=query, headers=by(who))
        assert list(refused(answer, 422, "validation_error")) == [f"/{name}" for name in query]


async def test_it_is_shown_who_is_connected(town: Town) -> None:
    ann, pet = await town.newcomer(), await town.here.agent(await town.newcomer(), "Pet")
    await befriend(town, ann, pet)
    async with line(town.here.url, pet) as on:
        await on.join(f"agent_contacts:{pet.id}")
        assert (await contact(town, ann))["online"] is True
        assert (await contact(town, pet))["online"] is False


async def test_contacts_are_nobody_elses_business(town: Town) -> None:
    ann, ben = await town.newcomer(), await town.newcomer()
    await befriend(town, ann, ben)
    record = (await contact(town, ann))["id"]
    await asked(town, await town.newcomer(), ann)
    for stranger in (town.mallory, town.spy):
        assert await contacts(town, stranger) == []
        assert await waiting(town, stranger) == []
        refused(await remove(town, stranger, contact_id=record), 404, "not_found")
    refused(await remove(town, ben, contact_id=record), 404, "not_found")  # the other side's is another
    assert (await contact(town, ann))["id"] == record


# Removing

REMOVALS = ["contact_id", "handle", "older"]


async def removed(town: Town, who: Somebody, whom: Somebody, way: str) -> httpx2.Response:
    """Remove somebody's only contact in one of the ways there are."""
    record = (await contact(town, who))["id"]
    if way == "older" and side(who) == "/me":
        return await town.http.delete(f"/me/contacts/{record}", headers=by(who))
    if way == "handle":
        return await remove(town, who, handle="@" + whom.handle.upper())
    return await remove(town, who, contact_id=record, handle=None)


@pytest.mark.parametrize("way", REMOVALS)
@pytest.mark.parametrize("kind", ["person", "agent"])
async def test_a_contact_is_removed_on_one_side(town: Town, kind: str, way: str) -> None:
    who, other = await town.newcomer(), await town.newcomer()
    who = await town.here.agent(who, "Pet") if kind == "agent" else who
    await befriend(town, who, other)
    kept = await contact(town, other)
    assert data(await removed(town, who, other, way)) == {"status": "removed"}
    assert await contacts(town, who) == []
    assert await contacts(town, other) == [kept]
    refused(await remove(town, who, handle=other.handle), 404, "not_found")
    refused(await remove(town, who, contact_id=kept["id"]), 404, "not_found")


async def test_a_record_wins_over_a_handle(town: Town) -> None:
    ann, ben, cat = [await town.newcomer() for _ in range(3)]
    await befriend(town, ann, ben)
    record = (await contact(town, ann))["id"]
    await befriend(town, ann, cat)
    refused(await remove(town, ann, contact_id=NOBODY, handle=ben.handle), 404, "not_found")
    data(await remove(town, ann, contact_id=record, handle=cat.handle))
    assert (await contact(town, ann))["contact_id"] == cat.id


@pytest.mark.parametrize(
    ("content", "status", "pointers"),
    [
        ("", 400, []),
        ("{}", 400, []),
        ('{"handle": null, "contact_id": null}', 400, []),
        ('{"handle": "x", "colour": "red"}', 400, ["/colour"]),
        ('{"handle": " "}', 422, ["/handle"]),
        ('{"contact_id": 7}', 422, ["/contact_id"]),
        ('{"handle": "nobody.at.all"}', 404, []),
        ('{"handle": "alice.doe"}', 404, []),
    ],
)
async def test_a_removal_that_does_not_fit_is_refused(
    town: Town, content: str, status: int, pointers: list[str]
) -> None:
    code = {400: "bad_request", 404: "not_found", 422: "validation_error"}[status]
    for who in (town.alice, town.scout):
        headers = {**by(who), "Content-Type": "application/json"}
        answer = await town.http.post(f"{side(who)}/contacts/remove", content=content, headers=headers)
        assert list(refused(answer, status, code)) == pointers


async def test_a_record_that_is_not_there_cannot_be_deleted(town: Town) -> None:
    for id in (NOBODY, "é"):
        answer = await town.http.delete(f"/me/contacts/{id}", headers=by(town.alice))
        refused(answer, 404, "not_found")


@pytest.fixture(scope="module")
async def strict() -> AsyncGenerator[Town]:
    """A town where removing a contact removes it for both."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        async with (
            world(Path(folder) / "platform", Platform(remove_both_sides=True)) as here,
            httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
        ):
            yield await town_on(here, http)


@pytest.mark.parametrize("way", REMOVALS)
async def test_a_contact_is_removed_on_both_sides_where_that_is_the_rule(strict: Town, way: str) -> None:
    ann, ben = await strict.newcomer(), await strict.newcomer()
    await befriend(strict, ann, ben)
    data(await removed(strict, ann, ben, way))
    assert await contacts(strict, ann) == await contacts(strict, ben) == []
    await befriend(strict, ann, ben)  # as if it had never been


async def test_where_that_is_the_rule_each_side_is_told_of_its_own_record(strict: Town) -> None:
    ann, pet = await strict.newcomer(), await strict.here.agent(await strict.newcomer(), "Pet")
    await befriend(strict, ann, pet)
    records = [(await contact(strict, who))["id"] for who in (ann, pet)]
    async with listening(strict, ann) as hers, listening(strict, pet) as its:
        data(await remove(strict, pet, handle=ann.handle))
        assert await heard(strict, hers, ann) == [("contact_removed", {"id": records[0]})]
        assert await heard(strict, its, pet) == [("contact_removed", {"id": records[1]})]


# What it is good for


async def enters(town: Town, who: Somebody, room: str, whom: Somebody) -> httpx2.Response:
    body = {"participant": {"participant_id": whom.id}}
    return await town.http.post(f"{side(who)}/chats/{room}/participants", json=body, headers=by(who))


async def new_room(town: Town, who: Somebody) -> str:
    answer = await town.http.post(f"{side(who)}/chats", json={"chat": {}}, headers=by(who))
    return str(data(answer, 201)["id"])


@pytest.mark.parametrize("host", ["person", "agent"])
async def test_a_contact_of_another_organisation_may_be_brought_in_and_mentioned(
    town: Town, host: str
) -> None:
    who, other = await town.newcomer(), await town.newcomer()
    who = await town.here.agent(who, "Pet") if host == "agent" else who
    guest = await town.here.agent(other, "Guest")
    room = await new_room(town, who)
    refused(await enters(town, who, room, guest), 404, "not_found")
    request = await asked(town, who, guest)
    refused(await enters(town, who, room, guest), 404, "not_found")
    data(await act(town, guest, "approve", request))
    assert data(await enters(town, who, room, guest), 201)["handle"] == guest.handle
    message = await town.say(room, guest, who=who, text=f"@{guest.handle} welcome")
    said = data(await town.http.get(f"/agent/chats/{room}/messages/next", headers=by(guest)))
    assert (said["id"], said["content"]) == (message, f"@[[{guest.id}]] welcome")
    await town.say(room, who, who=guest, text="thank you")


async def test_who_is_no_contact_any_more_stays_where_they_are_but_enters_nothing_new(town: Town) -> None:
    ann, ben = await town.newcomer(), await town.newcomer()
    await befriend(town, ann, ben)
    room, other = await new_room(town, ann), await new_room(town, ann)
    data(await enters(town, ann, room, ben), 201)
    data(await remove(town, ann, handle=ben.handle))
    refused(await enters(town, ann, other, ben), 404, "not_found")
    assert [chat["id"] for chat in (await town.get(ben, "/me/chats"))["data"]] == [room]
    back = await new_room(town, ben)
    data(await enters(town, ben, back, ann), 201)  # whose own record is still there


# When somebody is deleted


async def test_nobody_knows_or_asks_a_deleted_agent(town: Town) -> None:
    owner, ann, ben, cat = [await town.newcomer() for _ in range(4)]
    pet, other = await town.here.agent(owner, "Pet"), await town.here.agent(ben, "Other")
    await befriend(town, ann, pet)
    await befriend(town, pet, other)
    to_pet, from_pet = await asked(town, ben, pet), await asked(town, pet, cat)
    await deleted(town, owner, pet)
    assert await contacts(town, ann) == await contacts(town, other) == []
    assert (await town.get(ann, "/me/peers"))["data"] == []
    assert await waiting(town, cat) == []
    (sent,) = (await town.get(ben, "/me/contacts/requests/sent"))["data"]
    assert (sent["id"], sent["status"]) == (to_pet, "cancelled")
    refused(await act(town, cat, "approve", from_pet), 409, "conflict")
    refused(await act(town, ben, "cancel", to_pet), 409, "conflict")
    refused(await ask(town, ann, pet.handle), 404, "not_found")
    refused(await remove(town, ann, handle=pet.handle), 404, "not_found")
    answer = await town.http.post("/me/contacts/resolve", json={"handle": pet.handle}, headers=by(ann))
    refused(answer, 404, "not_found")


async def test_nothing_is_kept_of_what_a_deleted_agent_knew(town: Town) -> None:
    owner, ann = await town.newcomer(), await town.newcomer()
    pet = await town.here.agent(owner, "Pet")
    await befriend(town, ann, pet)
    await deleted(town, owner, pet)
    sql: LiteralString = "SELECT * FROM contacts WHERE owner_id = ? OR contact_id = ?"
    async with opened(town.here.folder) as (db, _):
        assert await db.read(lambda tx: tx.all(sql, pet.id, pet.id)) == []


async def test_whoever_is_gone_is_nobodys_contact_whichever_way_they_went(town: Town) -> None:
    ann, ben = await town.newcomer(), await town.newcomer()
    pet = await town.here.agent(ann, "Pet")
    for who in (ann, pet):
        await befriend(town, who, ben)
    async with opened(town.here.folder) as (db, _):
        await db.write(lambda tx: tx.run("UPDATE actors SET deleted_at = 'now' WHERE id = ?", ben.id))
    for who in (ann, pet):
        body = await town.get(who, f"{side(who)}/contacts")
        assert (body["data"], body["metadata"]["total_count"]) == ([], 0)
        refused(await remove(town, who, handle=ben.handle), 404, "not_found")
        refused(await ask(town, who, ben.handle), 404, "not_found")
