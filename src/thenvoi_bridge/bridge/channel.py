"""Pushes mentions into a running Claude Code session, which takes a turn for each (`claude/channel`).

A research preview of Claude Code: a session that was not started with the channel's flag drops every push
without a word, so a push is never taken for a delivery, and the ladder goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.hosts import host_of
from thenvoi_bridge.bridge.people import is_one_of
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.untrusted import fenced
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.ladder import Rung

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

CHANNEL = "claude/channel"
"""The experimental capability, and beneath `notifications/` the notification."""

MOST = 1000
"""Open messages that one look goes through, those of senders that are not pushed among them."""

LONGEST = 8_000
"""Characters of a message that are pushed; the rest is read with a tool."""

logger = logging.getLogger(__name__)


class Pipe(Protocol):
    """The one client of a connection."""

    @property
    def client(self) -> str | None:
        """What it calls itself; None before it has said so."""

    async def push(self, method: str, params: dict[str, Any]) -> None:
        """Send it a notification, best effort."""


class Channel:
    """A rung of the ladder. Only what `senders` (ids or handles) wrote is pushed: a push begins a turn."""

    def __init__(self, session: Session, pipe: Pipe, senders: Collection[str]) -> None:
        self._session, self._pipe, self._senders = session, pipe, senders

    async def look(self) -> None:
        """Push what is due, each message once, whatever becomes of it. Nothing to hosts without channels."""
        seat = self._session.seat_now
        if seat is None or "channel" not in host_of(self._pipe.client).rungs:
            return
        for item in await seat.inbox.ledger.due(Rung.CHANNEL, self._session.name, MOST, time.time()):
            if await self._is_welcome(seat, item) and await self._is_first(seat, item):
                await self._pipe.push(f"notifications/{CHANNEL}", pushed(item))

    async def _is_first(self, seat: Seat, item: Item) -> bool:
        """Whether it was not pushed before; from now on it was."""
        return bool(await seat.inbox.ledger.note(Rung.CHANNEL, self._session.name, [item.id], time.time()))

    async def _is_welcome(self, seat: Seat, item: Item) -> bool:
        """Whether its sender is one of those; by handle only as long as they are in the room."""
        if item.message.sender_id in self._senders:
            return True
        try:
            people = await seat.rooms.participants(item.chat_id)
        except ThenvoiError as exc:
            logger.info("who is in room %s cannot be told (%s)", item.chat_id, exc.code)
            return False
        return any(
            person.id == item.message.sender_id and is_one_of(person, self._senders) for person in people
        )


def pushed(item: Item) -> dict[str, Any]:
    """A message as Claude Code shows it in a `<channel>` element: members of `meta` are its attributes."""
    message = item.message
    meta = {
        "chat_id": item.chat_id,
        "message_id": item.id,
        "sender_id": message.sender_id,
        "sender_type": message.sender_type,
    }
    return {"content": f"{fenced(message.readable[:LONGEST])}\n{wording.CHANNEL_NEXT}", "meta": meta}
