"""Whom a caller could work with, and why."""

from collections.abc import AsyncGenerator
from functools import partial
from itertools import count

import pytest

from tests.home import opened
from tests.platform.knowing import asked, befriend, remove
from tests.platform.line import line
from tests.platform.town import NOBODY, Json, Town, by, data, refused, side
from tests.world import Somebody
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
        "online": False,
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
        "online": False,
    }


async def test_peers_come_in_pages(town: Town, firm: dict[str, Somebody]) -> None:
    pages = [await town.get(firm["Ann"], "/me/peers", page=page, page_size=2) for page in (1, 2, 3)]
    assert [names(page) for page in pages] == [["Ant", "Ape"], ["Ben"], []]
    info = pages[1]["metadata"]
    assert info.items() >= {"page": 2, "page_size": 2, "total_count": 3, "total_pages": 2}.items()


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


# Who is a peer of whom, and why


@pytest.fixture
async def shop(town: Town) -> AsyncGenerator[dict[str, Somebody]]:
    """Two people of one organisation and one of another, with agents, and one agent that is for all."""
    nth = next(_shops)
    ann, ben = [await town.here.person(name, f"Shop {nth}") for name in ("Ann", "Ben")]
    zoe = await town.here.person("Zoe", f"Zoo {nth}")
    owned = [(ann, "Ant"), (ann, "Ape"), (ben, "Bee"), (zoe, "Zebra"), (zoe, "All")]
    agents = {name: await town.here.agent(owner, name) for owner, name in owned}
    async with opened(town.here.folder) as (db, _):
        await db.write(partial(alter, id=agents["All"].id, change="global"))
        yield {"Ann": ann, "Ben": ben, "Zoe": zoe, **agents}
        await db.write(partial(alter, id=agents["All"].id, change="deleted"))


_shops = count(1)

REGISTRY = {"Ann": ["Ant", "Ape", "All", "Ben"], "Ant": ["Ape", "All", "Ann"]}
"""Own or sibling agents and global ones, then colleagues or the owner."""

OTHERS = {"Ann": ["Bee", "Zebra", "Zoe"], "Ant": ["Bee", "Zebra", "Ben", "Zoe"]}
"""Colleagues' agents, the owner's colleagues, and strangers."""

STATUS = {"Ben": 403, "Bee": 403, "Zebra": 404, "Zoe": 404}
"""How it is refused to bring in those who are no peers."""


async def peers(town: Town, who: Somebody, **query: str) -> list[tuple[str, str, bool]]:
    found = (await town.get(who, f"{side(who)}/peers", **query))["data"]
    return [(peer["name"], peer["source"], peer["is_contact"]) for peer in found]


async def enters(town: Town, who: Somebody, whom: Somebody) -> int:
    """How the platform answers to somebody being brought into a new room."""
    room = data(await town.http.post(f"{side(who)}/chats", json={"chat": {}}, headers=by(who)), 201)["id"]
    body = {"participant": {"participant_id": whom.id}}
    path = f"{side(who)}/chats/{room}/participants"
    return (await town.http.post(path, json=body, headers=by(who))).status_code


@pytest.mark.parametrize("name", ["Ann", "Ant"])
async def test_the_registry_needs_no_contact(town: Town, shop: dict[str, Somebody], name: str) -> None:
    who = shop[name]
    assert await peers(town, who) == [(peer, "registry", False) for peer in REGISTRY[name]]
    for peer in REGISTRY[name]:
        assert await enters(town, who, shop[peer]) == 201
    for other in OTHERS[name]:
        assert await enters(town, who, shop[other]) == STATUS[other]
        await asked(town, who, shop[other])
        assert await enters(town, who, shop[other]) == STATUS[other]
    assert len(await peers(town, who)) == len(REGISTRY[name])


@pytest.mark.parametrize("name", ["Ann", "Ant"])
async def test_contacts_are_peers_after_the_registry(
    town: Town, shop: dict[str, Somebody], name: str
) -> None:
    who = shop.pop(name)
    for other in reversed(shop.values()):
        await befriend(town, who, other)
    registry = [(peer, "registry", True) for peer in REGISTRY[name]]
    others = [(peer, "contact", True) for peer in OTHERS[name]]
    assert await peers(town, who) == registry + others
    for other in shop.values():
        assert await enters(town, who, other) == 201
    pages = [await town.get(who, f"{side(who)}/peers", page=page, page_size=3) for page in (1, 2, 3)]
    assert [name for page in pages for name in names(page)] == REGISTRY[name] + OTHERS[name]
    assert pages[0]["metadata"]["total_count"] == 7


async def test_contacts_are_asked_for_like_other_peers(town: Town, shop: dict[str, Somebody]) -> None:
    ann, zoe, zebra = shop["Ann"], shop["Zoe"], shop["Zebra"]
    for other in (zoe, zebra):
        await befriend(town, ann, other)
    people, agents = [("Ben", "registry", False)], [(name, "registry", False) for name in REGISTRY["Ann"][:3]]
    assert await peers(town, ann, type="User") == [*people, ("Zoe", "contact", True)]
    assert await peers(town, ann, type="Agent") == [*agents, ("Zebra", "contact", True)]
    room = (await town.here.room(ann, zoe)).id
    rest = [*agents, *people, ("Zebra", "contact", True)]
    assert await peers(town, ann, not_in_chat=room) == rest


async def test_only_ones_own_record_makes_a_peer(town: Town, shop: dict[str, Somebody]) -> None:
    ann, zoe = shop["Ann"], shop["Zoe"]
    await befriend(town, ann, zoe)
    data(await remove(town, ann, handle=zoe.handle))
    assert await peers(town, ann) == [(peer, "registry", False) for peer in REGISTRY["Ann"]]
    assert ("Ann", "contact", True) in await peers(town, zoe)
    assert await peers(town, shop["Ben"]) == [
        (peer, "registry", False) for peer in ("Bee", "All", "Ann")
    ]  # whose colleague's contacts are not theirs


async def test_it_is_shown_which_peers_are_connected(town: Town, shop: dict[str, Somebody]) -> None:
    ann, ape = shop["Ann"], shop["Ape"]
    async with line(town.here.url, ape) as on:
        await on.join(f"agent_rooms:{ape.id}")
        for who in (ann, shop["Ant"]):
            found = (await town.get(who, f"{side(who)}/peers"))["data"]
            assert {peer["name"] for peer in found if peer["online"]} == {"Ape"}
            assert all(isinstance(peer["online"], bool) for peer in found)
