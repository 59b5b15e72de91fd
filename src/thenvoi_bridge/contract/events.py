"""What an agent did or thought: shown to the people of a room, told to nobody."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Id, Json, Record, Route, Text

EventType = Literal["tool_call", "tool_result", "thought", "error", "task"]


class EventCreated(Record):
    """An event that was posted."""

    id: str
    message_type: EventType
    success: bool


class SendEvent(Call[EventCreated]):
    """Post an event to a room: a tool call, its result, a thought, an error, a task. No mentions."""

    route = Route("POST", "/agent/chats/{chat_id}/events", wrap="event", status=201)
    chat_id: Id
    content: Text
    message_type: EventType
    metadata: Json | None = Field(None, description="Structured data of the event.")
