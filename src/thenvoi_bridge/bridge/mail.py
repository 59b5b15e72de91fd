"""How a message of the inbox looks to a model: what the platform vouches for apart from what others wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from thenvoi_bridge.bridge.untrusted import visible
from thenvoi_bridge.contract.messages import ChatMessage, MessageSent
from thenvoi_bridge.contract.page import MetaPage, Page
from thenvoi_bridge.inbox.core import Item

LONGEST = 20_000
"""Characters of one message that are shown; `truncated` says when there are more."""


def shown(item: Item) -> dict[str, Any]:
    """One message. Everything a person or agent could choose stands under `untrusted`."""
    message = item.message
    content = visible(readable(message))
    view = {
        "id": item.id,
        "chat_id": item.chat_id,
        "sender_id": message.sender_id,
        "sender_type": message.sender_type,
        "inserted_at": message.inserted_at,
        "attempt": item.attempts,
        "untrusted": {
            "content": content[:LONGEST],
            "sender_name": visible(message.sender_name or ""),
            "chat_title": visible(item.chat_title or ""),
        },
    }
    return view | ({"truncated": True} if len(content) > LONGEST else {})


def page(
    items: Sequence[Item], *, unread: int, next_cursor: str | None, connection: str, **more: Any
) -> dict[str, Any]:
    """A page of the inbox as tools and resources give it."""
    return {
        "messages": [shown(item) for item in items],
        "unread": unread,
        "next_cursor": next_cursor,
        "connection": connection,
        **{name: value for name, value in more.items() if value},
    }


def readable(message: ChatMessage) -> str:
    """The text with `@[[<id>]]` turned back into `@handle`."""
    text = message.content
    for mention in (message.metadata or {}).get("mentions") or []:
        if isinstance(mention, dict) and mention.get("handle"):
            text = text.replace(f"@[[{mention.get('id')}]]", f"@{mention['handle']}")
    return text


def plain(answer: Any) -> Any:
    """An answer of the platform as JSON values, less what only costs a model: nulls, ids for names."""
    match answer:
        case ChatMessage():
            shown = answer.model_dump(exclude_none=True, exclude={"chat_room_id", "updated_at", "metadata"})
            metadata = answer.metadata if answer.message_type != "text" else None
            return shown | {"content": readable(answer)} | ({"metadata": metadata} if metadata else {})
        case list():
            return [plain(item) for item in answer]
        case Page() | MetaPage():
            return answer.model_dump(exclude_none=True) | {"data": plain(answer.data)}
        case MessageSent():
            return answer.model_dump(exclude={"recipients": {"__all__": {"name"}}})
    return answer.model_dump(mode="json", exclude_none=True)


def as_text(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
