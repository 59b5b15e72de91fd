"""How far each recipient has come with a message: marking, and the table of deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterable

from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.feed import MessageUpdated, Topic
from thenvoi_bridge.contract.lifecycle import MarkFailed, MarkProcessed, MarkProcessing, MessageStatus
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.message_records import delivery_of, message_for_people
from thenvoi_bridge.platform.rooms import seat
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.delivery import Delivery, Order, State, check_attempt
from thenvoi_bridge.storage import Row, Tx


@handler
def mark_processing(call: MarkProcessing, me: Principal, tx: Change) -> MessageStatus:
    """Open a new attempt, whatever the state. Raises `NotFound`."""
    return _mark(call, me, tx, "start")


@handler
def mark_processed(call: MarkProcessed, me: Principal, tx: Change) -> MessageStatus:
    """Close the open attempt as a success. Raises `NotFound`, and `Unprocessable` without one."""
    return _mark(call, me, tx, "succeed")


@handler
def mark_failed(call: MarkFailed, me: Principal, tx: Change) -> MessageStatus:
    """Close the open attempt as failed. Raises `NotFound`, and `Unprocessable` without one."""
    return _mark(call, me, tx, "fail", call.error)


def open_delivery(tx: Tx, message: Row, recipient_id: str) -> None:
    """Begin to follow a new message that mentions `recipient_id`. `message` has id, chat_id and seq."""
    tx.run(
        "INSERT INTO deliveries (message_id, recipient_id, chat_id, seq, mentioned, status, attempts) "
        "VALUES (?, ?, ?, ?, 1, ?, '[]')",
        message["id"], recipient_id, message["chat_id"], message["seq"], State.NONE.value,
    )  # fmt: skip


def note_delivered(tx: Tx, pairs: Iterable[tuple[str, str]], now: str) -> None:
    """Record that messages were pushed: pairs of message id and recipient id."""
    for message_id, recipient_id in pairs:
        row = _row(tx, message_id, recipient_id)
        if row is not None and row["status"] == State.NONE:
            _save(tx, row, recipient_id, delivery_of(row).after("deliver", now), mentioned=True)


def _mark(
    call: MarkProcessing | MarkProcessed | MarkFailed,
    me: Principal,
    tx: Change,
    order: Order,
    error: str | None = None,
) -> MessageStatus:
    """Any message of the room may be marked, even one's own; published clients do that.

    Raises `Conflict` for an attempt that is not the last one, where the caller names one (`If-Attempt`).
    """
    seat(tx, call.chat_id, me)
    message = tx.one("SELECT id, chat_id, seq FROM messages WHERE id = ?", call.message_id)
    if message is None or message["chat_id"] != call.chat_id:
        raise NotFound("Message not found")
    row = _row(tx, call.message_id, me.id)
    before = delivery_of(row) if row else Delivery()
    check_attempt(before, order, tx.if_attempt)
    delivery = before.after(order, tx.now, error)
    _save(tx, message, me.id, delivery, mentioned=bool(row and row["mentioned"]))
    updated = tx.one("UPDATE messages SET updated_at = ? WHERE id = ? RETURNING *", tx.now, call.message_id)
    assert updated
    told = MessageUpdated.model_validate(message_for_people(tx, updated))
    tx.tell(Topic("chat_room", call.chat_id), told)
    shown = {"id": call.message_id, "status": delivery.state.value, "success": True}
    return MessageStatus.model_validate({**shown, "attempt_number": len(delivery.attempts)})


def _row(tx: Tx, message_id: str, recipient_id: str) -> Row | None:
    return tx.one(
        "SELECT deliveries.*, message_id AS id FROM deliveries WHERE message_id = ? AND recipient_id = ?",
        message_id, recipient_id,
    )  # fmt: skip


def _save(tx: Tx, message: Row, recipient_id: str, delivery: Delivery, *, mentioned: bool) -> None:
    shown = delivery.shown()
    tx.run(
        "INSERT INTO deliveries (message_id, recipient_id, chat_id, seq, mentioned, status, delivered_at, "
        "processed_at, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (message_id, recipient_id) DO UPDATE SET status = excluded.status, "
        "delivered_at = excluded.delivered_at, processed_at = excluded.processed_at, "
        "attempts = excluded.attempts",
        message["id"], recipient_id, message["chat_id"], message["seq"], int(mentioned), shown["status"],
        shown["delivered_at"], shown["processed_at"], json.dumps(shown["attempts"]),
    )  # fmt: skip
