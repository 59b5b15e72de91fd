"""The agents a person owns, on the wire: making, listing, deleting."""

from pathlib import Path

import httpx2
import pytest

from tests.home import opened
from tests.platform.line import line
from tests.platform.town import NOBODY, Json, Town, by, data, info, is_time, refused, side
from tests.world import Somebody, world
from thenvoi_bridge.platform.administration import administer, list_keys
from thenvoi_bridge.settings import Platform

REGISTER = "/me/agents/register"
NEITHER: Json = {"available_filters": [], "sortable_fields": []}


async def registered(town: Town, who: Somebody, name: str, description: str = "helps") -> Json:
    body = {"agent": {"name": name, "description": description}}
    answer: Json = data(await town.http.post(REGISTER, json=body, headers=by(who)), 201)
    return answer


async def test_a_registered_agent_comes_with_a_key_that_works(town: Town) -> None:
    owner = await town.newcomer()
    made = await registered(town, owner, "Data Analyst")
    assert set(made) == {"agent", "credentials"}
    assert set(made["credentials"]) == {"api_key"}
    agent = made["agent"]
    assert is_time(agent.pop("inserted_at"))
    assert is_time(agent.pop("updated_at"))
    assert agent == {
        "id": agent["id"],
        "name": "Data Analyst",
        "description": "helps",
        "owner_id": owner.id,
        "is_external": True,
        "handle": f"{owner.handle}/data-analyst",
    }
    headers = {"X-API-Key": made["credentials"]["api_key"]}
    assert data(await town.http.get("/agent/me", headers=headers))["id"] == agent["id"]


async def test_two_agents_of_one_name_get_two_handles(town: Town) -> None:
    owner = await town.newcomer()
    handles = [(await registered(town, owner, "Scout"))["agent"]["handle"] for _ in range(3)]
    assert handles == [f"{owner.handle}/scout", f"{owner.handle}/scout-2", f"{owner.handle}/scout-3"]


@pytest.mark.parametrize(
    ("agent", "pointers"),
    [
        ({}, ["/agent/name", "/agent/description"]),
        ({"name": "x"}, ["/agent/description"]),
        ({"name": " ", "description": "\n"}, ["/agent/name", "/agent/description"]),
        ({"name": "x" * 101, "description": "x"}, ["/agent/name"]),
        ({"name": "x", "description": "x" * 501}, ["/agent/description"]),
        ({"name": 1, "description": "x"}, ["/agent/name"]),
    ],
)
async def test_an_agent_needs_a_name_and_a_description(town: Town, agent: Json, pointers: list[str]) -> None:
    owner = await town.newcomer()
    answer = await town.http.post(REGISTER, json={"agent": agent}, headers=by(owner))
    assert list(refused(answer, 422, "validation_error")) == pointers
    assert (await town.get(owner, "/me/agents"))["data"] == []


async def test_the_longest_name_and_description_fit(town: Town) -> None:
    made = await registered(town, await town.newcomer(), "ä" * 100, "ö" * 500)
    assert (made["agent"]["name"], made["agent"]["description"]) == ("ä" * 100, "ö" * 500)


async def test_a_person_lists_its_own_agents_newest_first(town: Town) -> None:
    owner = await town.newcomer()
    made = [await registered(town, owner, name) for name in ("First", "Second", "Third")]
    pages = [await town.get(owner, "/me/agents", page=page, page_size=2) for page in (1, 2)]
    listed = [agent for page in pages for agent in page["data"]]
    assert [agent["id"] for agent in listed] == [one["agent"]["id"] for one in reversed(made)]
    assert set(listed[0]) == {
        "id",
        "name",
        "description",
        "is_external",
        "model_type",
        "handle",
        "inserted_at",
        "updated_at",
    }
    assert pages[0]["metadata"] == {**info(1, 2, 3, 2), **NEITHER}
    assert made[0]["credentials"]["api_key"] not in str(pages)


async def test_nothing_to_list_is_one_page(town: Town) -> None:
    owner = await town.newcomer()
    assert await town.get(owner, "/me/agents") == {
        "data": [],
        "metadata": {**info(1, 20, 0, 1), **NEITHER},
    }


async def test_somebody_owns_no_more_agents_than_the_quota_allows(tmp_path: Path) -> None:
    async with (
        world(tmp_path / "platform", Platform(max_agents=2)) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        alice, bob = await here.person("Alice"), await here.person("Bob")
        first, _ = [await here.agent(alice, name) for name in ("Scout", "Muse")]
        body = {"agent": {"name": "Third", "description": "helps"}}
        answer = await http.post(REGISTER, json=body, headers=by(alice))
        assert answer.status_code == 403
        error = answer.json()["error"]
        assert error["code"] == "limit_reached"
        assert error["details"] == {"resource": "agents", "limit": 2, "current": 2}
        data(await http.post(REGISTER, json=body, headers=by(bob)), 201)
        data(await http.delete(f"/me/agents/{first.id}", headers=by(alice)))
        data(await http.post(REGISTER, json=body, headers=by(alice)), 201)


# Deleting


async def delete(town: Town, who: Somebody, id: str, **query: str) -> httpx2.Response:
    return await town.http.delete(f"/me/agents/{id}", params=query, headers=by(who))


async def owned(town: Town, who: Somebody) -> list[str]:
    return [agent["id"] for agent in (await town.get(who, "/me/agents"))["data"]]


async def test_a_deleted_agent_is_nobody_any_more(town: Town) -> None:
    owner = await town.newcomer()
    agent, sibling = await town.here.agent(owner, "Scout"), await town.here.agent(owner, "Muse")
    assert data(await delete(town, owner, agent.id)) == {
        "id": agent.id,
        "name": "Scout",
        "description": f"Scout of {owner.name}",
        "executions_deleted": 0,
    }
    refused(await town.http.get("/agent/me", headers=by(agent)), 401, "unauthorized")
    assert await owned(town, owner) == [sibling.id]
    for who, path in ((owner, "/me/peers"), (sibling, "/agent/peers")):
        assert agent.id not in [peer["id"] for peer in (await town.get(who, path))["data"]]
    room = (await town.here.room(owner)).id
    body = {"participant": {"participant_id": agent.id}}
    added = await town.http.post(f"/me/chats/{room}/participants", json=body, headers=by(owner))
    refused(added, 404, "not_found")
    found = await town.http.post("/me/contacts/resolve", json={"handle": agent.handle}, headers=by(owner))
    refused(found, 404, "not_found")
    assert (await registered(town, owner, "Scout"))["agent"]["handle"] == f"{owner.handle}/scout-2"
    async with opened(town.here.folder) as (db, keys):
        listed = await administer(db, keys, list_keys)
    assert [is_time(key["revoked_at"]) for key in listed if key["handle"] == agent.handle] == [True]


async def test_only_an_agent_of_ones_own_can_be_deleted(town: Town) -> None:
    owner = await town.newcomer()
    agent = await town.here.agent(owner, "Scout")
    data(await delete(town, owner, agent.id))
    bodies: set[str] = set()
    for id in (NOBODY, agent.id, town.rover.id, town.spy.id, town.bob.id, town.alice.id):
        answer = await delete(town, town.alice if id != agent.id else owner, id, force="true")
        refused(answer, 404, "not_found")
        bodies.add(answer.text.replace(answer.json()["error"]["request_id"], ""))
    assert len(bodies) == 1
    for living in (town.rover, town.spy):
        data(await town.http.get("/agent/me", headers=by(living)))


async def test_an_agent_that_has_worked_is_deleted_only_by_force(town: Town) -> None:
    owner = await town.newcomer()
    agent, sibling = await town.here.agent(owner, "Scout"), await town.here.agent(owner, "Muse")
    rooms = [(await town.here.room(owner, agent, sibling)).id for _ in range(2)]
    messages = [await town.say(room, agent, sibling, who=owner) for room in rooms]
    data(await town.mark(agent, rooms[0], messages[0], "processing"))
    data(await town.mark(agent, rooms[0], messages[0], "failed"))
    data(await town.mark(agent, rooms[0], messages[0], "processing"))
    data(await town.mark(sibling, rooms[0], messages[0], "processing"))
    not_for_it = await town.say(rooms[1], sibling, who=owner)
    data(await town.mark(agent, rooms[1], not_for_it, "processing"))

    for query in ({}, {"force": "false"}):
        answer = await delete(town, owner, agent.id, **query)
        assert list(refused(answer, 422, "execution_history_exists")) == ["/force"]
    assert await owned(town, owner) == [sibling.id, agent.id]
    assert data(await town.http.get(f"/agent/chats/{rooms[0]}", headers=by(agent)))["id"] == rooms[0]

    assert data(await delete(town, owner, agent.id, force="true"))["executions_deleted"] == 3
    assert await owned(town, owner) == [sibling.id]
    shown = (await town.get(owner, f"/me/chats/{rooms[0]}/messages"))["data"]
    assert list(shown[0]["metadata"]["delivery_status"]) == [sibling.id]


@pytest.mark.parametrize("force", ["perhaps", ""])
async def test_force_is_yes_or_no(town: Town, force: str) -> None:
    answer = await delete(town, town.alice, town.scout.id, force=force)
    assert list(refused(answer, 422, "validation_error")) == ["/force"]
    data(await town.http.get("/agent/me", headers=by(town.scout)))


async def test_messages_that_wait_for_an_agent_are_no_history(town: Town) -> None:
    owner = await town.newcomer()
    agent = await town.here.agent(owner, "Scout")
    room = (await town.here.room(owner, agent)).id
    await town.say(room, agent, who=owner)
    assert data(await delete(town, owner, agent.id))["executions_deleted"] == 0


async def test_what_a_deleted_agent_said_stays(town: Town) -> None:
    owner = await town.newcomer()
    agent = await town.here.agent(owner, "Scout")
    room = (await town.here.room(owner, agent)).id
    said = [await town.say(room, agent, who=owner), await town.say(room, owner, who=agent, text="All quiet")]
    before = await town.get(owner, f"/me/chats/{room}/messages")
    data(await delete(town, owner, agent.id))
    after = await town.get(owner, f"/me/chats/{room}/messages")
    assert after == before
    assert [one["id"] for one in after["data"]] == said[::-1]
    assert after["data"][0]["sender_name"] == "Scout"
    listed = await town.get(owner, f"/me/chats/{room}/participants")
    assert [one["id"] for one in listed["data"]] == [owner.id]


async def test_what_a_deleted_agent_remembered_is_forgotten_what_others_know_of_it_is_not(town: Town) -> None:
    owner = await town.newcomer()
    agent, sibling = await town.here.agent(owner, "Scout"), await town.here.agent(owner, "Muse")
    memory = {"content": "Likes tea", "system": "working", "type": "semantic", "segment": "user"}
    memory |= {"thought": "heard it", "subject_id": agent.id, "scope": "organization"}
    own, others = [
        data(await town.http.post("/agent/memories", json={"memory": memory}, headers=by(author)), 201)["id"]
        for author in (agent, sibling)
    ]
    data(await delete(town, owner, agent.id))
    for who, path in ((owner, "/me/memories"), (sibling, "/agent/memories")):
        assert [one["id"] for one in (await town.get(who, path, status="all"))["data"]] == [others]
        refused(await town.http.get(f"{path}/{own}", headers=by(who)), 404, "not_found")


async def test_nobody_stays_in_contact_with_a_deleted_agent(town: Town) -> None:
    owner = await town.newcomer()
    agent = await town.here.agent(owner, "Scout")
    asked = {"contact_request": {"recipient_handle": agent.handle}}
    await make_contact(town, town.mallory, owner, asked)
    waiting = data(await town.http.post("/me/contacts/requests", json=asked, headers=by(town.bob)), 201)
    async with line(town.here.url, town.mallory) as mallory, line(town.here.url, town.bob) as bob:
        await mallory.join(f"user_contacts:{town.mallory.id}")
        await bob.join(f"user_contacts:{town.bob.id}")
        data(await delete(town, owner, agent.id))
        await mallory.event("contact_removed")
        ended = await bob.event("contact_request_updated")
    assert (ended["id"], ended["status"]) == (waiting["id"], "cancelled")
    contacts = (await town.get(town.mallory, "/me/contacts", page_size=100))["data"]
    assert agent.id not in [contact["contact_id"] for contact in contacts]


async def make_contact(town: Town, who: Somebody, owner: Somebody, asked: Json) -> None:
    """Somebody asks for an agent, whose owner approves."""
    request = data(await town.http.post("/me/contacts/requests", json=asked, headers=by(who)), 201)
    data(await town.http.post(f"/me/contacts/requests/{request['id']}/approve", headers=by(owner)))
    contacts = (await town.get(who, "/me/contacts", page_size=100))["data"]
    assert request["recipient_id"] in [contact["contact_id"] for contact in contacts]


async def test_rooms_are_told_of_a_deleted_agent_which_then_hears_nothing_more(town: Town) -> None:
    owner = await town.newcomer()
    agent, sibling = await town.here.agent(owner, "Scout"), await town.here.agent(owner, "Muse")
    room = (await town.here.room(owner, agent)).id
    of_its_own = data(await town.http.post("/agent/chats", json={"chat": {}}, headers=by(agent)), 201)["id"]
    body: Json = {"participant": {"participant_id": owner.id}}
    data(await town.http.post(f"/agent/chats/{of_its_own}/participants", json=body, headers=by(agent)), 201)
    gone = {"id": agent.id, "type": "Agent", "name": "Scout"}
    async with line(town.here.url, owner) as others, line(town.here.url, agent) as its:
        for topic in (room, of_its_own):
            await others.join(f"room_participants:{topic}")
        await its.join(f"agent_rooms:{agent.id}")
        await its.join(f"room_participants:{room}")
        data(await delete(town, owner, agent.id))
        assert [await others.event("participant_removed") for _ in range(2)] == [gone, gone]
        body = {"participant": {"participant_id": sibling.id}}
        data(await town.http.post(f"/me/chats/{room}/participants", json=body, headers=by(owner)), 201)
        assert (await others.event("participant_added"))["id"] == sibling.id
        code, frames = await its.closed()
    assert code == 1008
    heard = sorted((event, payload["id"]) for *_, event, payload in frames)
    removed = [("room_removed", id) for id in (room, of_its_own)]
    assert heard == sorted([("participant_removed", agent.id), *removed])


async def roles(town: Town, who: Somebody, room: str) -> Json:
    people = (await town.get(who, f"/me/chats/{room}/participants"))["data"]
    return {one["id"]: one["role"] for one in people}


async def bring(town: Town, by_whom: Somebody, room: str, id: str, role: str) -> None:
    body = {"participant": {"participant_id": id, "role": role}}
    path = f"{side(by_whom)}/chats/{room}/participants"
    data(await town.http.post(path, json=body, headers=by(by_whom)), 201)


async def test_a_room_of_a_deleted_agent_passes_to_the_admin_who_has_been_there_longest(town: Town) -> None:
    owner = await town.newcomer()
    agent = await town.here.agent(owner, "Host")
    guests = [await town.here.agent(owner, name) for name in ("First", "Second", "Third")]
    room = data(await town.http.post("/agent/chats", json={"chat": {}}, headers=by(agent)), 201)["id"]
    await bring(town, agent, room, guests[0].id, "member")
    await bring(town, agent, room, guests[1].id, "admin")
    await bring(town, agent, room, guests[2].id, "admin")
    await bring(town, agent, room, owner.id, "member")
    data(await delete(town, owner, agent.id))
    first, second, third = (guest.id for guest in guests)
    assert await roles(town, owner, room) == {
        first: "member", second: "owner", third: "admin", owner.id: "member"
    }  # fmt: skip
    data(await delete(town, owner, third))  # whoever is no owner leaves nothing behind
    assert await roles(town, owner, room) == {first: "member", second: "owner", owner.id: "member"}
    data(await delete(town, owner, second))
    assert await roles(town, owner, room) == {first: "owner", owner.id: "member"}
    data(await delete(town, owner, first))
    assert await roles(town, owner, room) == {owner.id: "owner"}
