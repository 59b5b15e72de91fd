"""Nobody reaches what is another's: every operation and every topic, tried by everybody who must not.

What a stranger is answered about a thing that is there and about one that is not is the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import httpx2
import pytest

from tests.platform.conftest import MEMORY
from tests.platform.line import Line, called, line, refusal
from tests.platform.stage import CANARY, KEYED, Attacker, Stage, spellings, staged
from tests.platform.town import NOBODY, Json, by, refused, side
from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.contacts import AddMyContact, RejectMyContact
from thenvoi_bridge.contract.feed import TopicKind
from thenvoi_bridge.contract.memories import GetMemory, ListMemories
from thenvoi_bridge.contract.messages import Mention, SendMyMessage

POINTERS = {"chat_id", "message_id", "not_in_chat", "contact_id", "request_id", "memory_id", "agent_id"}
"""Arguments that name a thing: whoever may not have it is refused."""


@pytest.fixture(scope="module")
async def stage() -> AsyncGenerator[Stage]:
    with TemporaryDirectory(dir=MEMORY) as folder:
        async with staged(Path(folder) / "platform") as it:
            yield it


def without_request_id(answer: httpx2.Response) -> tuple[int, Json]:
    body: Json = answer.json()
    return answer.status_code, {k: v for k, v in body["error"].items() if k != "request_id"}


def pairs(stage: Stage) -> Iterator[tuple[type[Call[Any]], Any, Any]]:
    """For every spelling of every call a request for a thing of Alice's or Scout's, and one for none."""
    for kind in KEYED:
        for ids in stage.targets:
            missing = dict.fromkeys(ids, NOBODY)
            for (_, there), (_, nowhere) in zip(spellings(kind, ids), spellings(kind, missing), strict=True):
                yield kind, there, nowhere


def pointed(kind: type[Call[Any]]) -> bool:
    return bool(POINTERS & kind.model_fields.keys())


def may_read(kind: type[Call[Any]], attacker: Attacker) -> bool:
    """Agents read what other agents of their organisation remember (seed, memories)."""
    return kind in (GetMemory, ListMemories) and attacker.same_organization


async def test_nobody_gets_hold_of_anything_by_rest(stage: Stage) -> None:
    before, probes = await stage.belongings(), 0
    for attacker in stage.attackers:
        for kind, there, nowhere in pairs(stage):
            what = f"{attacker.name}: {there.method} {there.path}"
            answers = [await stage.probe(attacker, wire) for wire in (there, nowhere)]
            probes += len(answers)
            check(kind, attacker, answers, what)
    assert probes >= 2000
    assert await stage.belongings() == before


def check(kind: type[Call[Any]], attacker: Attacker, answers: list[httpx2.Response], what: str) -> None:
    """Refused as this attacker must be, and alike whether the thing is there or not."""
    there, nowhere = answers
    if attacker.kind is None:
        status, code = 401, "unauthorized"
    elif kind.route.side not in (attacker.kind, "any"):
        status, code = 403, "forbidden"
    elif not pointed(kind) or may_read(kind, attacker):
        assert CANARY not in there.text or may_read(kind, attacker), what
        return
    elif "memory_id" in kind.model_fields and attacker.same_organization and kind.route.side == "agent":
        assert there.status_code == 403, what  # seen, but another's to change
        return
    else:
        status, code = 404, "not_found"
    assert there.status_code == status, f"{what}: {there.text}"
    refused(there, status, code)
    assert without_request_id(there) == without_request_id(nowhere), what


async def test_nobody_heard_a_canary(stage: Stage) -> None:
    """Memories apart, which are an organisation's: but those cross no border between organisations."""
    foreign = [a for a in stage.attackers if not a.same_organization]
    heard: list[str] = []
    for attacker in foreign:
        for kind, there, _ in pairs(stage):
            answer = await stage.probe(attacker, there)
            heard.append(f"{attacker.name} {kind.__name__} {answer.text}")
    assert [line for line in heard if CANARY in line] == []
    assert len(heard) >= 1000


@pytest.mark.parametrize("name", ["mallory", "bob"])
async def test_an_actor_of_another_organisation_cannot_be_brought_into_a_room(
    stage: Stage, name: str
) -> None:
    """One of the same organisation is seen, but no peer (contract, participants)."""
    attacker = getattr(stage.town, name)
    room = (await stage.town.here.room(attacker)).id
    answers = [
        await stage.town.http.post(
            f"/me/chats/{room}/participants",
            json={"participant": {"participant_id": id}},
            headers=by(attacker),
        )
        for id in (stage.town.scout.id, NOBODY)
    ]
    assert [answer.status_code for answer in answers] == ([404, 404] if name == "mallory" else [403, 404])
    if name == "mallory":
        assert without_request_id(answers[0]) == without_request_id(answers[1])


KINDS = get_args(TopicKind)


def topics(stage: Stage) -> list[str]:
    """Every topic that is Alice's, Scout's or their rooms'."""
    ids = [
        *(target["chat_id"] for target in stage.targets),
        stage.town.alice.id,
        stage.town.scout.id,
    ]
    return [f"{kind}:{id}" for kind in KINDS for id in ids]


async def test_nobody_joins_a_topic_that_is_anothers(stage: Stage) -> None:
    probes = 0
    for attacker in stage.attackers:
        if attacker.who is None:
            continue
        async with called(stage.town.here.url, {"api_key": attacker.who.key}) as it:
            for kind in KINDS:
                theirs = [topic for topic in topics(stage) if topic.startswith(f"{kind}:")]
                for topic in [*(f"{kind}:{id}" for id in (NOBODY, "nothing", "")), *theirs]:
                    await refused_join(it, topic)
                    probes += topic in theirs
    assert probes == 5 * len(KINDS) * 4


async def test_no_topic_opens_to_the_owner_as_herself_or_to_the_agent_as_its_owner(stage: Stage) -> None:
    alice, scout = stage.town.alice, stage.town.scout
    async with called(stage.town.here.url, {"api_key": alice.key}) as it:
        for kind in ("agent_rooms", "agent_contacts", "agent_control"):
            await refused_join(it, f"{kind}:{scout.id}")
    async with called(stage.town.here.url, {"api_key": scout.key}) as it:
        for kind in ("user_rooms", "user_contacts", "tasks"):
            await refused_join(it, f"{kind}:{alice.id}")


async def refused_join(it: Line, topic: str) -> None:
    assert await it.ask(topic) == {"status": "error", "response": {"reason": "unauthorized"}}, topic


async def test_no_socket_opens_without_a_good_key_or_as_somebody_elses_agent(stage: Stage) -> None:
    town = stage.town
    for attacker in stage.attackers:
        key = attacker.headers.get("X-API-Key", "")
        for agent_id in (town.scout.id, NOBODY, "garbage"):
            query = {"api_key": key, "agent_id": agent_id}
            if attacker.name == "two credentials":
                continue  # the key among them is Alice's, and a socket takes no second one
            assert await refusal(town.here.url, query) == (403, b""), attacker.name
        if attacker.who is None and attacker.name != "two credentials":
            assert await refusal(town.here.url, {"api_key": key}) == (403, b""), attacker.name


async def test_strangers_who_listen_to_all_they_may_hear_nothing_of_others(stage: Stage) -> None:
    town, room = stage.town, stage.targets[0]["chat_id"]
    dave = await town.here.person("Dave Poe", "Partner")
    for who in [attacker.who for attacker in stage.attackers if attacker.who]:
        async with called(town.here.url, {"api_key": who.key}) as it, line(town.here.url, town.alice) as hers:
            for kind in OWN[side(who)]:
                await it.join(f"{kind}:{who.id}")
            await hers.join(f"user_contacts:{town.alice.id}")
            said = SendMyMessage(chat_id=room, content=CANARY, mentions=[Mention(id=town.scout.id)])
            await town.alice.call(said)
            asked = await dave.call(AddMyContact(recipient_handle=town.alice.handle, message=CANARY))
            assert (await hers.event("contact_request_received"))["message"] == CANARY
            await town.alice.call(RejectMyContact(request_id=asked.id))
            await hers.event("contact_request_updated")  # whatever was to be told has been told by now
            assert await it.rest() == [], who.name


OWN = {"/me": ("user_rooms", "user_contacts", "tasks"), "/agent": ("agent_rooms", "agent_contacts")}
