"""The matrices of rest.md 6.7 and websocket.md 3, written out once more and independently."""

from typing import Any, get_args

import pytest

from thenvoi_bridge.contract.errors import Forbidden
from thenvoi_bridge.contract.feed import Topic, TopicKind
from thenvoi_bridge.contract.participants import Role
from thenvoi_bridge.contract.peers import PeerType
from thenvoi_bridge.platform.rules.access import Principal, check_add, check_remove, hears, own_topic

PERSON = Principal("alice", "User", "acme", "alice", "alice", "Alice", "key")
AGENT = Principal("scout", "Agent", "acme", "alice", "alice/scout", "Scout", "key")
ROLES: tuple[Role, ...] = get_args(Role)

ADDS: dict[Role, set[Role]] = {
    "owner": {"owner", "admin", "member"},
    "admin": {"admin", "member"},
    "member": {"member"},
}
REMOVES: dict[Role, set[Role]] = {"owner": {"owner", "admin", "member"}, "admin": {"member"}, "member": set()}


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("given", ROLES)
def test_nobody_gives_more_than_the_matrix_allows(actor: Role, given: Role) -> None:
    if given in ADDS[actor]:
        check_add(actor, given)
    else:
        with pytest.raises(Forbidden, match=f"As {actor}.*as {given}"):
            check_add(actor, given)


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("target", ROLES)
@pytest.mark.parametrize("who", [PERSON, AGENT], ids=["person", "agent"])
def test_nobody_removes_others_against_the_matrix(who: Principal, actor: Role, target: Role) -> None:
    if target in REMOVES[actor]:
        check_remove(who, actor, "bob", target)
    else:
        with pytest.raises(Forbidden, match=f"As {actor}.*its {target}"):
            check_remove(who, actor, "bob", target)


@pytest.mark.parametrize("who", [PERSON, AGENT], ids=["person", "agent"])
@pytest.mark.parametrize("role", ["admin", "member"])
def test_everybody_but_the_owner_may_leave(who: Principal, role: Role) -> None:
    check_remove(who, role, who.id, role)


@pytest.mark.parametrize("who", [PERSON, AGENT], ids=["person", "agent"])
def test_the_owner_of_a_room_cannot_leave_it(who: Principal) -> None:
    with pytest.raises(Forbidden, match="cannot leave"):
        check_remove(who, "owner", who.id, "owner")


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("target", ROLES)
def test_an_agent_never_removes_its_owner(actor: Role, target: Role) -> None:
    with pytest.raises(Forbidden, match="its owner"):
        check_remove(AGENT, actor, AGENT.owner_id, target)


OWN: dict[PeerType, set[TopicKind]] = {
    "User": {"user_rooms", "user_contacts", "tasks"},
    "Agent": {"agent_rooms", "agent_contacts", "agent_control"},
}


@pytest.mark.parametrize("kind", get_args(TopicKind))
@pytest.mark.parametrize("who", [PERSON, AGENT], ids=["person", "agent"])
@pytest.mark.parametrize("id", ["own", "another", ""])
def test_topics_are_for_those_whose_id_they_carry(kind: TopicKind, who: Principal, id: str) -> None:
    verdict = own_topic(who, Topic(kind, who.id if id == "own" else id))
    if kind in ("chat_room", "room_participants"):
        assert verdict == "ask the room"
    else:
        assert verdict == ("yes" if id == "own" and kind in OWN[who.type] else "no")


def message(sender: str, *mentioned: str) -> dict[str, Any]:
    return {"sender_id": sender, "metadata": {"mentions": [{"id": id} for id in mentioned]}}


@pytest.mark.parametrize(
    ("who", "event", "payload", "heard"),
    [
        (AGENT, "message_created", message("alice", "scout"), True),
        (AGENT, "message_created", message("alice", "bob", "scout"), True),
        (AGENT, "message_created", message("alice", "bob"), False),
        (AGENT, "message_created", message("alice"), False),
        (AGENT, "message_created", message("scout", "alice"), False),
        (AGENT, "message_created", message("scout", "scout"), False),
        (PERSON, "message_created", message("bob", "scout"), True),
        (PERSON, "message_created", message("alice", "scout"), True),
        (PERSON, "message_updated", message("bob", "scout"), True),
        (AGENT, "message_updated", message("alice", "scout"), False),
        (PERSON, "event_created", message("scout"), True),
        (AGENT, "event_created", message("alice", "scout"), False),
        (AGENT, "participant_added", {"id": "bob"}, True),
        (AGENT, "room_removed", {"id": "room"}, True),
        (PERSON, "participant_removed", {"id": "alice"}, True),
    ],
)
def test_agents_hear_what_mentions_them_and_people_hear_all(
    who: Principal, event: str, payload: dict[str, Any], heard: bool
) -> None:
    assert hears(who, event, payload) is heard
