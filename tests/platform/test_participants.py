"""Who is in a room: the roles of rest.md 6.7 over HTTP, and who may be brought in at all."""

from typing import get_args

import httpx2
import pytest

from tests.platform.town import NOBODY, Json, Town, by, data, info, refused, side
from tests.world import Somebody
from thenvoi_bridge.contract.participants import Role

ROLES: tuple[Role, ...] = get_args(Role)


async def add(town: Town, who: Somebody, room: str, id: str, role: str | None = None) -> httpx2.Response:
    body = {"participant": {"participant_id": id} | ({"role": role} if role else {})}
    return await town.http.post(f"{side(who)}/chats/{room}/participants", json=body, headers=by(who))


async def remove(town: Town, who: Somebody, room: str, id: str) -> httpx2.Response:
    return await town.http.delete(f"{side(who)}/chats/{room}/participants/{id}", headers=by(who))


async def roles(town: Town, room: str) -> dict[str, str]:
    """Who is in a room of Alice's, as which."""
    listed = await town.get(town.alice, f"/me/chats/{room}/participants")
    return {one["id"]: one["role"] for one in listed["data"]}


async def one_as(town: Town, role: Role) -> tuple[str, Somebody]:
    """A room and somebody who is in it in this role: Bob, or Alice where it takes the owner."""
    room = await town.room()
    if role == "owner":
        return room, town.alice
    data(await add(town, town.alice, room, town.bob.id, role), 201)
    return room, town.bob


ADDS = {("owner", "owner"), ("owner", "admin"), ("owner", "member"), ("admin", "admin"), ("admin", "member")}
ADDS |= {("member", "member")}
REMOVES = {("owner", "owner"), ("owner", "admin"), ("owner", "member"), ("admin", "member")}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("given", ROLES)
async def test_each_role_gives_what_it_may(town: Town, role: Role, given: Role) -> None:
    room, actor = await one_as(town, role)
    newcomer = town.scout if actor is town.alice else town.rover
    answer = await add(town, actor, room, newcomer.id, given)
    if (role, given) in ADDS:
        assert data(answer, 201)["role"] == given
        assert (await roles(town, room))[newcomer.id] == given
    else:
        refused(answer, 403, "forbidden")
        assert newcomer.id not in await roles(town, room)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("target", ROLES)
async def test_each_role_removes_whom_it_may(town: Town, role: Role, target: Role) -> None:
    room, actor = await one_as(town, role)
    data(await add(town, town.alice, room, town.scout.id, target), 201)
    answer = await remove(town, actor, room, town.scout.id)
    if (role, target) in REMOVES:
        assert data(answer)["status"] == "inactive"
        assert town.scout.id not in await roles(town, room)
    else:
        refused(answer, 403, "forbidden")
        assert (await roles(town, room))[town.scout.id] == target


@pytest.mark.parametrize("role", ["admin", "member"])
async def test_whoever_is_not_the_owner_may_leave(town: Town, role: Role) -> None:
    room, actor = await one_as(town, role)
    data(await remove(town, actor, room, actor.id))
    assert set(await roles(town, room)) == {town.alice.id}
    refused(await remove(town, actor, room, actor.id), 404, "not_found")


async def test_the_owner_cannot_leave(town: Town) -> None:
    room, owner = await one_as(town, "owner")
    refused(await remove(town, owner, room, owner.id), 403, "forbidden")
    assert await roles(town, room) == {owner.id: "owner"}


async def test_an_agent_cannot_remove_its_owner_even_from_its_own_room(town: Town) -> None:
    room = data(await town.http.post("/agent/chats", json={"chat": {}}, headers=by(town.scout)), 201)["id"]
    data(await add(town, town.scout, room, town.alice.id), 201)
    data(await add(town, town.scout, room, town.muse.id), 201)
    refused(await remove(town, town.scout, room, town.alice.id), 403, "forbidden")
    data(await remove(town, town.scout, room, town.muse.id))
    assert await roles(town, room) == {town.scout.id: "owner", town.alice.id: "member"}


@pytest.mark.parametrize("role", [None, *ROLES])
async def test_nobody_is_added_twice_in_whatever_role(town: Town, role: Role | None) -> None:
    room = await town.room(town.scout)
    assert refused(await add(town, town.alice, room, town.scout.id, role), 409, "conflict") == {}
    assert (await roles(town, room))[town.scout.id] == "member"


async def test_one_who_was_removed_may_be_added_again_in_another_role(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    before = await town.say(room, town.scout)
    data(await remove(town, town.alice, room, town.scout.id))
    back = data(await add(town, town.alice, room, town.scout.id, "admin"), 201)
    assert (back["role"], back["status"]) == ("admin", "active")
    assert list(await roles(town, room)) == [town.alice.id, town.muse.id, town.scout.id]
    waiting = data(await town.http.get(f"/agent/chats/{room}/messages/next", headers=by(town.scout)))
    assert waiting["id"] == before


async def test_a_participant_is_shown_alike_when_added_listed_and_removed(town: Town) -> None:
    room = await town.room()
    shown = {"id": town.scout.id, "type": "Agent", "role": "member", "name": "Scout"}
    shown |= {"handle": town.scout.handle, "status": "active"}
    assert data(await add(town, town.alice, room, town.scout.id), 201) == shown
    listed = data(await town.http.get(f"/agent/chats/{room}/participants", headers=by(town.scout)))
    assert listed == [
        {
            "id": town.alice.id,
            "type": "User",
            "role": "owner",
            "name": "Alice Doe",
            "handle": "alice.doe",
            "status": "active",
        },
        shown,
    ]
    assert data(await remove(town, town.alice, room, town.scout.id)) == {**shown, "status": "inactive"}


async def test_people_see_more_of_a_participant_and_may_ask_for_one_kind(town: Town) -> None:
    room = await town.room(town.scout)
    person, agent = (await town.get(town.alice, f"/me/chats/{room}/participants"))["data"]
    assert set(agent) == {"id", "type", "role", "status", "name", "handle", "description", "is_external"}
    assert (agent["description"], agent["is_external"]) == ("Scout of Alice Doe", True)
    assert (person["description"], person["is_external"]) == (None, None)
    for kind, one in (("User", person), ("Agent", agent)):
        only = await town.get(town.alice, f"/me/chats/{room}/participants", participant_type=kind)
        assert only == {"data": [one], "metadata": info(1, 1, 1, 1)}


async def test_participants_are_listed_as_they_joined(town: Town) -> None:
    members = [town.muse, town.bob, town.scout]
    room = await town.room(*members)
    assert list(await roles(town, room)) == [town.alice.id, *(one.id for one in members)]


async def test_only_peers_can_be_brought_in(town: Town) -> None:
    room = await town.room(town.scout)
    cases: list[tuple[Somebody, str, int]] = [
        (town.alice, town.rover.id, 403),  # an agent of a colleague's
        (town.scout, town.bob.id, 403),
        (town.scout, town.rover.id, 403),
        (town.alice, town.mallory.id, 404),
        (town.alice, town.spy.id, 404),
        (town.scout, town.mallory.id, 404),
        (town.alice, NOBODY, 404),
    ]
    before = await roles(town, room)
    for who, id, status in cases:
        answer = await add(town, who, room, id)
        refused(answer, status, {403: "forbidden", 404: "not_found"}[status])
    assert await roles(town, room) == before


async def test_those_of_other_organisations_look_like_nobody(town: Town) -> None:
    room = await town.room()
    bodies: list[Json] = []
    for id in (town.mallory.id, town.spy.id, NOBODY):
        body = (await add(town, town.alice, room, id)).json()["error"]
        bodies.append({name: value for name, value in body.items() if name != "request_id"})
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.parametrize("id", [NOBODY, "bob"])
async def test_whoever_is_not_in_the_room_cannot_be_removed(town: Town, id: str) -> None:
    room = await town.room()
    target = town.bob.id if id == "bob" else id
    refused(await remove(town, town.alice, room, target), 404, "not_found")


@pytest.mark.parametrize(
    ("participant", "pointer"),
    [
        ({}, "/participant/participant_id"),
        ({"participant_id": "a b"}, "/participant/participant_id"),
        ({"participant_id": 7}, "/participant/participant_id"),
        ({"participant_id": NOBODY, "role": "moderator"}, "/participant/role"),
    ],
)
async def test_an_addition_that_does_not_fit_is_refused(town: Town, participant: Json, pointer: str) -> None:
    room = await town.room()
    body = {"participant": participant}
    answer = await town.http.post(f"/me/chats/{room}/participants", json=body, headers=by(town.alice))
    assert list(refused(answer, 422, "validation_error")) == [pointer]
