"""Rooms."""

from __future__ import annotations

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Id, Record, Route
from thenvoi_bridge.contract.page import Page, PageNumber, PageSize


class ChatRoom(Record):
    """A room. `title` is taken from its first message."""

    id: str
    title: str | None = None
    task_id: str | None = None
    inserted_at: str
    updated_at: str


class ListChats(Call[Page[ChatRoom]]):
    """List the rooms I am in, oldest first."""

    route = Route("GET", "/agent/chats")
    page: PageNumber = 1
    page_size: PageSize = 20


class GetChat(Call[ChatRoom]):
    """Look at one room I am in."""

    route = Route("GET", "/agent/chats/{chat_id}")
    chat_id: Id


class CreateChat(Call[ChatRoom]):
    """Open a new room with me as its owner. Add participants next, then send a message."""

    route = Route("POST", "/agent/chats", wrap="chat", status=201)
    task_id: Id | None = Field(None, description="Task to link the room to.")


class ListMyChats(Call[Page[ChatRoom]]):
    """List the rooms I am in, newest first."""

    route = Route("GET", "/me/chats")
    page: PageNumber = 1
    page_size: PageSize = 20


class GetMyChat(Call[ChatRoom]):
    """Look at one room I am in."""

    route = Route("GET", "/me/chats/{chat_id}")
    chat_id: Id


class CreateMyChat(Call[ChatRoom]):
    """Open a new room with me as its owner. Add participants next, then send a message."""

    route = Route("POST", "/me/chats", wrap="chat", status=201)
    task_id: Id | None = Field(None, description="Task to link the room to.")
