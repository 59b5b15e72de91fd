"""Who the caller is, on the wire."""

from tests.platform.town import Town, by, data, is_time


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
