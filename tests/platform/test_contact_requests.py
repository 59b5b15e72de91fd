"""Asking to become contacts, and what becomes of it."""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import httpx2
import pytest

from tests.home import opened
from tests.platform.knowing import act, ask, asked, befriend, contact, contacts, remove, respond, waiting
from tests.platform.town import NOBODY, Json, Town, by, data, is_time, refused
from tests.world import Somebody
from thenvoi_bridge.storage import Duplicate, Tx

SENT = "/me/contacts/requests/sent"
RECEIVED = ["/me/contacts/requests", "/me/contacts/requests/received"]


async def two(town: Town) -> tuple[Somebody, Somebody]:
    """Two people who know nobody."""
    return await town.newcomer(), await town.newcomer()


async def pair(town: Town, kinds: str) -> tuple[Somebody, Somebody]:
    """A person or an agent, as `kinds` says, of one organisation, and another of another."""
    people = await two(town)
    one, other = [
        person if kind == "person" else await town.here.agent(person, "Pet")
        for person, kind in zip(people, kinds.split(" and "), strict=True)
    ]
    return one, other


KINDS = ["person and person", "person and agent", "agent and person", "agent and agent"]


# Asking


async def test_a_person_sees_the_whole_request(town: Town) -> None:
    ann, ben = await two(town)
    request = data(await ask(town, ann, ben.handle, message="we met in Rome"), 201)
    assert is_time(request["inserted_at"])
    assert request == {
        "id": request["id"],
        "requester_id": ann.id,
        "requester_type": "User",
        "requester": {"id": ann.id, "handle": ann.handle, "name": ann.name},
        "recipient_id": ben.id,
        "recipient_type": "User",
        "recipient": {"id": ben.id, "handle": ben.handle, "name": ben.name},
        "status": "pending",
        "message": "we met in Rome",
        "responded_at": None,
        "inserted_at": request["inserted_at"],
    }
    for path in RECEIVED:
        assert (await town.get(ben, path))["data"] == [request]
    assert (await town.get(ann, SENT))["data"] == [request]
    assert await contacts(town, ann) == await contacts(town, ben) == []


async def test_an_agent_sees_whom_a_request_is_from_and_to(town: Town) -> None:
    ann, ben = await pair(town, "agent and agent")
    answer = data(await ask(town, ann, ben.handle, message="hello"), 201)
    assert answer == {"id": answer["id"], "status": "pending"}
    received = (await town.get(ben, "/agent/contacts/requests"))["data"]
    sent = (await town.get(ann, "/agent/contacts/requests"))["data"]
    at = received["received"][0]["inserted_at"]
    assert is_time(at)
    same = {"id": answer["id"], "message": "hello", "status": "pending", "inserted_at": at}
    assert received == {"received": [{**same, "from_handle": ann.handle, "from_name": "Pet"}], "sent": []}
    assert sent == {"received": [], "sent": [{**same, "to_handle": ben.handle, "to_name": "Pet"}]}


@pytest.mark.parametrize(
    "spelt", [str, "@{}".format, str.upper, " @{} ".format], ids=["plain", "@", "upper", "space"]
)
@pytest.mark.parametrize("kinds", ["person and agent", "agent and person"])
async def test_a_handle_is_found_however_it_is_written(
    town: Town, kinds: str, spelt: Callable[[str], str]
) -> None:
    one, other = await pair(town, kinds)
    request = data(await ask(town, one, spelt(other.handle)), 201)["id"]
    assert await waiting(town, other) == [request]


@pytest.mark.parametrize("message", ["x" * 500, "", None])
@pytest.mark.parametrize("kind", ["person", "agent"])
async def test_a_message_may_go_with_it(town: Town, kind: str, message: str | None) -> None:
    one, other = await pair(town, f"{kind} and person")
    await asked(town, one, other, message=message)
    (request,) = (await town.get(other, RECEIVED[0]))["data"]
    assert request["message"] == message


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/recipient_handle"),
        ({"recipient_handle": None}, 422, "/recipient_handle"),
        ({"recipient_handle": " "}, 422, "/recipient_handle"),
        ({"recipient_handle": 7}, 422, "/recipient_handle"),
        ({"recipient_handle": "x", "message": "x" * 501}, 422, "/message"),
        ({"recipient_handle": "x", "message": 7}, 422, "/message"),
        ({"recipient_handle": "x", "colour": "red"}, 400, "/colour"),
    ],
)
async def test_a_request_that_does_not_fit_is_refused(
    town: Town, body: Json, status: int, pointer: str
) -> None:
    code = {400: "bad_request", 422: "validation_error"}[status]
    answer = await town.http.post(
        "/me/contacts/requests", json={"contact_request": body}, headers=by(town.alice)
    )
    assert list(refused(answer, status, code)) == [f"/contact_request{pointer}"]
    body = {name.removeprefix("recipient_"): value for name, value in body.items()}
    answer = await town.http.post("/agent/contacts/add", json=body, headers=by(town.scout))
    assert list(refused(answer, status, code)) == [pointer.replace("recipient_", "")]


@pytest.mark.parametrize("handle", ["nobody.at.all", "@", "alice.doe/nobody", "alice.doe/", "@@alice.doe"])
async def test_nobody_can_be_asked_by_a_handle_that_nobody_has(town: Town, handle: str) -> None:
    for who in (town.bob, town.rover):
        assert refused(await ask(town, who, handle), 404, "not_found") == {}


async def test_nobody_asks_themselves(town: Town) -> None:
    details = refused(await ask(town, town.alice, "@Alice.Doe"), 422, "validation_error")
    assert list(details) == ["/contact_request/recipient_handle"]
    assert refused(await ask(town, town.scout, town.scout.handle), 400, "bad_request") == {}
    assert await waiting(town, town.alice) == await waiting(town, town.scout) == []


@pytest.mark.parametrize("kinds", KINDS)
async def test_nobody_asks_twice_while_the_first_request_waits(town: Town, kinds: str) -> None:
    one, other = await pair(town, kinds)
    request = await asked(town, one, other)
    assert refused(await ask(town, one, other.handle), 409, "conflict") == {}
    assert await waiting(town, other) == [request]


@pytest.mark.parametrize("action", ["reject", "cancel"])
async def test_who_was_turned_down_or_thought_better_of_it_may_ask_again(town: Town, action: str) -> None:
    ann, ben = await two(town)
    first = await asked(town, ann, ben)
    data(await act(town, ben if action == "reject" else ann, action, first))
    second = await asked(town, ann, ben)
    assert await waiting(town, ben) == [second]
    assert first != second


@pytest.mark.parametrize("kinds", KINDS)
async def test_contacts_do_not_ask_each_other(town: Town, kinds: str) -> None:
    one, other = await pair(town, kinds)
    await befriend(town, one, other)
    for who, whom in ((one, other), (other, one)):
        assert refused(await ask(town, who, whom.handle), 409, "conflict") == {}
        assert await waiting(town, whom) == []


@pytest.mark.parametrize("kinds", KINDS)
async def test_who_asks_back_approves(town: Town, kinds: str) -> None:
    one, other = await pair(town, kinds)
    request = await asked(town, one, other, message="hello")
    back = data(await ask(town, other, one.handle, message="gladly"), 201)
    if kinds.endswith("agent"):
        assert back == {"id": request, "status": "approved"}
    else:
        assert (back["id"], back["status"], back["message"]) == (request, "approved", "hello")
        assert (back["requester_id"], back["recipient_id"]) == (one.id, other.id)
        assert is_time(back["responded_at"])
    assert (await contact(town, one))["id"] != (await contact(town, other))["id"]
    assert await waiting(town, one) == await waiting(town, other) == []


async def answers_at_once(*requests: Callable[[], Awaitable[httpx2.Response]]) -> list[httpx2.Response]:
    answers: list[httpx2.Response] = []

    async def note(request: Callable[[], Awaitable[httpx2.Response]]) -> None:
        answers.append(await request())

    async with anyio.create_task_group() as tasks:
        for request in requests:
            tasks.start_soon(note, request)
    return answers


async def test_of_two_who_ask_each_other_at_once_one_approves(town: Town) -> None:
    ann, ben = await two(town)
    both = [partial(ask, town, ann, ben.handle), partial(ask, town, ben, ann.handle)]
    statuses = [data(answer, 201)["status"] for answer in await answers_at_once(*both)]
    assert sorted(statuses) == ["approved", "pending"]
    assert len(await contacts(town, ann)) == len(await contacts(town, ben)) == 1
    assert await waiting(town, ann) == await waiting(town, ben) == []


async def test_of_two_equal_requests_at_once_one_is_a_conflict(town: Town) -> None:
    ann, ben = await two(town)
    answers = await answers_at_once(*[partial(ask, town, ann, ben.handle)] * 3)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert len(await waiting(town, ben)) == 1


async def test_two_never_have_two_pending_requests(town: Town) -> None:
    ann, ben = await two(town)
    await asked(town, ann, ben)

    def insert(tx: Tx, requester: Somebody, recipient: Somebody) -> None:
        sql = "INSERT INTO contact_requests VALUES (?, ?, ?, 'pending', NULL, 'now', NULL)"
        tx.run(sql, NOBODY, requester.id, recipient.id)

    async with opened(town.here.folder) as (db, _):
        for requester, recipient in ((ann, ben), (ben, ann)):
            with pytest.raises(Duplicate):
                await db.write(partial(insert, requester=requester, recipient=recipient))


# Answering


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize(
    ("action", "status"), [("approve", "approved"), ("reject", "rejected"), ("cancel", "cancelled")]
)
async def test_a_request_ends_and_stays_ended(town: Town, kinds: str, action: str, status: str) -> None:
    one, other = await pair(town, kinds)
    request = await asked(town, one, other)
    actor = one if action == "cancel" else other
    assert data(await act(town, actor, action, request)) == {"id": request, "status": status}
    for who, again in ((other, "approve"), (other, "reject"), (one, "cancel")):
        assert refused(await act(town, who, again, request), 409, "conflict") == {}
    assert len(await contacts(town, one)) == len(await contacts(town, other)) == int(status == "approved")
    assert await waiting(town, other) == []


@pytest.mark.parametrize("kinds", KINDS)
async def test_each_party_does_only_its_part(town: Town, kinds: str) -> None:
    one, other = await pair(town, kinds)
    request = await asked(town, one, other)
    for who, action in ((one, "approve"), (one, "reject"), (other, "cancel")):
        assert refused(await act(town, who, action, request), 403, "forbidden") == {}
    assert await waiting(town, other) == [request]


@pytest.mark.parametrize("action", ["approve", "reject", "cancel"])
async def test_a_request_between_others_is_as_if_it_were_not(town: Town, action: str) -> None:
    request = await asked(town, town.alice, await town.newcomer())
    for stranger in (town.mallory, town.spy, town.bob, town.rover, town.scout):
        foreign, missing = [await act(town, stranger, action, id) for id in (request, NOBODY)]
        bodies = [answer.json()["error"] for answer in (foreign, missing)]
        refused(foreign, 404, "not_found")
        assert {**bodies[0], "request_id": ""} == {**bodies[1], "request_id": ""}


@pytest.mark.parametrize(
    ("action", "status"), [("approve", "approved"), ("reject", "rejected"), ("cancel", None)]
)
async def test_people_answer_for_their_agents(town: Town, action: str, status: str | None) -> None:
    one, owner = await two(town)
    pet = await town.here.agent(owner, "Pet")
    request = await asked(town, one, pet)
    answer = await act(town, owner, action, request)
    if status is None:
        refused(answer, 403, "forbidden")
        assert await waiting(town, pet) == [request]
        return
    assert data(answer) == {"id": request, "status": status}
    assert await contacts(town, owner) == []
    assert [known["handle"] for known in await contacts(town, pet)] == [one.handle] * (action == "approve")


async def test_people_may_ask_their_own_agents_and_answer_themselves(town: Town) -> None:
    owner = await town.newcomer()
    pet, rival = await town.here.agent(owner, "Pet"), await town.here.agent(owner, "Rival")
    request = await asked(town, owner, pet)
    refused(await act(town, rival, "approve", request), 404, "not_found")
    data(await act(town, owner, "approve", request))
    assert (await contact(town, owner))["contact_id"] == pet.id
    assert (await contact(town, pet))["handle"] == owner.handle


async def test_people_do_not_take_back_what_their_agents_asked(town: Town) -> None:
    owner, other = await two(town)
    request = await asked(town, await town.here.agent(owner, "Pet"), other)
    for action in ("approve", "reject", "cancel"):
        refused(await act(town, owner, action, request), 404, "not_found")


async def test_the_older_way_to_cancel(town: Town) -> None:
    ann, ben = await two(town)
    request = await asked(town, ann, ben)
    path = f"/me/contacts/requests/{request}/cancel"
    refused(await town.http.post(path, headers=by(ben)), 403, "forbidden")
    refused(await town.http.post(path, headers=by(town.mallory)), 404, "not_found")
    assert data(await town.http.post(path, headers=by(ann))) == {"id": request, "status": "cancelled"}
    refused(await town.http.post(path, headers=by(ann)), 409, "conflict")


@pytest.mark.parametrize(
    ("action", "status"), [("approve", "approved"), ("reject", "rejected"), ("cancel", "cancelled")]
)
@pytest.mark.parametrize("kind", ["person", "agent"])
async def test_agents_name_a_request_by_the_other_party(
    town: Town, kind: str, action: str, status: str
) -> None:
    other, agent = await pair(town, f"{kind} and agent")
    requester, recipient = (agent, other) if action == "cancel" else (other, agent)
    handle = "@" + other.handle.upper()
    refused(await respond(town, agent, action=action, handle=handle), 404, "not_found")
    request = await asked(town, requester, recipient)
    wrong = "approve" if action == "cancel" else "cancel"
    refused(await respond(town, agent, action=wrong, handle=handle), 404, "not_found")
    answer = data(await respond(town, agent, action=action, handle=handle))
    assert answer == {"id": request, "status": status}
    refused(await respond(town, agent, action=action, handle=handle), 409, "conflict")


async def test_of_several_requests_a_handle_names_the_one_that_waits(town: Town) -> None:
    other, agent = await pair(town, "person and agent")
    for _ in range(2):
        data(await act(town, agent, "reject", await asked(town, other, agent)))
    request = await asked(town, other, agent)
    answer = data(await respond(town, agent, action="approve", handle=other.handle))
    assert answer == {"id": request, "status": "approved"}


async def test_an_id_wins_over_a_handle(town: Town) -> None:
    one, agent = await pair(town, "person and agent")
    other = await town.newcomer()
    first, second = await asked(town, one, agent), await asked(town, other, agent)
    answer = await respond(town, agent, action="reject", handle=one.handle, request_id=second)
    assert data(answer)["id"] == second
    assert await waiting(town, agent) == [first]
    answer = await respond(town, agent, action="reject", handle=one.handle, request_id=NOBODY)
    refused(answer, 404, "not_found")


@pytest.mark.parametrize("handle", ["nobody.at.all", "@"])
@pytest.mark.parametrize("action", ["approve", "reject", "cancel"])
async def test_nothing_waits_between_an_agent_and_nobody(town: Town, action: str, handle: str) -> None:
    refused(await respond(town, town.scout, action=action, handle=handle), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ({"action": "approve"}, 400, []),
        ({"action": "approve", "handle": None, "request_id": None}, 400, []),
        ({"action": "approve", "handle": "x", "colour": "red"}, 400, ["/colour"]),
        ({"handle": "x"}, 422, ["/action"]),
        ({"action": "accept", "handle": "x"}, 422, ["/action"]),
        ({"action": "approve", "request_id": "a b"}, 422, ["/request_id"]),
        ({}, 422, ["/action"]),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused(
    town: Town, body: Json, status: int, pointers: list[str]
) -> None:
    code = {400: "bad_request", 422: "validation_error"}[status]
    assert list(refused(await respond(town, town.scout, **body), status, code)) == pointers


async def test_an_answer_may_leave_null_what_it_does_not_need(town: Town) -> None:
    other, agent = await pair(town, "person and agent")
    request = await asked(town, other, agent)
    data(await respond(town, agent, action="reject", handle=None, request_id=request))
    await asked(town, other, agent)
    data(await respond(town, agent, action="reject", handle=other.handle, request_id=None))


async def test_responding_is_answering_not_taking_back(town: Town) -> None:
    ann, ben = await two(town)
    answered = await asked(town, ann, ben)
    data(await act(town, ben, "reject", answered))
    taken_back = await asked(town, ann, ben)
    data(await act(town, ann, "cancel", taken_back))
    times = {one["id"]: one["responded_at"] for one in (await town.get(ann, SENT))["data"]}
    assert is_time(times[answered])
    assert times[taken_back] is None


# Listing


async def story(town: Town, who: Somebody) -> dict[str, str]:
    """Requests of somebody's in every status, oldest first."""
    others = [await town.newcomer() for _ in range(4)]
    ids = [await asked(town, who, other) for other in others]
    data(await act(town, others[0], "approve", ids[0]))
    data(await act(town, others[1], "reject", ids[1]))
    data(await act(town, who, "cancel", ids[2]))
    return dict(zip(["approved", "rejected", "cancelled", "pending"], ids, strict=True))


async def test_people_see_what_they_sent_newest_first(town: Town) -> None:
    ann = await town.newcomer()
    ids = await story(town, ann)
    newest_first = list(ids.items())[::-1]
    for query in ({}, {"status": "all"}):
        listed = (await town.get(ann, SENT, **query))["data"]
        assert [(one["status"], one["id"]) for one in listed] == newest_first
    for status, id in ids.items():
        body = await town.get(ann, SENT, status=status)
        assert [one["id"] for one in body["data"]] == [id]
        assert body["metadata"]["total_count"] == 1


async def test_agents_see_what_waits_of_what_they_sent_unless_they_ask_for_more(town: Town) -> None:
    pet = await town.here.agent(await town.newcomer(), "Pet")
    ids = await story(town, pet)
    for query, expected in [
        ({}, [ids["pending"]]),
        ({"sent_status": "all"}, list(ids.values())[::-1]),
        *[({"sent_status": status}, [id]) for status, id in ids.items()],
    ]:
        body = await town.get(pet, "/agent/contacts/requests", **query)
        assert [one["id"] for one in body["data"]["sent"]] == expected
        assert body["metadata"]["sent"] == {"total": len(expected), "total_pages": 1}
        assert body["data"]["received"] == []


async def test_only_what_waits_is_received(town: Town) -> None:
    ann = await town.newcomer()
    pet = await town.here.agent(ann, "Pet")
    for who in (ann, pet):
        ids = [await asked(town, await town.newcomer(), who) for _ in range(4)]
        data(await act(town, who, "approve", ids[0]))
        data(await act(town, who, "reject", ids[1]))
        assert await waiting(town, who) == [ids[3], ids[2]]


async def test_people_page_through_requests(town: Town) -> None:
    ann = await town.newcomer()
    received = [await asked(town, await town.newcomer(), ann) for _ in range(3)][::-1]
    sent = [await asked(town, ann, await town.newcomer()) for _ in range(3)][::-1]
    for path, ids in [(RECEIVED[0], received), (RECEIVED[1], received), (SENT, sent)]:
        pages = [await town.get(ann, path, page=page, page_size=2) for page in (1, 2, 3)]
        assert [[one["id"] for one in page["data"]] for page in pages] == [ids[:2], ids[2:], []]
        info = pages[1]["metadata"]
        assert info.items() >= {"page": 2, "page_size": 2, "total_count": 3, "total_pages": 2}.items()


async def test_agents_page_through_each_direction_by_itself(town: Town) -> None:
    pet = await town.here.agent(await town.newcomer(), "Pet")
    empty = await town.get(pet, "/agent/contacts/requests")
    nothing = {"total": 0, "total_pages": 1}
    assert empty == {
        "data": {"received": [], "sent": []},
        "metadata": {"page": 1, "page_size": 20, "received": nothing, "sent": nothing},
    }
    received = [await asked(town, await town.newcomer(), pet) for _ in range(3)][::-1]
    sent = [await asked(town, pet, await town.newcomer()) for _ in range(5)][::-1]
    for page in (1, 2, 3, 4):
        body = await town.get(pet, "/agent/contacts/requests", page=page, page_size=2)
        some = slice(2 * page - 2, 2 * page)
        assert [one["id"] for one in body["data"]["received"]] == received[some]
        assert [one["id"] for one in body["data"]["sent"]] == sent[some]
        assert body["metadata"] == {
            "page": page,
            "page_size": 2,
            "received": {"total": 3, "total_pages": 2},
            "sent": {"total": 5, "total_pages": 3},
        }


@pytest.mark.parametrize(
    ("path", "query"),
    [
        *[(path, {"page": "0"}) for path in [*RECEIVED, SENT, "/agent/contacts/requests"]],
        *[(path, {"page_size": "101"}) for path in [*RECEIVED, SENT, "/agent/contacts/requests"]],
        (SENT, {"status": "expired"}),
        (SENT, {"sent_status": "all"}),
        (RECEIVED[0], {"status": "all"}),
        ("/agent/contacts/requests", {"sent_status": "new"}),
        ("/agent/contacts/requests", {"status": "all"}),
    ],
)
async def test_a_list_that_cannot_be_had_is_refused(town: Town, path: str, query: dict[str, str]) -> None:
    who = town.scout if path.startswith("/agent") else town.alice
    answer = await town.http.get(path, params=query, headers=by(who))
    assert list(refused(answer, 422, "validation_error")) == [f"/{name}" for name in query]


# After one side has removed the other


@pytest.mark.parametrize("kinds", KINDS)
async def test_who_was_left_by_a_contact_keeps_the_record_when_asked_again(town: Town, kinds: str) -> None:
    one, other = await pair(town, kinds)
    await befriend(town, one, other)
    kept = await contact(town, other)
    gone = await contact(town, one)
    data(await remove(town, one, contact_id=gone["id"]))
    assert refused(await ask(town, other, one.handle), 409, "conflict") == {}
    request = await asked(town, one, other)
    data(await act(town, other, "approve", request))
    assert await contact(town, other) == kept
    assert (await contact(town, one))["id"] != gone["id"]


async def test_who_still_has_a_record_may_ask_back_all_the_same(town: Town) -> None:
    ann, ben = await two(town)
    await befriend(town, ann, ben)
    kept = await contact(town, ben)
    data(await remove(town, ann, handle=ben.handle))
    request = await asked(town, ann, ben)
    assert data(await ask(town, ben, ann.handle), 201)["id"] == request
    assert await contact(town, ben) == kept
    assert (await contact(town, ann))["contact_id"] == ben.id
