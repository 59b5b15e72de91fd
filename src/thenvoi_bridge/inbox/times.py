"""When a message was sent, as the platform wrote it: what messages are ordered by, and how old they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import ChatMessage


def sent_at(message: ChatMessage) -> str:
    """The message's time as text that sorts, whichever way the platform wrote it."""
    try:
        at = datetime.fromisoformat(message.inserted_at)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        return at.isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return message.inserted_at


def age(sent_at: str | None, wall: float) -> float | None:
    """Seconds since a message was sent, at this Unix time; None where the platform's word for it is none."""
    try:
        return max(0.0, wall - datetime.fromisoformat(sent_at or "").timestamp())
    except ValueError:
        return None
