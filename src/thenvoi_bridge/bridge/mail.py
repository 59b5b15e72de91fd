"""How a message of the inbox looks to a model: what the platform vouches for apart from what others wrote."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from thenvoi_bridge.bridge.untrusted import UNTRUSTED, visible
from thenvoi_bridge.contract.contacts import ContactRequest
from thenvoi_bridge.contract.identity import AgentMe
from thenvoi_bridge.contract.memories import Memory
from thenvoi_bridge.contract.messages import ChatMessage, MessageSent
from thenvoi_bridge.contract.page import MetaPage, Page, PageInfo
from thenvoi_bridge.contract.participants import Participant, ParticipantList
from thenvoi_bridge.inbox.core import OPEN, Item, State

if TYPE_CHECKING:
    from thenvoi_bridge.inbox import paging
    from thenvoi_bridge.inbox.store import Inbox

LONGEST = 20_000
"""Characters of one message that are shown; `truncated` says when there are more."""

LONGEST_PAGE = 38_000
"""Characters of the messages on one page; what is left out comes with the next."""

LONGEST_NAME = 80
"""Characters of a name that others chose, where many stand together."""

PLACE = {"page", "page_size", "total_count", "total_pages", "status_filter"}
"""What a model is told of where a page stands."""


def shown(item: Item, loops: Collection[str] = ()) -> dict[str, Any]:
    """One message. Everything a person or agent could choose stands under `untrusted`.

    `loops` are senders with whom we may be answering each other for ever.
    """
    message = item.message
    content = visible(message.readable)
    view = {
        "id": item.id,
        "chat_id": item.chat_id,
        "sender_id": message.sender_id,
        "sender_type": message.sender_type,
        "inserted_at": message.inserted_at,
        "attempt": item.attempts,
        UNTRUSTED: {
            "content": content[:LONGEST],
            "sender_name": visible(message.sender_name or ""),
            "chat_title": visible(item.chat_title or ""),
            **({"failed": visible(item.error or "")} if item.state is State.DEAD else {}),
        },
    }
    view |= {"loop_suspected": True} if message.sender_id in loops else {}
    return view | ({"truncated": True} if len(content) > LONGEST else {})


def said(message: ChatMessage) -> dict[str, Any]:
    """A message of a room's past, be it to whomever."""
    content = visible(message.readable)
    view = {
        "id": message.id,
        "sender_id": message.sender_id,
        "sender_type": message.sender_type,
        "inserted_at": message.inserted_at,
        "untrusted": {
            "content": content[:LONGEST],
            "sender_name": visible(message.sender_name or "")[:LONGEST_NAME],
        },
    }
    view |= {"type": message.message_type} if message.message_type != "text" else {}
    return view | ({"truncated": True} if len(content) > LONGEST else {})


def somebody(person: Participant) -> dict[str, Any]:
    """Who is in a room, and how to mention them."""
    chosen = {"handle": person.handle, "name": (person.name or "")[:LONGEST_NAME]}
    return {
        **person.model_dump(include={"id", "type", "role", "status"}),
        "untrusted": {name: visible(text) for name, text in chosen.items() if text},
    }


def shortened(view: dict[str, Any], most: int) -> dict[str, Any]:
    """A message as it is shown, with as much of its text as makes it `most` bytes long."""
    if size(view) <= most:
        return view
    text = view["untrusted"]["content"]
    bare = view | {"untrusted": view["untrusted"] | {"content": ""}, "truncated": True}
    keep = bisect_right(range(len(text)), most - size(bare), key=lambda n: size(text[:n]) - size(""))
    bare["untrusted"]["content"] = text[: max(0, keep - 1)]
    return bare


def page(
    items: Sequence[Item],
    *,
    unread: int,
    next_cursor: str | None,
    connection: str,
    loops: Collection[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """A page of the inbox as tools and resources give it."""
    return {
        "messages": [shown(item, loops) for item in items],
        "unread": unread,
        "next_cursor": next_cursor,
        "connection": connection,
        **{name: value for name, value in more.items() if value},
    }


def fitting(items: Sequence[Item]) -> int:
    """How many of these fit on one page; one does in any case."""
    ends = accumulate(len(as_text(shown(item))) for item in items)
    return max(1, sum(end <= LONGEST_PAGE for end in ends))


def first(views: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """As many of these, from the first on, as `most` bytes have room for."""
    ends = accumulate(size(view) + 1 for view in views)
    return [view for view, end in zip(views, ends, strict=True) if end <= most]


async def fitting_page(
    inbox: Inbox, after: str | None, chat_id: str | None, limit: int, states: Collection[State] = OPEN
) -> paging.Page:
    """A page of the messages in these states, with as many of them as fit on it."""
    page = await inbox.page(after, chat_id, limit, states)
    while (many := fitting(page.items)) < len(page.items):
        page = await inbox.page(after, chat_id, many, states)
    return page


def plain(answer: Any) -> Any:
    """An answer of the platform as JSON values, less what only costs a model: nulls, ids for names."""
    match answer:
        case ChatMessage():
            shown = answer.model_dump(exclude_none=True, exclude={"chat_room_id", "updated_at", "metadata"})
            metadata = answer.metadata if answer.message_type != "text" else None
            return shown | {"content": answer.readable} | ({"metadata": metadata} if metadata else {})
        case list():
            return [plain(item) for item in answer]
        case ParticipantList():
            return plain(answer.data)
        case Page():
            return {"data": plain(answer.data), "metadata": _place(answer.metadata)}
        case MetaPage():
            return {"data": plain(answer.data), "meta": _place(answer.meta)}
        case MessageSent():
            return answer.model_dump(include={"id": True, "success": True, "recipients": {"__all__": {"id"}}})
        case AgentMe():
            return answer.model_dump(exclude_none=True, exclude={"feature_flags"})
    return answer.model_dump(mode="json", exclude_none=True)


def receipt(answer: Any) -> Any:
    """What became of an order, as JSON values, without the text that it was about: a model need not read its
    own again, and others' has no place outside the marks.
    """
    match answer:
        case None:
            return {"success": True}
        case Memory():
            return answer.model_dump(include={"id", "status", "scope", "subject_id"}, exclude_none=True)
        case ContactRequest():
            return answer.model_dump(exclude={"message"}, exclude_none=True)
    return plain(answer)


def _place(info: PageInfo) -> dict[str, Any]:
    """Where a page stands; the rest is for programs that cannot count."""
    return info.model_dump(include=PLACE, exclude_none=True)


def as_text(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def size(value: object) -> int:
    """Bytes of that."""
    return len(as_text(value).encode())
