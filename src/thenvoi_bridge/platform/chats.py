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
from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.feed import RoomDeleted, RoomRemoved, Topic
from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.platform import participants
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.limits import check_quota
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rooms import present, room, rooms_topic, seat
from thenvoi_bridge.platform.rules.access import ROOM_TOPICS, Principal

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
    """A new room with the caller as its owner, who is told of it like anybody who enters.

    Raises `Forbidden` (`limit_reached`).
    """
    if limit := tx.site.settings.max_chats:
        owned = "FROM participants WHERE actor_id = ? AND role = 'owner' AND status = 'active'"
        check_quota("chats", limit, tx.one(f"SELECT count(*) AS n {owned}", me.id))
    row = tx.one(
        "INSERT INTO chats (id, title, task_id, last_at, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING *",
        tx.new_id(), DEFAULT_TITLE, call.task_id, tx.now, tx.now, tx.now,
    )  # fmt: skip
    assert row is not None
    participants.enter(tx, row, me.id, "owner")
    return ChatRoom.model_validate(row)


def delete(tx: Change, chat_id: str) -> None:
    """End a room: everybody in it is told, and nobody is in it any more; its past is kept.

    Raises `NotFound`.
    """
    sql = "UPDATE chats SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL RETURNING *"
    chat = tx.one(sql, tx.now, chat_id)
    if chat is None:
        raise NotFound("Chat room not found")
    for who in present(tx, chat_id):
        removed = RoomRemoved.model_validate({**chat, "removed_at": tx.now})
        tx.tell(rooms_topic(who["type"], who["id"]), removed)
    tx.run("UPDATE participants SET status = 'inactive' WHERE chat_id = ?", chat_id)
    tx.tell(Topic("room_participants", chat_id), RoomDeleted(id=chat_id))
    for kind in ROOM_TOPICS:
        tx.close(Topic(kind, chat_id))


def _page(call: ListChats | ListMyChats, me: Principal, tx: Change, order: LiteralString) -> Page[ChatRoom]:
    where = "FROM chats JOIN participants ON chat_id = chats.id AND actor_id = ? AND status = 'active'"
    sql = f"SELECT chats.* {where} ORDER BY inserted_at {order}, chats.id {order} LIMIT ? OFFSET ?"
    total = tx.one(f"SELECT count(*) AS n {where}", me.id)
    assert total is not None
    return Page(
        data=[ChatRoom.model_validate(row) for row in tx.all(sql, me.id, *window(call))],
        metadata=PageInfo.of(call.page, call.page_size, total["n"]),
    )
