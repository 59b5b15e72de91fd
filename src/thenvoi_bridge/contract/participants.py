"""Who is in a room."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Envelope, Id, Record, Route, Uuid
from thenvoi_bridge.contract.page import PageInfo
from thenvoi_bridge.contract.peers import PeerType

Role = Literal["owner", "admin", "member"]


class Participant(Record):
    """A person or agent in a room. `status` is membership, not presence."""

    id: str
    type: PeerType
    role: Role
    status: str
    name: str | None = None
    handle: str | None = None


class ParticipantDetails(Participant):
    """The same, as people see it; `description` and `is_external` are for agents only."""

    description: str | None = None
    is_external: bool | None = None


class ParticipantList(Envelope):
    """Everybody in a room, as people see it; in one page, since older clients do not ask for a second."""

    data: list[ParticipantDetails]
    metadata: PageInfo | None = None


class ListParticipants(Call[list[Participant]]):
    """List who is in a room, in the order they joined. Mention them by these handles."""

    route = Route("GET", "/agent/chats/{chat_id}/participants")
    chat_id: Id


class AddParticipant(Call[Participant]):
    """Bring a peer into a room."""

    route = Route(
        "POST", "/agent/chats/{chat_id}/participants", wrap="participant", status=201, errors=(409,)
    )
    chat_id: Id
    participant_id: Uuid = Field(description="Id of the person or agent, from list_peers.")
    role: Role = "member"


class RemoveParticipant(Call[Participant]):
    """Take somebody out of a room, or leave it yourself."""

    route = Route("DELETE", "/agent/chats/{chat_id}/participants/{participant_id}")
    chat_id: Id
    participant_id: Id


class ListMyParticipants(Call[ParticipantList]):
    """List who is in a room, in the order they joined."""

    route = Route("GET", "/me/chats/{chat_id}/participants")
    chat_id: Id
    participant_type: PeerType | None = Field(None, description="Only people or only agents.")


class AddMyParticipant(Call[Participant]):
    """Bring a peer into a room."""

    route = Route("POST", "/me/chats/{chat_id}/participants", wrap="participant", status=201, errors=(409,))
    chat_id: Id
    participant_id: Uuid = Field(description="Id of the person or agent, from list_my_peers.")
    role: Role = "member"


class RemoveMyParticipant(Call[Participant]):
    """Take somebody out of a room, or leave it yourself."""

    route = Route("DELETE", "/me/chats/{chat_id}/participants/{participant_id}")
    chat_id: Id
    participant_id: Id
