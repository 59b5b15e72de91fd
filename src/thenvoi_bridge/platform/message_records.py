"""Messages as rows of the database and as callers may see them, with how far each recipient has come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from thenvoi_bridge.contract.call import Json
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.delivery import Attempt, Delivery, State
from thenvoi_bridge.storage import Row, Tx


def delivery_of(row: Row) -> Delivery:
    """The delivery a row of the table holds."""
    attempts = tuple(Attempt(**attempt) for attempt in json.loads(row["attempts"]))
    return Delivery(State(row["status"]), row["delivered_at"], row["processed_at"], attempts)


def messages(tx: Tx, rows: Sequence[Row], me: Principal) -> list[ChatMessage]:
    """Rows of one room as the caller may see them: an agent sees its own delivery, a person everybody's."""
    if not rows:
        return []
    seqs = [row["seq"] for row in rows]
    sql = "SELECT * FROM deliveries WHERE chat_id = ? AND seq BETWEEN ? AND ?"
    entries = tx.all(sql, rows[0]["chat_id"], min(seqs), max(seqs))
    statuses = _statuses(entry for entry in entries if me.type == "User" or entry["recipient_id"] == me.id)
    return [ChatMessage.model_validate(shown(row, statuses.get(row["id"], {}))) for row in rows]


def message_for_people(tx: Tx, row: Row) -> Json:
    """One message with everybody's deliveries."""
    statuses = _statuses(tx.all("SELECT * FROM deliveries WHERE message_id = ?", row["id"]))
    return shown(row, statuses.get(row["id"], {}))


def shown(row: Row, delivery_status: Json) -> Json:
    """A row as the contract writes it, with deliveries by recipient."""
    metadata: Json | None = json.loads(row["metadata"]) if row["metadata"] else None
    if row["message_type"] == "text" and delivery_status:
        metadata = {**(metadata or {}), "delivery_status": delivery_status}
    return {**row, "chat_room_id": row["chat_id"], "metadata": metadata}


def _statuses(entries: Iterable[Row]) -> dict[str, Json]:
    """By message and recipient how far they are, of those who were told."""
    statuses: dict[str, Json] = {}
    for entry in entries:
        if entry["status"] != State.NONE:
            of_message = statuses.setdefault(entry["message_id"], {})
            of_message[entry["recipient_id"]] = delivery_of(entry).shown()
    return statuses
