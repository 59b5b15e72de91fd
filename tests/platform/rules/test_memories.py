"""The rules for memories, written out once more and independently."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.contract.errors import Forbidden, Unprocessable
from thenvoi_bridge.contract.memories import MemoryStatus, MemorySystem, MemoryType, Scope
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.memories import (
    Order,
    Ties,
    after,
    check_change,
    check_subject,
    check_type,
    folded,
    may_see,
    words,
)

SYSTEMS: tuple[MemorySystem, ...] = get_args(MemorySystem)
TYPES: tuple[MemoryType, ...] = get_args(MemoryType)
STATES: tuple[MemoryStatus, ...] = get_args(MemoryStatus)
ORDERS: tuple[Order, ...] = get_args(Order)
SCOPES: tuple[Scope, ...] = get_args(Scope)

PERSON = Principal("alice", "User", "acme", "alice", "alice", "Alice", "key")
AGENT = Principal("scout", "Agent", "acme", "alice", "alice/scout", "Scout", "key")

# What a memory can be

PAIRS = {
    *product(["sensory"], ["iconic", "echoic", "haptic"]),
    *product(["working", "long_term"], ["episodic", "semantic", "procedural"]),
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("type", TYPES)
def test_each_system_has_its_types(system: MemorySystem, type: MemoryType) -> None:
    if (system, type) in PAIRS:
        check_type(system, type)
    else:
        with pytest.raises(Unprocessable) as refused:
            check_type(system, type)
        ((pointer, (why,)),) = refused.value.details.items()
        assert (refused.value.code, pointer) == ("validation_error", "/memory/type")
        assert set(why.removeprefix("must be one of ").split(", ")) == {t for s, t in PAIRS if s == system}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("subject", [None, "alice"])
def test_only_what_is_for_everybody_may_be_about_nobody(scope: Scope, subject: str | None) -> None:
    if (scope, subject) != ("subject", None):
        return check_subject(scope, subject)
    with pytest.raises(Unprocessable) as refused:
        check_subject(scope, subject)
    assert list(refused.value.details) == ["/memory/subject_id"]


# What becomes of it

LIFE: dict[MemoryStatus, dict[Order, MemoryStatus]] = {
    "active": {"supersede": "superseded", "archive": "archived"},
    "archived": {"supersede": "superseded", "archive": "archived", "restore": "active"},
    "superseded": {"supersede": "superseded", "archive": "superseded"},
}


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_in_every_state(status: MemoryStatus, order: Order) -> None:
    if order in LIFE[status]:
        assert after(status, order) == LIFE[status][order]
    else:
        with pytest.raises(Unprocessable, match=f"{order} a memory that is {status}"):
            after(status, order)


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("order", ["supersede", "archive"])
def test_what_an_agent_orders_is_never_refused_and_may_be_repeated(
    status: MemoryStatus, order: Order
) -> None:
    once = after(status, order)
    assert after(once, order) == once != "active"


# Who may see and change it

SUBJECTS = [None, "alice", "bob", "scout"]
MEMORIES = [Ties(*ties) for ties in product(["acme", "evil"], ["scout", "muse"], SUBJECTS, SCOPES)]


@pytest.mark.parametrize("in_room", [True, False])
@pytest.mark.parametrize("memory", MEMORIES, ids=str)
def test_agents_see_what_their_organisation_remembers(memory: Ties, in_room: bool) -> None:
    assert may_see(AGENT, memory, in_room=in_room) is (memory.organization_id == "acme")


@pytest.mark.parametrize("in_room", [True, False])
@pytest.mark.parametrize("memory", MEMORIES, ids=str)
def test_people_see_what_concerns_them(memory: Ties, in_room: bool) -> None:
    reasons = {in_room, memory.subject_id == "alice", memory.scope == "organization"}
    assert may_see(PERSON, memory, in_room=in_room) is (memory.organization_id == "acme" and any(reasons))


@pytest.mark.parametrize("memory", MEMORIES, ids=str)
@pytest.mark.parametrize("who", [PERSON, AGENT], ids=["person", "agent"])
def test_agents_change_what_they_wrote_and_people_what_is_about_them(who: Principal, memory: Ties) -> None:
    whose = memory.source_agent_id if who is AGENT else memory.subject_id
    if whose == who.id:
        check_change(who, memory)
    else:
        with pytest.raises(Forbidden):
            check_change(who, memory)


# Searching


@given(st.text(), st.text(), st.text())
def test_whatever_is_in_a_text_is_found_in_any_case(before: str, text: str, behind: str) -> None:
    content = folded(before + text + behind)
    for spelling in (text, text.casefold(), text.swapcase()) if text.isascii() else (text, text.casefold()):
        assert all(word in content for word in words(spelling))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        (" \n", []),
        ("Likes TEA", ["likes", "tea"]),
        ("tea, Tea TEA", ["tea,", "tea"]),
        ("ÜBER Straße", ["über", "strasse"]),
        ("100%\t_", ["100%", "_"]),
    ],
)
def test_a_query_is_its_words_each_once(query: str, expected: list[str]) -> None:
    assert words(query) == expected
