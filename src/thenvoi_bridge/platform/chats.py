"""Rooms: listing, opening, looking."""

from __future__ import annotations

from typing import LiteralString

from thenvoi_bridge.contract.chats import (
    ChatRoom,
    CreateChat,
    CreateMyChat,
    GetChat,
    GetMyChat,
    ListChats,
    ListMyChats,
)
from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.platform import participants
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rooms import room, seat
from thenvoi_bridge.platform.rules.access import Principal

DEFAULT_TITLE = "New chat"
"""What a room is called until its first message."""


@handler
def list_chats(call: ListChats, me: Principal, tx: Change) -> Page[ChatRoom]:
    """The rooms an agent is in, oldest first."""
    return _page(call, me, tx, "ASC")


@handler
def list_my_chats(call: ListMyChats, me: Principal, tx: Change) -> Page[ChatRoom]:
    """The rooms a person is in, newest first."""
    return _page(call, me, tx, "DESC")


@handler
def get_chat(call: GetChat | GetMyChat, me: Principal, tx: Change) -> ChatRoom:
    """One room. Raises `NotFound` unless the caller is in it."""
    seat(tx, call.chat_id, me)
    return ChatRoom.model_validate(room(tx, call.chat_id))


@handler
def create_chat(call: CreateChat | CreateMyChat, me: Principal, tx: Change) -> ChatRoom:
    """A new room with the caller as its owner, who is told of it like anybody who enters."""
    row = tx.one(
        "INSERT INTO chats (id, title, task_id, last_at, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING *",
        tx.new_id(), DEFAULT_TITLE, call.task_id, tx.now, tx.now, tx.now,
    )  # fmt: skip
    assert row is not None
    participants.enter(tx, row, me.id, "owner")
    return ChatRoom.model_validate(row)


def _page(call: ListChats | ListMyChats, me: Principal, tx: Change, order: LiteralString) -> Page[ChatRoom]:
    where = "FROM chats JOIN participants ON chat_id = chats.id AND actor_id = ? AND status = 'active'"
    sql = f"SELECT chats.* {where} ORDER BY inserted_at {order}, chats.id {order} LIMIT ? OFFSET ?"
    total = tx.one(f"SELECT count(*) AS n {where}", me.id)
    assert total is not None
    return Page(
        data=[ChatRoom.model_validate(row) for row in tx.all(sql, me.id, *window(call))],
        metadata=PageInfo.of(call.page, call.page_size, total["n"]),
    )
