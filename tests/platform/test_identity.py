"""Who the caller is, on the wire, and how people change their name."""

import httpx2
import pytest

from tests.platform.town import Json, Town, by, data, is_time, refused
from tests.world import Somebody


async def test_an_agent_learns_who_it_is(town: Town) -> None:
    me = data(await town.http.get("/agent/me", headers=by(town.scout)))
    times = {name: me.pop(name) for name in ("inserted_at", "updated_at")}
    assert all(map(is_time, times.values()))
    assert me == {
        "id": town.scout.id,
        "name": "Scout",
        "handle": "alice.doe/scout",
        "description": "Scout of Alice Doe",
        "owner_uuid": town.alice.id,
        "feature_flags": {},
    }


async def test_a_person_learns_who_it_is(town: Town) -> None:
    assert data(await town.http.get("/me/profile", headers=by(town.alice))) == {
        "id": town.alice.id,
        "email": "alice.doe@acme.example",
        "first_name": "Alice",
        "last_name": "Doe",
        "role": "user",
        "handle": "alice.doe",
    }


async def test_a_person_with_one_name_has_no_last_name(town: Town) -> None:
    plato = await town.here.person("Plato", "Academy")
    profile = data(await town.http.get("/me/profile", headers=by(plato)))
    assert (profile["first_name"], profile["last_name"]) == ("Plato", None)


async def rename(town: Town, who: Somebody, user: object) -> httpx2.Response:
    return await town.http.put("/me/profile", json={"user": user}, headers=by(who))


@pytest.mark.parametrize(
    ("user", "names", "shown"),
    [
        ({"first_name": "Ada"}, ("Ada", "King"), "Ada King"),
        ({"last_name": "Lovelace"}, ("Augusta", "Lovelace"), "Augusta Lovelace"),
        ({"first_name": "Ada", "last_name": "Byron"}, ("Ada", "Byron"), "Ada Byron"),
        ({"first_name": None, "last_name": "Byron"}, ("Augusta", "Byron"), "Augusta Byron"),
        ({"first_name": None, "last_name": None}, ("Augusta", "King"), "Augusta King"),
        ({}, ("Augusta", "King"), "Augusta King"),
        ({"first_name": "ä" * 100}, ("ä" * 100, "King"), "ä" * 100 + " King"),
    ],
)
async def test_a_person_changes_what_it_names(
    town: Town, user: Json, names: tuple[str, str], shown: str
) -> None:
    ada = await town.newcomer()
    before = data(await rename(town, ada, {"first_name": "Augusta", "last_name": "King"}))
    after = data(await rename(town, ada, user))
    assert after == {**before, "first_name": names[0], "last_name": names[1]}
    assert data(await town.http.get("/me/profile", headers=by(ada))) == after
    room = (await town.here.room(ada)).id
    (participant,) = (await town.get(ada, f"/me/chats/{room}/participants"))["data"]
    assert (participant["name"], participant["handle"]) == (shown, ada.handle)


async def test_a_new_name_is_used_from_then_on(town: Town) -> None:
    ada = await town.newcomer()
    agent = await town.here.agent(ada, "Engine")
    room = (await town.here.room(ada, agent)).id
    await town.say(room, agent, who=ada)
    data(await rename(town, ada, {"first_name": "Ada", "last_name": "Lovelace"}))
    await town.say(room, agent, who=ada)
    read = (await town.get(ada, f"/me/chats/{room}/messages"))["data"]
    assert [one["sender_name"] for one in read] == ["Ada Lovelace", ada.name]
    await town.say(room, ada, who=agent, text="@Ada Lovelace is here")
    (answer, *_) = (await town.get(ada, f"/me/chats/{room}/messages"))["data"]
    assert answer["content"] == f"@[[{ada.id}]] is here"
    (peer,) = (await town.get(agent, "/agent/peers"))["data"]
    assert peer["name"] == "Ada Lovelace"


async def test_somebody_with_one_name_may_take_another(town: Town) -> None:
    plato = await town.here.person("Aristocles", "Lyceum")
    profile = data(await rename(town, plato, {"first_name": "Plato"}))
    assert (profile["first_name"], profile["last_name"]) == ("Plato", None)
    room = (await town.here.room(plato)).id
    (participant,) = (await town.get(plato, f"/me/chats/{room}/participants"))["data"]
    assert participant["name"] == "Plato"


@pytest.mark.parametrize(
    ("user", "pointers"),
    [
        ({"first_name": ""}, ["/user/first_name"]),
        ({"first_name": " ", "last_name": "\t"}, ["/user/first_name", "/user/last_name"]),
        ({"last_name": "x" * 101}, ["/user/last_name"]),
        ({"first_name": 7}, ["/user/first_name"]),
        (None, ["/user"]),
        ("Ada", ["/user"]),
    ],
)
async def test_a_name_that_does_not_fit_is_refused(town: Town, user: object, pointers: list[str]) -> None:
    before = data(await town.http.get("/me/profile", headers=by(town.bob)))
    assert list(refused(await rename(town, town.bob, user), 422, "validation_error")) == pointers
    assert data(await town.http.get("/me/profile", headers=by(town.bob))) == before


@pytest.mark.parametrize("name", ["email", "role", "handle", "name"])
async def test_nothing_else_of_a_profile_can_be_changed(town: Town, name: str) -> None:
    before = data(await town.http.get("/me/profile", headers=by(town.bob)))
    answer = await rename(town, town.bob, {"first_name": "Eve", name: "admin"})
    assert list(refused(answer, 400, "bad_request")) == [f"/user/{name}"]
    assert data(await town.http.get("/me/profile", headers=by(town.bob))) == before
