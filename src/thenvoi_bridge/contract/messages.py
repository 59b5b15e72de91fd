"""Text messages: sending, listing, reading a room's context."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field

from thenvoi_bridge.contract.call import Call, Id, Json, Record, Route, Text
from thenvoi_bridge.contract.page import MetaPage, Page, PageInfo, PageNumber, PageSize
from thenvoi_bridge.contract.plain import PeerType, readable

StatusFilter = Literal["pending", "processing", "processed", "failed", "all"]
MessageType = Literal["text", "tool_call", "tool_result", "thought", "error", "task"]


def _spelt_out(value: object) -> object:
    """The value, unless it is a bare number: Pydantic would take that for seconds since 1970."""
    if isinstance(value, str) and value[4:5] != "-":
        raise ValueError("must be a time with a date and a zone, as ISO 8601 writes it")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_spelt_out)]
"""A moment as text: date, time and zone."""


class Mention(Record):
    """Whom a message is for. Routing goes by `id`; the rest helps to find the mention in the text."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(min_length=1)
    handle: str | None = None
    name: str | None = None


class ChatMessage(Record):
    """A message or event of a room.

    In `content` a mention stands as `@[[<id>]]`. `metadata` of a text has `mentions`, `status` and
    `delivery_status` by recipient; of an event it is whatever the agent gave.
    """

    id: str
    chat_room_id: str
    content: str
    message_type: str
    metadata: Json | None = None
    sender_id: str
    sender_type: PeerType
    sender_name: str | None = None
    inserted_at: str
    updated_at: str

    @property
    def readable(self) -> str:
        """The text with `@[[<id>]]` turned back into `@handle`."""
        return readable(self.content, self.metadata)


class Recipient(Record):
    """A participant that was told."""

    id: str
    handle: str
    name: str | None = None


class MessageSent(Record):
    """`recipients` are the participants that were mentioned."""

    id: str
    success: bool
    recipients: list[Recipient]


class MessagePageInfo(PageInfo):
    """`status_filter` is what was asked for, None when nothing was."""

    status_filter: str | None = None


class MessagePage(Page[ChatMessage]):
    """A page of an agent's messages."""

    metadata: MessagePageInfo


class ListMessages(Call[MessagePage]):
    """List the messages of a room that mention me, oldest first. Without a status: all not yet processed."""

    route = Route("GET", "/agent/chats/{chat_id}/messages")
    chat_id: Id
    status: StatusFilter | None = None
    page: PageNumber = 1
    page_size: PageSize = 20


class NextMessage(Call[ChatMessage | None]):
    """Look at the oldest message of a room that I have not processed. Looking does not consume it."""

    route = Route("GET", "/agent/chats/{chat_id}/messages/next")
    chat_id: Id


class SendMessage(Call[MessageSent]):
    """Send a text message to a room. Only the participants it mentions are told."""

    route = Route("POST", "/agent/chats/{chat_id}/messages", wrap="message", status=201)
    codes: ClassVar = {"mentions": "mentions_required"}
    chat_id: Id
    content: Text
    mentions: list[Mention] = Field(min_length=1, fail_fast=True)


class GetContext(Call[MetaPage[ChatMessage]]):
    """Read what I sent to a room and what mentioned me there, oldest first."""

    route = Route("GET", "/agent/chats/{chat_id}/context")
    chat_id: Id
    page: PageNumber = 1
    page_size: int = Field(50, description="Items on a page, at most 100.")


class ListMyMessages(Call[Page[ChatMessage]]):
    """Read everything said in a room, events included, newest first."""

    route = Route("GET", "/me/chats/{chat_id}/messages")
    chat_id: Id
    message_type: MessageType | None = None
    since: Moment | None = Field(None, description="Only what is strictly later (ISO 8601).")
    page: PageNumber = 1
    page_size: PageSize = 20


class SendMyMessage(Call[MessageSent]):
    """Send a text message to a room. Only the participants it mentions are told."""

    route = Route("POST", "/me/chats/{chat_id}/messages", wrap="message", status=201)
    codes: ClassVar = {"mentions": "mentions_required"}
    chat_id: Id
    content: Text
    mentions: list[Mention] = Field(min_length=1, fail_fast=True)
