"""What a host offers while somebody types an argument: the ids of rooms and of open mentions."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import anyio
import mcp_types as types

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.trouble import Trouble

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

PATIENCE = 1.0
"""Seconds after which nothing is offered: whoever types does not wait."""

MOST = 100
"""Values that the protocol allows in one answer (2025-11-25, server/utilities/completion)."""

logger = logging.getLogger(__name__)


async def complete(session: Session, name: str, written: str, others: Mapping[str, str]) -> types.Completion:
    """What may become of the beginning of an argument; `others` are the arguments that are settled.

    Nothing where there is no seat, or the inbox cannot be read at once.
    """
    found: Sequence[str] = ()
    with anyio.move_on_after(PATIENCE):
        if (seat := session.seat_now) and (offer := _OFFERS.get(name)):
            try:
                found = await offer(seat, written, others)
            except Trouble as exc:
                logger.info("nothing can be offered for %s (%s)", name, exc.code)
    return types.Completion(values=[*found[:MOST]], total=len(found), has_more=len(found) > MOST)


async def _rooms(seat: Seat, written: str, _: Mapping[str, str]) -> list[str]:
    """Rooms by the beginning of their id, or of words of their title; those with unread mail first."""
    unread = await seat.inbox.unread_by_room()
    found = (id for id, title in seat.rooms.titles.items() if _means(written.casefold(), id, title or ""))
    return sorted(found, key=lambda id: (id not in unread, id))


def _means(written: str, chat_id: str, title: str) -> bool:
    words = title.casefold().split()
    by_title = all(any(word.startswith(part) for word in words) for part in written.split())
    return chat_id.casefold().startswith(written) or by_title


async def _messages(seat: Seat, written: str, others: Mapping[str, str]) -> list[str]:
    """Open mentions by the beginning of their id, of the room that is settled or of all, the oldest first."""
    return await seat.inbox.open_ids(others.get("chat_id"), written)


_OFFERS: Mapping[str, Callable[[Seat, str, Mapping[str, str]], Awaitable[Sequence[str]]]] = {
    "chat_id": _rooms,
    "message_id": _messages,
}
