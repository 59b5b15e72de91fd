"""Who may do and hear what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from thenvoi_bridge.contract.errors import Forbidden
from thenvoi_bridge.contract.feed import Topic, TopicKind
from thenvoi_bridge.contract.participants import Role
from thenvoi_bridge.contract.peers import PeerType


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as its credential says. `owner_id` is the person behind it: itself for a person.

    `key_id` is empty for somebody who came with a token; `plan` is that of the organisation.
    """

    id: str
    type: PeerType
    organization_id: str
    owner_id: str
    handle: str
    name: str
    key_id: str
    plan: str = "free"


MAY_ADD: dict[Role, frozenset[Role]] = {
    "owner": frozenset({"owner", "admin", "member"}),
    "admin": frozenset({"admin", "member"}),
    "member": frozenset({"member"}),
}
"""Role of the one who adds -> roles it may give."""

MAY_REMOVE: dict[Role, frozenset[Role]] = {
    "owner": frozenset({"owner", "admin", "member"}),
    "admin": frozenset({"member"}),
    "member": frozenset(),
}
"""Role of the one who removes -> roles it may remove in others."""

OWN_TOPICS: dict[PeerType, frozenset[TopicKind]] = {
    "User": frozenset({"user_rooms", "user_contacts", "tasks"}),
    "Agent": frozenset({"agent_rooms", "agent_contacts", "agent_control"}),
}
"""Topics that carry the identity's own id; everybody else's are refused."""

ROOM_TOPICS: frozenset[TopicKind] = frozenset({"chat_room", "room_participants"})
"""Topics that carry a room's id; its participants may join."""


FOR_PEOPLE = frozenset({"message_updated", "event_created"})
"""Events of a room that agents are not pushed (vendor: users only)."""

OF_MESSAGES = FOR_PEOPLE | {"message_created"}


FOR_PEOPLE = frozenset({"message_updated", "event_created"})
"""Events of a room that agents are not pushed (vendor: users only)."""


def check_add(actor_role: Role, given: Role) -> None:
    """Raise `Forbidden` unless a participant of this role may give that role."""
    if given not in MAY_ADD[actor_role]:
        raise Forbidden(f"As {actor_role} of this room you may not add somebody as {given}")


def check_remove(actor: Principal, actor_role: Role, target_id: str, target_role: Role) -> None:
    """Raise `Forbidden` unless the caller may take the target out of the room."""
    if target_id == actor.id:
        if actor_role == "owner":
            raise Forbidden("The owner of a room cannot leave it")
        return
    if actor.type == "Agent" and target_id == actor.owner_id:
        raise Forbidden("An agent may not remove its owner")
    if target_role not in MAY_REMOVE[actor_role]:
        raise Forbidden(f"As {actor_role} of this room you may not remove its {target_role}")


def own_topic(principal: Principal, topic: Topic) -> Literal["yes", "no", "ask the room"]:
    """Whether the principal may join a topic, as far as that can be said without looking at a room."""
    if topic.kind in ROOM_TOPICS:
        return "ask the room"
    return "yes" if topic.kind in OWN_TOPICS[principal.type] and topic.id == principal.id else "no"


def hears(principal: Principal, event: str, payload: dict[str, Any]) -> bool:
    """Whether a subscriber is pushed this event: agents only texts of others that mention them (seed)."""
    if principal.type == "User":
        return True
    if event != "message_created":
        return event not in FOR_PEOPLE
    if payload["sender_id"] == principal.id:
        return False
    return any(mention["id"] == principal.id for mention in payload["metadata"]["mentions"])
