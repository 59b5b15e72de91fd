"""What was said in a room, as far as there is room to show it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from thenvoi_bridge.bridge import mail
from thenvoi_bridge.bridge.rooms import PAGE
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.messages import ChatMessage, GetContext, ListMyMessages
from thenvoi_bridge.contract.page import MetaPage

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client

LEAST = 350
"""Bytes that a message is given at least: its ids, its time, and a few words of it."""

PAGES = 10
"""How far back one message is looked for."""

TRIES = 3
"""How often the end of a room is asked for, while it moves away."""


def digest(views: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The last of these messages, each with an even share of `most` bytes; what one leaves is for the later
    ones.
    """
    kept = views[-max(1, most // LEAST) :]
    shown, left = [], most
    for number, view in enumerate(kept):
        shown.append(mail.shortened(view, left // (len(kept) - number) - 1))
        left -= mail.size(shown[-1]) + 1
    return shown


def is_cut(shown: Sequence[dict[str, Any]], of: Sequence[dict[str, Any]]) -> bool:
    """Whether a digest leaves anything out."""
    return len(shown) < len(of) or any(view.get("truncated") for view in shown)


async def newest(client: Client, chat_id: str, many: int) -> tuple[Sequence[ChatMessage], int]:
    """What an agent sent to a room or was mentioned in last, oldest first; and how much there is in all.

    Rooms are read from their beginning, so one request tells how long it is and a second one has the end,
    with pages cut so that the last one is long enough. Raises `ThenvoiError`.
    """
    answer = await client(GetContext(chat_id=chat_id, page_size=PAGE))
    for _ in range(TRIES):
        place = answer.meta
        if place.page >= place.total_pages:
            break
        size = max(
            range(min(many, place.page_size), place.page_size + 1), key=partial(_rest, place.total_count)
        )
        last = -(-place.total_count // size)
        answer = await client(GetContext(chat_id=chat_id, page=last, page_size=size))
    return answer.data[-many:], answer.meta.total_count


async def find(session: Session, chat_id: str, message_id: str) -> ChatMessage | None:
    """A message that was said in a room, unless it was long ago. Raises `ThenvoiError`."""
    async for message in _latest(session, chat_id):
        if message.id == message_id:
            return message
    return None


def _rest(total: int, size: int) -> int:
    """How many messages the last page has."""
    return (total - 1) % size + 1


async def _latest(session: Session, chat_id: str) -> AsyncGenerator[ChatMessage]:
    """What was said last, page by page; to an agent the last page has it, to a person the first."""
    answer = await _page(session, chat_id, 1)
    place = answer.meta if isinstance(answer, MetaPage) else answer.metadata
    pages = range(1, place.total_pages + 1)
    for page in [*(reversed(pages) if isinstance(answer, MetaPage) else pages)][:PAGES]:
        for message in (answer if page == 1 else await _page(session, chat_id, page)).data:
            yield message


async def _page(session: Session, chat_id: str, page: int) -> Any:
    return await session.ask_either(
        GetContext(chat_id=chat_id, page=page, page_size=PAGE),
        ListMyMessages(chat_id=chat_id, page=page, page_size=PAGE),
    )
