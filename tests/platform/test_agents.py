"""The agents a person owns, on the wire."""

import pytest

from tests.platform.town import Json, Town, by, data, is_time, refused
from tests.world import Somebody

REGISTER = "/me/agents/register"


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
    assert pages[0]["metadata"] == {"page": 1, "page_size": 2, "total_count": 3, "total_pages": 2}
    assert made[0]["credentials"]["api_key"] not in str(pages)


async def test_nothing_to_list_is_one_page(town: Town) -> None:
    owner = await town.newcomer()
    assert await town.get(owner, "/me/agents") == {
        "data": [],
        "metadata": {"page": 1, "page_size": 20, "total_count": 0, "total_pages": 1},
    }
