"""What the platform pushes over the WebSocket: topics, and the payload of each event.

Payloads are supersets of what the published clients' validators ask for; a listener needs only the fields
without a default.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from thenvoi_bridge.contract.call import Record
from thenvoi_bridge.contract.contacts import ContactRequest, ReceivedRequest, RequestOutcome
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.contract.peers import PeerType

TopicKind = Literal[
    "chat_room",
    "room_participants",
    "agent_rooms",
    "user_rooms",
    "agent_contacts",
    "user_contacts",
    "agent_control",
    "tasks",
]


class Topic(NamedTuple):
    """`kind:id`; the id is a room's or the caller's own (seed, WebSocket channels)."""

    kind: TopicKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Topic | None:
        """The topic a text names, or None if its kind is unknown."""
        kind, _, id = text.partition(":")
        known: tuple[TopicKind, ...] = TopicKind.__args__  # type: ignore[attr-defined]  # typing's own reader
        return next((cls(k, id) for k in known if k == kind), None)


class RoomAdded(Record):
    """The identity became a participant, its own new rooms included."""

    id: str
    title: str | None = None
    task_id: str | None = None
    inserted_at: str | None = None
    updated_at: str | None = None


class RoomRemoved(RoomAdded):
    """The identity is no participant any more. The last three please the TypeScript client."""

    status: str = "removed"
    type: str = "direct"
    removed_at: str | None = None


class ParticipantAdded(Record):
    """Somebody entered a room. Members that are not known are left out, never null."""

    id: str
    type: PeerType
    name: str
    handle: str | None = None
    description: str | None = None
    is_external: bool | None = None
    role: str | None = None
    status: str | None = None


class ParticipantRemoved(Record):
    """Somebody left a room, or was taken out of it."""

    id: str
    type: PeerType | None = None
    name: str | None = None


class RoomDeleted(Record):
    """The room is no more; nothing follows on its topics."""

    id: str


class MessageCreated(ChatMessage):
    """The message as REST gives it."""


class MessageUpdated(ChatMessage):
    """The message again, once a recipient has come further with it (later era). Told to people only."""


class EventPosted(ChatMessage):
    """What an agent did or thought, as REST gives it (later era). Told to people only."""


class ContactRequestReceived(ReceivedRequest):
    """Somebody wants to become a contact of an agent."""


class MyContactRequestReceived(ContactRequest):
    """The same for a person, who is told of both parties."""


class ContactRequestUpdated(RequestOutcome):
    """A request was answered or taken back; told to both parties."""


class ContactAdded(Record):
    """Two have become contacts. `id` is that of the hearer's own record."""

    id: str
    handle: str
    name: str
    type: PeerType
    description: str | None = None
    is_external: bool | None = None
    inserted_at: str | None = None


class ContactRemoved(Record):
    """A contact of the hearer's is no more. `id` is that of the record."""

    id: str


class Supersede(Record):
    """Another connection of this agent has taken over; this one must not come back (later era)."""

    reason: str
    message: str
    correlation_id: str
    retryable: bool = False


Payload = (
    RoomAdded
    | RoomRemoved
    | RoomDeleted
    | ParticipantAdded
    | ParticipantRemoved
    | MessageCreated
    | MessageUpdated
    | EventPosted
    | ContactRequestReceived
    | MyContactRequestReceived
    | ContactRequestUpdated
    | ContactAdded
    | ContactRemoved
    | Supersede
)

_NAMES: dict[type[Payload], str] = {
    MessageCreated: "message_created",
    MessageUpdated: "message_updated",
    EventPosted: "event_created",
    RoomAdded: "room_added",
    RoomRemoved: "room_removed",
    RoomDeleted: "room_deleted",
    ParticipantAdded: "participant_added",
    ParticipantRemoved: "participant_removed",
    MyContactRequestReceived: "contact_request_received",
    ContactRequestReceived: "contact_request_received",
    ContactRequestUpdated: "contact_request_updated",
    ContactAdded: "contact_added",
    ContactRemoved: "contact_removed",
    Supersede: "supersede",
}
_PAYLOADS = {name: kind for kind, name in _NAMES.items()}  # of two, the agents' form is the last


class Unreadable(ValueError):
    """A known event whose payload does not fit; the reader should look at REST instead."""


def event_name(payload: Payload) -> str:
    """The event a payload travels under."""
    return _NAMES[type(payload)]


def read_event(name: str, topic: Topic, payload: dict[str, Any]) -> Payload | None:
    """The payload of an event, or None for an event nobody here knows.

    A message's room is taken from the topic: servers of the era leave `chat_room_id` out.
    Raises `Unreadable`.
    """
    kind = _PAYLOADS.get(name)
    if kind is None:
        return None
    if kind is ContactRequestReceived and topic.kind == "user_contacts":
        kind = MyContactRequestReceived
    if issubclass(kind, ChatMessage):
        payload = {**payload, "chat_room_id": topic.id}
    try:
        return kind.model_validate(payload)
    except ValidationError as exc:
        raise Unreadable(f"{name}: {exc.error_count()} fields do not fit") from exc
