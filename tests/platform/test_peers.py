"""Whom a caller could work with (rest.md 6.6)."""

from functools import partial

import pytest

from tests.platform.town import NOBODY, Json, Town, by, data, refused
from tests.world import Somebody
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.storage import Tx


async def two_of_a_firm(town: Town) -> tuple[Somebody, Somebody]:
    one, other = await town.here.person("Ann Ace", "Firm"), await town.here.person("Ben Box", "Firm")
    return one, other


@pytest.fixture(scope="module")
async def firm(town: Town) -> dict[str, Somebody]:
    """Two people of one organisation with two agents each."""
    ann, ben = await two_of_a_firm(town)
    owned = [(ann, "Ant"), (ann, "Ape"), (ben, "Bee"), (ben, "Bat")]
    return {"Ann": ann, "Ben": ben} | {name: await town.here.agent(owner, name) for owner, name in owned}


def names(body: Json) -> list[str]:
    return [peer["name"].split()[0] for peer in body["data"]]


async def test_an_agents_peers_are_its_siblings_and_its_owner(town: Town, firm: dict[str, Somebody]) -> None:
    assert names(await town.get(firm["Ant"], "/agent/peers")) == ["Ape", "Ann"]
    assert names(await town.get(firm["Bee"], "/agent/peers")) == ["Bat", "Ben"]


async def test_a_persons_peers_are_its_agents_and_its_colleagues(
    town: Town, firm: dict[str, Somebody]
) -> None:
    assert names(await town.get(firm["Ann"], "/me/peers")) == ["Ant", "Ape", "Ben"]
    assert names(await town.get(firm["Ann"], "/me/peers", type="User")) == ["Ben"]
    assert names(await town.get(firm["Ann"], "/me/peers", type="Agent")) == ["Ant", "Ape"]


async def test_a_peer_is_described(town: Town, firm: dict[str, Somebody]) -> None:
    agent, person = (await town.get(firm["Ant"], "/agent/peers"))["data"]
    assert agent == {
        "id": firm["Ape"].id,
        "type": "Agent",
        "name": "Ape",
        "handle": "ann.ace/ape",
        "description": "Ape of Ann Ace",
        "is_external": True,
        "is_contact": False,
        "source": "registry",
    }
    assert person == {
        "id": firm["Ann"].id,
        "type": "User",
        "name": "Ann Ace",
        "handle": "ann.ace",
        "description": None,
        "is_external": None,
        "is_contact": False,
        "source": "registry",
    }


async def test_peers_come_in_pages(town: Town, firm: dict[str, Somebody]) -> None:
    pages = [await town.get(firm["Ann"], "/me/peers", page=page, page_size=2) for page in (1, 2, 3)]
    assert [names(page) for page in pages] == [["Ant", "Ape"], ["Ben"], []]
    assert pages[1]["metadata"] == {"page": 2, "page_size": 2, "total_count": 3, "total_pages": 2}


async def test_those_who_are_in_a_room_can_be_left_out(town: Town, firm: dict[str, Somebody]) -> None:
    ann, ape, ant = firm["Ann"], firm["Ape"], firm["Ant"]
    room = (await town.here.room(ann, ant, ape)).id
    assert names(await town.get(ann, "/me/peers", not_in_chat=room)) == ["Ben"]
    assert names(await town.get(ant, "/agent/peers", not_in_chat=room)) == []
    data(await town.http.delete(f"/me/chats/{room}/participants/{ape.id}", headers=by(ann)))
    assert names(await town.get(ann, "/me/peers", not_in_chat=room)) == ["Ape", "Ben"]


async def test_a_room_one_is_not_in_cannot_be_asked_about(town: Town, firm: dict[str, Somebody]) -> None:
    room = (await town.here.room(firm["Ben"], firm["Bee"])).id
    for id in (room, NOBODY):
        for path, who in (("/me/peers", "Ann"), ("/agent/peers", "Ant")):
            answer = await town.http.get(path, params={"not_in_chat": id}, headers=by(firm[who]))
            refused(answer, 404, "not_found")


def alter(tx: Tx, id: str, change: str) -> None:
    if change == "global":
        tx.run("UPDATE actors SET is_global = 1 WHERE id = ?", id)
    else:
        tx.run("UPDATE actors SET deleted_at = 'now' WHERE id = ?", id)


async def test_a_global_agent_is_everybodys_peer_until_it_is_deleted(town: Town) -> None:
    loner, owner = await town.newcomer(), await town.newcomer()
    pet = await town.here.agent(loner, "Pet")
    helper = await town.here.agent(owner, "Helper")
    async with opened(town.here.folder) as (db, _):
        await db.write(partial(alter, id=helper.id, change="global"))
        try:
            assert names(await town.get(loner, "/me/peers")) == ["Pet", "Helper"]
            assert names(await town.get(pet, "/agent/peers")) == ["Helper", "Newcomer"]
            assert helper.name not in names(await town.get(helper, "/agent/peers"))
            room = (await town.here.room(loner, helper)).id
            assert room in [chat["id"] for chat in (await town.get(helper, "/agent/chats"))["data"]]
        finally:
            await db.write(partial(alter, id=helper.id, change="deleted"))
    assert names(await town.get(loner, "/me/peers")) == ["Pet"]
