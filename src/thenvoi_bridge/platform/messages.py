"""Text messages: sending, and the three views of a room's past."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import LiteralString

from thenvoi_bridge.contract.call import Json
from thenvoi_bridge.contract.errors import Unprocessable
from thenvoi_bridge.contract.feed import MessageCreated, Topic
from thenvoi_bridge.contract.messages import (
    ChatMessage,
    GetContext,
    ListMessages,
    ListMyMessages,
    MessagePage,
    MessagePageInfo,
    MessageSent,
    NextMessage,
    Recipient,
    SendMessage,
    SendMyMessage,
)
from thenvoi_bridge.contract.page import MetaPage, More, Page, PageInfo
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.chats import DEFAULT_TITLE
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.lifecycle import open_delivery
from thenvoi_bridge.platform.limits import check_quota
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.message_records import messages
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rooms import mentionable, room_of, seat
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.delivery import SHOWN, State
from thenvoi_bridge.platform.rules.loops import WINDOW, check_turns
from thenvoi_bridge.platform.rules.mentions import Mentionable, resolve, stored_form
from thenvoi_bridge.storage import Row, Tx, Value

DAY = 24 * 60 * 60
"""Seconds that the quota of messages is for."""

TITLE_LENGTH = 60
"""Characters of the first message that make a room's title."""


@handler
def send_message(call: SendMessage | SendMyMessage, me: Principal, tx: Change) -> MessageSent:
    """Store a text, note whom it is for, tell the room.

    Raises `NotFound`, `Unprocessable`, and `RateLimited` (`agent_loop`) where two agents go round in circles.
    """
    chat = room_of(tx, call.chat_id, me)
    check_size(tx, call.content, "/message/content")
    ids = [mention.id for mention in call.mentions]
    recipients = resolve(me.id, call.mentions, mentionable(tx, call.chat_id, ids))
    named = [{"id": r.id, "handle": r.handle, "name": r.name} for r in recipients]
    content = stored_form(call.content, call.mentions, recipients)
    check_size(tx, content, "/message/content")  # again: short names become long ids
    if me.type == "Agent":
        _check_turns(tx, call.chat_id, me.id, [r for r in recipients if r.type == "Agent"])
    chat = {**chat, "title": _title(chat, call.content)}
    message = append(tx, chat, me, "text", content, {"mentions": named, "status": "sent"})
    for recipient in recipients:
        if recipient.type == "Agent":
            open_delivery(tx, message, recipient.id)
            _note_seen(tx, recipient.id, call.chat_id)
    tx.tell(Topic("chat_room", call.chat_id), MessageCreated.model_validate(message))
    return MessageSent(id=message["id"], success=True, recipients=[Recipient(**n) for n in named])


@handler
def list_messages(call: ListMessages, me: Principal, tx: Change) -> MessagePage:
    """What mentions the agent in a room, oldest first. Raises `NotFound`."""
    seat(tx, call.chat_id, me)
    states = sorted(SHOWN[call.status])
    rows = _mentioning(tx, call.chat_id, me.id, states, *window(call))
    total = _count(tx, _mentioning_in(states), me.id, call.chat_id, *states)
    info = PageInfo.of(call.page, call.page_size, total).model_dump()
    return MessagePage(
        data=messages(tx, rows, me),
        metadata=MessagePageInfo.model_validate({**info, "status_filter": call.status}),
    )


@handler
def next_message(call: NextMessage, me: Principal, tx: Change) -> ChatMessage | None:
    """The oldest of it that is not processed; looking does not consume it. Raises `NotFound`."""
    seat(tx, call.chat_id, me)
    rows = _mentioning(tx, call.chat_id, me.id, sorted(SHOWN[None]), 1, 0)
    return next(iter(messages(tx, rows, me)), None)


@handler
def get_context(call: GetContext, me: Principal, tx: Change) -> MetaPage[ChatMessage]:
    """What the agent sent and what mentions it, oldest first. Raises `NotFound`."""
    seat(tx, call.chat_id, me)
    size = min(max(call.page_size, 1), 100)  # described, not enforced: published clients send more
    rows = tx.all(
        f"SELECT * FROM messages WHERE chat_id = ? AND (sender_id = ? OR {_MENTIONED}) "
        "ORDER BY seq LIMIT ? OFFSET ?",
        *(call.chat_id, me.id, me.id, *window(call, size)),
    )
    known = tx.one("SELECT number FROM contexts WHERE agent_id = ? AND chat_id = ?", me.id, call.chat_id)
    info = PageInfo.of(call.page, size, known["number"] if known else 0)
    more = More(has_more=info.has_more, limit=size)
    return MetaPage(data=messages(tx, rows, me), meta=info, metadata=more)


@handler
def list_my_messages(call: ListMyMessages, me: Principal, tx: Change) -> Page[ChatMessage]:
    """Everything said in a room, newest first. Raises `NotFound`."""
    seat(tx, call.chat_id, me)
    where: LiteralString = "FROM messages WHERE chat_id = ?"
    args: list[Value] = [call.chat_id]
    if call.message_type:
        where, args = where + " AND message_type = ?", [*args, call.message_type]
    if call.since:
        where, args = where + " AND inserted_at > ?", [*args, clock.stamp(call.since)]
    rows = tx.all(f"SELECT * {where} ORDER BY seq DESC LIMIT ? OFFSET ?", *args, *window(call))
    info = PageInfo.of(call.page, call.page_size, _count(tx, where, *args))
    return Page(data=messages(tx, rows, me), metadata=info)


def check_size(tx: Change, content: str, pointer: str) -> None:
    """Raise `Unprocessable` for a text that is too long for the platform."""
    limit = tx.site.settings.max_content
    if len(content.encode()) > limit:
        raise Unprocessable("The text is too long", {pointer: [f"is longer than {limit} bytes"]})


def append(
    tx: Change, chat: Row, sender: Principal, message_type: str, content: str, metadata: Json | None
) -> Json:
    """Write the next message of a room, and keep the room's title; the message as the contract has it.

    `chat` is the room as it is now. Numbers and times within a room only ever grow. Raises `Forbidden`
    (`limit_reached`) beyond the sender's quota.
    """
    _check_quota(tx, sender.id)
    chat_id, seq, at = chat["id"], chat["last_seq"] + 1, clock.later_than(chat["last_at"], tx.now)
    tx.run(
        "UPDATE chats SET title = ?, last_seq = ?, last_at = ?, updated_at = ? WHERE id = ?",
        chat["title"], seq, at, at, chat_id,
    )  # fmt: skip
    row: dict[str, Value] = {
        "id": tx.new_id(),
        "chat_id": chat_id,
        "seq": seq,
        "message_type": message_type,
        "content": content,
        "metadata": None if metadata is None else json.dumps(metadata, ensure_ascii=False),
        "sender_id": sender.id,
        "sender_type": sender.type,
        "sender_name": sender.name,
        "inserted_at": at,
        "updated_at": at,
    }
    tx.run(_NEXT, *row.values())
    if sender.type == "Agent":
        _note_seen(tx, sender.id, chat_id)
    return {**row, "chat_room_id": chat_id, "metadata": metadata}


def _note_seen(tx: Tx, agent_id: str, chat_id: str) -> None:
    """Count one message more of a room that an agent may see; counting them all takes too long."""
    tx.run(
        "INSERT INTO contexts (agent_id, chat_id, number) VALUES (?, ?, 1) "
        "ON CONFLICT (agent_id, chat_id) DO UPDATE SET number = contexts.number + 1",
        agent_id, chat_id,
    )  # fmt: skip


def _check_quota(tx: Change, sender_id: str) -> None:
    if limit := tx.site.settings.max_messages:
        sql: LiteralString = "SELECT count(*) AS n FROM messages WHERE sender_id = ? AND inserted_at > ?"
        check_quota("messages", limit, tx.one(sql, sender_id, clock.earlier(tx.now, DAY)))


def _check_turns(tx: Change, chat_id: str, sender_id: str, mentioned: Sequence[Mentionable]) -> None:
    """Raise `RateLimited` if an agent and one that it mentions have talked to each other for too long."""
    if (most := tx.site.settings.max_turns) and mentioned:
        begin = _chain_begin(tx, chat_id)
        turns = {agent.handle: _turns(tx, chat_id, begin, sender_id, agent.id, most) for agent in mentioned}
        check_turns(turns, tx.now, most)


def _chain_begin(tx: Change, chat_id: str) -> int:
    """The number of the last text of a room before those that can count as turns of agents."""
    texts: LiteralString = "SELECT seq FROM messages WHERE chat_id = ? AND message_type = 'text'"
    last: LiteralString = "ORDER BY inserted_at DESC LIMIT 1"
    ends = clock.earlier(tx.now, WINDOW)
    person = tx.one(f"{texts} AND sender_type = 'User' {last}", chat_id)
    past = tx.one(f"{texts} AND sender_type = 'Agent' AND inserted_at <= ? {last}", chat_id, ends)
    return max((row["seq"] for row in (person, past) if row), default=0)


def _turns(tx: Tx, chat_id: str, begin: int, one: str, other: str, most: int) -> list[str]:
    """When two agents have sent each other texts after that number: the last `most` each way."""
    sql: LiteralString = (
        "SELECT inserted_at FROM deliveries JOIN messages ON messages.id = message_id "
        "WHERE recipient_id = ? AND deliveries.chat_id = ? AND deliveries.seq > ? AND mentioned = 1 "
        "AND sender_id = ? ORDER BY deliveries.seq DESC LIMIT ?"
    )
    ways = ((one, other), (other, one))
    return [row["inserted_at"] for to, by in ways for row in tx.all(sql, to, chat_id, begin, by, most)]


def _title(chat: Row, content: str) -> str:
    """What a room is called from now on: it is named after its first message."""
    if chat["title"] != DEFAULT_TITLE:
        return str(chat["title"])
    first_line = next(iter(content.strip().splitlines()), content)
    return first_line if len(first_line) <= TITLE_LENGTH else first_line[: TITLE_LENGTH - 1] + "…"


_NEXT: LiteralString = (
    "INSERT INTO messages (id, chat_id, seq, message_type, content, metadata, sender_id, sender_type, "
    "sender_name, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MENTIONING: LiteralString = "FROM deliveries WHERE recipient_id = ? AND chat_id = ? AND mentioned = 1"
_MENTIONED: LiteralString = (
    "EXISTS (SELECT 1 FROM deliveries WHERE message_id = messages.id AND recipient_id = ? AND mentioned = 1)"
)


def _mentioning_in(states: Sequence[State]) -> LiteralString:
    """Deliveries in one of these states. An index has the open ones alone, and must be told that they are."""
    still_open: LiteralString = "" if State.PROCESSED in states else " AND status <> 'processed'"
    return f"{_MENTIONING} AND status IN ({_marks(states)}){still_open}"


def _mentioning(tx: Tx, chat_id: str, me: str, states: Sequence[State], limit: int, offset: int) -> list[Row]:
    """Messages that mention an agent and are in one of these states for it, oldest first."""
    ids = f"SELECT message_id {_mentioning_in(states)} ORDER BY seq LIMIT ? OFFSET ?"
    sql = f"SELECT messages.* FROM messages WHERE id IN ({ids}) ORDER BY seq"
    return tx.all(sql, me, chat_id, *states, limit, offset)


def _count(tx: Tx, source: LiteralString, *args: Value) -> int:
    row = tx.one("SELECT count(*) AS n " + source, *args)
    assert row is not None
    return int(row["n"])


def _marks(values: Sequence[object]) -> LiteralString:
    return ", ".join("?" for _ in values)
