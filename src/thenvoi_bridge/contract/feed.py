"""What the platform pushes over the WebSocket: topics, and the payload of each event.

Payloads are supersets of what the published clients' validators ask for; a listener needs only the fields
without a default.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from thenvoi_bridge.contract.call import Record
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


class MessageCreated(ChatMessage):
    """The message as REST gives it."""


Payload = RoomAdded | RoomRemoved | ParticipantAdded | ParticipantRemoved | MessageCreated

_PAYLOADS: dict[str, type[Payload]] = {
    "message_created": MessageCreated,
    "room_added": RoomAdded,
    "room_removed": RoomRemoved,
    "participant_added": ParticipantAdded,
    "participant_removed": ParticipantRemoved,
}
_NAMES = {kind: name for name, kind in _PAYLOADS.items()}


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
    if kind is MessageCreated:
        payload = {**payload, "chat_room_id": topic.id}
    try:
        return kind.model_validate(payload)
    except ValidationError as exc:
        raise Unreadable(f"{name}: {exc.error_count()} fields do not fit") from exc
