"""Which answer has the id that another operation wants (OpenAPI links): the way a client goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.call import Json
from thenvoi_bridge.contract.chats import CreateChat, CreateMyChat
from thenvoi_bridge.contract.contacts import AddMyContact, ListMyContacts
from thenvoi_bridge.contract.memories import ListMyMemories, StoreMemory
from thenvoi_bridge.contract.messages import SendMessage
from thenvoi_bridge.contract.participants import ListMyParticipants, ListParticipants

ONE, FIRST = "/data/id", "/data/0/id"

GIVES: dict[type[Call[Any]], tuple[str, str]] = {
    CreateChat: ("chat_id", ONE),
    CreateMyChat: ("chat_id", ONE),
    SendMessage: ("message_id", ONE),
    ListParticipants: ("participant_id", FIRST),
    ListMyParticipants: ("participant_id", FIRST),
    RegisterMyAgent: ("agent_id", "/data/agent/id"),
    ListMyContacts: ("contact_id", FIRST),
    AddMyContact: ("request_id", ONE),
    StoreMemory: ("memory_id", ONE),
    ListMyMemories: ("memory_id", FIRST),
}
"""Whose answer has which argument of others, and where (RFC 6901)."""


def links(kind: type[Call[Any]]) -> Json:
    """The operations of the same side that an answer of this call has an id for, by operation id."""
    return dict(_links(kind)) if kind in GIVES else {}


def _links(kind: type[Call[Any]]) -> Iterator[tuple[str, Json]]:
    name, pointer = GIVES[kind]
    for other in CALLS:
        fields = other.route.path_fields
        if name in fields and other.route.side == kind.route.side:
            known = {field: f"$request.path.{field}" for field in fields if field in kind.route.path_fields}
            yield other.snake_name(), _link(other, {**known, name: f"$response.body#{pointer}"})


def _link(other: type[Call[Any]], parameters: Json) -> Json:
    return {"operationId": other.snake_name(), "parameters": parameters}
