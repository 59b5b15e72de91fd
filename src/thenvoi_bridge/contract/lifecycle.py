"""How far an agent has come with a message that mentions it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Id, Record, Route, Text


class MessageStatus(Record):
    """`attempt_number` counts from 1; every `processing` opens a new attempt."""

    id: str
    status: Literal["processing", "processed", "failed"]
    attempt_number: int
    success: bool


class MarkProcessing(Call[MessageStatus]):
    """Say that I am working on a message. Opens a new attempt."""

    route = Route(
        "POST", "/agent/chats/{chat_id}/messages/{message_id}/processing", repeatable=True, errors=(409,)
    )
    chat_id: Id
    message_id: Id


class MarkProcessed(Call[MessageStatus]):
    """Say that a message is done. It will not be offered again."""

    route = Route(
        "POST", "/agent/chats/{chat_id}/messages/{message_id}/processed", repeatable=True, errors=(409,)
    )
    chat_id: Id
    message_id: Id


class MarkFailed(Call[MessageStatus]):
    """Say that the work on a message failed, and why. It stays open for another attempt."""

    route = Route(
        "POST", "/agent/chats/{chat_id}/messages/{message_id}/failed", repeatable=True, errors=(409,)
    )
    chat_id: Id
    message_id: Id
    error: Text = Field(description="Why it failed.")
