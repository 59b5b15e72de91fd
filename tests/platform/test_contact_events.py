"""What both parties of a contact are pushed, in which order, to the last field."""

import pytest

from tests.platform.knowing import act, ask, asked, befriend, contact, deleted, heard, listening, remove
from tests.platform.town import Json, Town, data, side
from tests.world import Somebody


async def person_and_agent(town: Town) -> tuple[Somebody, Somebody]:
    return await town.newcomer(), await town.here.agent(await town.newcomer(), "Pet")


async def added(town: Town, who: Somebody, other: Somebody) -> tuple[str, Json]:
    """The event that tells somebody of their only contact, from what REST says of it."""
    record = await contact(town, who)
    payload = {"id": record["id"], "handle": other.handle, "name": other.name}
    payload |= {"type": "Agent" if "/" in other.handle else "User", "inserted_at": record["inserted_at"]}
    if side(who) == side(other) == "/agent":
        payload |= {"description": record["description"], "is_external": True}
    return "contact_added", payload


@pytest.mark.parametrize("message", ["hello", None])
async def test_an_agent_is_told_flat_who_asks(town: Town, message: str | None) -> None:
    ann, pet = await person_and_agent(town)
    async with listening(town, pet) as on:
        request = data(await ask(town, ann, pet.handle, message=message), 201)
        ((event, payload),) = await heard(town, on, pet)
    assert event == "contact_request_received"
    assert payload == {
        "id": request["id"],
        "from_handle": ann.handle,
        "from_name": ann.name,
        **({"message": message} if message else {}),
        "status": "pending",
        "inserted_at": request["inserted_at"],
    }


@pytest.mark.parametrize("message", ["hello", None])
async def test_a_person_is_told_of_the_requester_as_a_party(town: Town, message: str | None) -> None:
    ann, pet = await person_and_agent(town)
    async with listening(town, ann) as on:
        request = await asked(town, pet, ann, message=message)
        ((event, payload),) = await heard(town, on, ann)
    assert event == "contact_request_received"
    (listed,) = (await town.get(ann, "/me/contacts/requests"))["data"]
    assert payload == {
        "id": request,
        "requester_id": pet.id,
        "requester_type": "Agent",
        "requester": {"id": pet.id, "handle": pet.handle, "name": pet.name},
        "recipient_id": ann.id,
        "recipient_type": "User",
        **({"message": message} if message else {}),
        "status": "pending",
        "inserted_at": listed["inserted_at"],
    }


async def test_an_approval_is_told_to_both_before_the_contact_is(town: Town) -> None:
    ann, pet = await person_and_agent(town)
    async with listening(town, ann) as hers, listening(town, pet) as its:
        request = await asked(town, pet, ann)
        data(await act(town, ann, "approve", request))
        updated = ("contact_request_updated", {"id": request, "status": "approved"})
        to_ann, to_pet = await added(town, ann, pet), await added(town, pet, ann)
        asked_first, *after = await heard(town, hers, ann)
        assert asked_first[0] == "contact_request_received"
        assert after == [updated, to_ann]
        assert await heard(town, its, pet) == [updated, to_pet]
    assert to_ann[1]["id"] != to_pet[1]["id"]
    assert set(to_ann[1]) == {"id", "handle", "name", "type", "inserted_at"}


async def test_agents_are_told_what_another_agent_is(town: Town) -> None:
    one, other = [await town.here.agent(await town.newcomer(), name) for name in ("Ant", "Bee")]
    async with listening(town, one) as on:
        await befriend(town, one, other)
        _, told = await heard(town, on, one)
    assert told == await added(town, one, other)
    assert told[1]["description"].startswith("Bee of")


async def test_who_asks_back_is_told_like_who_approves(town: Town) -> None:
    ann, pet = await person_and_agent(town)
    async with listening(town, ann) as hers, listening(town, pet) as its:
        request = await asked(town, ann, pet)
        data(await ask(town, pet, ann.handle), 201)
        updated = ("contact_request_updated", {"id": request, "status": "approved"})
        assert await heard(town, hers, ann) == [updated, await added(town, ann, pet)]
        assert (await heard(town, its, pet))[1:] == [updated, await added(town, pet, ann)]


@pytest.mark.parametrize(("action", "status"), [("reject", "rejected"), ("cancel", "cancelled")])
async def test_both_are_told_of_what_came_to_nothing(town: Town, action: str, status: str) -> None:
    ann, pet = await person_and_agent(town)
    async with listening(town, ann) as hers, listening(town, pet) as its:
        request = await asked(town, ann, pet)
        data(await act(town, ann if action == "cancel" else pet, action, request))
        updated = ("contact_request_updated", {"id": request, "status": status})
        assert await heard(town, hers, ann) == [updated]
        assert (await heard(town, its, pet))[1:] == [updated]


async def test_who_answers_for_an_agent_is_told_nothing(town: Town) -> None:
    ann, owner = await town.newcomer(), await town.newcomer()
    pet = await town.here.agent(owner, "Pet")
    async with listening(town, ann) as hers, listening(town, pet) as its, listening(town, owner) as theirs:
        request = await asked(town, ann, pet)
        data(await act(town, owner, "approve", request))
        updated = ("contact_request_updated", {"id": request, "status": "approved"})
        assert await heard(town, hers, ann) == [updated, await added(town, ann, pet)]
        assert (await heard(town, its, pet))[1:] == [updated, await added(town, pet, ann)]
        assert await heard(town, theirs, owner) == []


async def test_a_refused_request_is_told_to_nobody(town: Town) -> None:
    ann, pet = await person_and_agent(town)
    async with listening(town, ann) as hers, listening(town, pet) as its:
        request = await asked(town, ann, pet)
        assert (await ask(town, ann, pet.handle)).status_code == 409
        assert (await act(town, ann, "approve", request)).status_code == 403
        assert (await act(town, town.mallory, "reject", request)).status_code == 404
        assert await heard(town, hers, ann) == []
        assert len(await heard(town, its, pet)) == 1


async def test_only_who_removes_is_told_of_it(town: Town) -> None:
    ann, pet = await person_and_agent(town)
    await befriend(town, ann, pet)
    record = (await contact(town, ann))["id"]
    async with listening(town, ann) as hers, listening(town, pet) as its:
        data(await remove(town, ann, contact_id=record))
        assert await heard(town, hers, ann) == [("contact_removed", {"id": record})]
        assert await heard(town, its, pet) == []


async def test_a_side_that_kept_its_record_is_told_of_that_again(town: Town) -> None:
    ann, pet = await person_and_agent(town)
    await befriend(town, ann, pet)
    kept = await added(town, pet, ann)
    data(await remove(town, ann, handle=pet.handle))
    async with listening(town, pet) as its:
        await befriend(town, ann, pet)
        assert (await heard(town, its, pet))[2:] == [kept]


async def test_the_contacts_of_a_deleted_agent_are_told(town: Town) -> None:
    owner, ann, ben = [await town.newcomer() for _ in range(3)]
    pet = await town.here.agent(owner, "Pet")
    await befriend(town, ann, pet)
    record = (await contact(town, ann))["id"]
    request = await asked(town, ben, pet)
    async with listening(town, ann) as hers, listening(town, ben) as his:
        await deleted(town, owner, pet)
        assert await heard(town, hers, ann) == [("contact_removed", {"id": record})]
        updated = {"id": request, "status": "cancelled"}
        assert await heard(town, his, ben) == [("contact_request_updated", updated)]
