"""Three who ask, answer and remove each other as they like: the platform agrees with a model of it."""

from dataclasses import dataclass, field
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.platform.knowing import act, ask, contacts, remove, waiting
from tests.platform.town import Town, data, side
from tests.world import Somebody

Pair = tuple[str, str]

OUTCOME = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}
PAIRS = list(permutations(("owner", "pet", "other"), 2))

verbs = st.sampled_from(["ask", "ask", "remove", *OUTCOME])
pairs = st.sampled_from(PAIRS)
steps = st.lists(st.tuples(verbs, pairs, pairs), min_size=5, max_size=20)
"""What the first of a pair does to the second; or to a request, if that is what the verb is for."""


@dataclass
class Model:
    """Records as (whose, of whom); the newest request of each to each, with its status."""

    records: set[Pair] = field(default_factory=set[Pair])
    requests: dict[Pair, str] = field(default_factory=dict[Pair, str])

    def ask(self, pair: Pair) -> int:
        back = pair[::-1]
        if self.requests.get(back) == "pending":
            return self._approve(back, 201)
        if pair in self.records or self.requests.get(pair) == "pending":
            return 409
        self.requests[pair] = "pending"
        return 201

    def act(self, who: str, action: str, pair: Pair) -> int:
        requester, recipient = pair
        answers = who == recipient or (who, recipient) == ("owner", "pet")
        if not (answers or who == requester):
            return 404
        if not (who == requester if action == "cancel" else answers):
            return 403
        if self.requests[pair] != "pending":
            return 409
        if action == "approve":
            return self._approve(pair, 200)
        self.requests[pair] = OUTCOME[action]
        return 200

    def remove(self, pair: Pair) -> int:
        if pair not in self.records:
            return 404
        self.records.remove(pair)
        return 200

    def _approve(self, pair: Pair, status: int) -> int:
        self.requests[pair] = "approved"
        self.records |= {pair, pair[::-1]}
        return status


@pytest.fixture(scope="module")
async def trio(town: Town) -> dict[str, Somebody]:
    owner, other = await town.newcomer(), await town.newcomer()
    return {"owner": owner, "pet": await town.here.agent(owner, "Pet"), "other": other}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
async def test_whatever_they_do_in_whatever_order(
    town: Town, trio: dict[str, Somebody], taken: list[tuple[str, Pair, Pair]]
) -> None:
    model, ids = Model(), dict[Pair, str]()
    try:
        for verb, pair, request in taken:
            who, whom = trio[pair[0]], trio[pair[1]]
            if verb == "ask":
                answer = await ask(town, who, whom.handle)
                assert answer.status_code == model.ask(pair)
                if answer.status_code == 201 and model.requests.get(pair) == "pending":
                    ids[pair] = data(answer, 201)["id"]
            elif verb == "remove":
                answer = await remove(town, who, handle=whom.handle)
                assert answer.status_code == model.remove(pair)
            elif request in ids:
                answer = await act(town, who, verb, ids[request])
                assert answer.status_code == model.act(pair[0], verb, request)
            assert await seen(town, trio) == (model.records, pending(model, ids))
    finally:
        await forgotten(town, trio)


def pending(model: Model, ids: dict[Pair, str]) -> set[tuple[str, str]]:
    """Who has which request to answer."""
    return {(pair[1], ids[pair]) for pair, status in model.requests.items() if status == "pending"}


async def seen(town: Town, trio: dict[str, Somebody]) -> tuple[set[Pair], set[tuple[str, str]]]:
    """What the platform holds of all three."""
    names = {one.handle: name for name, one in trio.items()}
    records: set[Pair] = set()
    for name, who in trio.items():
        known = await contacts(town, who)
        handles = [one["handle"] if side(who) == "/agent" else one["user"]["handle"] for one in known]
        records |= {(name, names[handle]) for handle in handles}
    return records, {(name, id) for name, who in trio.items() for id in await waiting(town, who)}


async def forgotten(town: Town, trio: dict[str, Somebody]) -> None:
    """Everything as it was before."""
    for who in trio.values():
        for id in await waiting(town, who):
            data(await act(town, who, "reject", id))
        for record in await contacts(town, who):
            data(await remove(town, who, contact_id=record["id"]))
