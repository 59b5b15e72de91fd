"""A message as JSON values for programs: what `inbox list --json` prints, and what a feed has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thenvoi_bridge.inbox.core import Item


def record(whose: Mapping[str, str | None], item: Item) -> dict[str, Any]:
    """A message of the inbox of an identity (`Board.identity`). The names are for programs to rely on."""
    message = item.message
    return {
        "agent": whose.get("handle"),
        "agent_id": whose.get("id"),
        "platform": whose.get("platform"),
        "id": item.id,
        "chat_id": item.chat_id,
        "chat_title": item.chat_title,
        "sender_id": message.sender_id,
        "sender_type": message.sender_type,
        "sender_name": message.sender_name,
        "sent_at": item.sent_at,
        "state": str(item.state),
        "attempts": item.attempts,
        "outcome": item.outcome,
        "error": item.error,
        "content": message.readable,
    }
