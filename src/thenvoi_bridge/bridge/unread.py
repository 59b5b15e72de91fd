"""The line at the end of every result, so that a host that only calls tools hears of messages, too."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

import anyio
import mcp_types as types

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.trouble import Trouble

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

UNREAD = "com.thenvoi/unread"
"""Member of every result's `_meta`: how many messages nobody has begun to answer."""

logger = logging.getLogger(__name__)


class Unread:
    """Says what is unread, to a host that was not given the tools in `absent`."""

    def __init__(self, session: Session, absent: Collection[str]) -> None:
        self._session, self._absent = session, absent
        self._counted: tuple[anyio.Event, tuple[int, int]] | None = None

    async def told(self, result: types.CallToolResult) -> types.CallToolResult:
        """The result and the line; as it was if there is nothing to count."""
        seat = self._session.seat_now
        if seat is None:
            return result
        try:
            unread, ready = await self._count(seat)
        except Exception as exc:  # the tool has done its work, and the host must hear so
            logger.error("the inbox could not be counted", exc_info=not isinstance(exc, Trouble))
            return result
        line = _messages(unread, ready, self._absent) + _requests(seat.reception.requests, self._absent)
        content = [*result.content, types.TextContent(type="text", text=line)]
        return result.model_copy(update={"content": content, "meta": {**(result.meta or {}), UNREAD: unread}})

    async def _count(self, seat: Seat) -> tuple[int, int]:
        """How many are unread, and how many of them can be handed out: looked up if the bell has rung since.

        What somebody holds becomes free without a bell, when he dies or his time is over.
        """
        bell = self._session.bell
        if self._counted and self._counted[0] is bell:
            return self._counted[1]
        unread, ready = counted = await seat.inbox.at_hand(seat.inbox.now())
        self._counted = (bell, counted) if unread == ready else None
        return counted


def _messages(unread: int, ready: int, absent: Collection[str]) -> str:
    if ready:
        look = next((name for name in ("inbox_wait", "inbox_read") if name not in absent), None)
        return f"[inbox: {unread} unread, call {look}]" if look else f"[inbox: {unread} unread]"
    if unread:
        return f"[inbox: {unread} in hand, waiting for reply or inbox_ack]"
    return "[inbox: 0 unread]"


def _requests(requests: int, absent: Collection[str]) -> str:
    """Nothing, unless somebody waits to become a contact."""
    look = "" if "list_contact_requests" in absent else ", call list_contact_requests"
    return f" [contacts: {requests} asked to become one{look}]" if requests else ""
