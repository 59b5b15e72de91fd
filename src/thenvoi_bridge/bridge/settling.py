"""Tells the platform how far the agent has come with its messages, until it knows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.errors import Forbidden, NotFound, ThenvoiError, Unprocessable
from thenvoi_bridge.contract.lifecycle import MarkFailed, MarkProcessed, MarkProcessing, MessageStatus
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.store import Inbox

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client

MOMENT = 3.0
"""Seconds a tool waits for the platform to be told something; that is a courtesy, not a condition."""

AT_ONCE = 8
"""Outcomes told at the same time."""

AGAIN = 15.0
"""Seconds after which what could not be told is told again."""

logger = logging.getLogger(__name__)


class Settler:
    """Marks messages processing, processed or failed. Nothing here ever runs a message again."""

    def __init__(self, client: Client, inbox: Inbox) -> None:
        self._client, self._inbox = client, inbox
        self._turn = anyio.Lock()

    async def processing(self, items: Sequence[Item]) -> None:
        """Say that these were handed out, as far as that is possible in a moment."""
        with anyio.move_on_after(MOMENT):
            async with anyio.create_task_group() as tasks:
                for item in items:
                    call = MarkProcessing(chat_id=item.chat_id, message_id=item.id)
                    tasks.start_soon(self._try, call)

    async def settle_in_a_moment(self) -> None:
        """Settle as far as that is possible in a moment."""
        with anyio.move_on_after(MOMENT):
            await self.settle()

    async def settle(self) -> None:
        """Tell every outcome the platform does not know yet; what fails stays for the next time."""
        limit = anyio.CapacityLimiter(AT_ONCE)
        # In turn, for an outcome that is told twice is a new attempt to the platform.
        async with self._turn, anyio.create_task_group() as tasks:
            for item in await self._inbox.acking():
                tasks.start_soon(self._settle, limit, item)

    async def run(self) -> None:
        """Settle again and again, for outcomes that could not be told when they were fresh."""
        while True:
            await self.settle()
            await anyio.sleep(AGAIN)

    async def _settle(self, limit: anyio.CapacityLimiter, item: Item) -> None:
        async with limit:
            if await self._told(item):
                await self._inbox.acked(item)

    async def _told(self, item: Item) -> bool:
        outcome = _outcome(item)
        try:
            try:
                await self._client(outcome)
            except Unprocessable:  # no open attempt: the mark of the hand-out was lost, or somebody closed it
                await self._client(MarkProcessing(chat_id=item.chat_id, message_id=item.id))
                await self._client(outcome)
        except (NotFound, Forbidden):
            return True  # the room is closed to us: there is nobody left to tell
        except ThenvoiError as exc:
            logger.info("message %s: outcome not told yet (%s)", item.id, exc.code)
            return False
        return True

    async def _try(self, call: Call[MessageStatus]) -> None:
        try:
            await self._client(call)
        except ThenvoiError as exc:
            logger.info("hand-out not marked (%s)", exc.code)


def _outcome(item: Item) -> Call[MessageStatus]:
    if item.outcome == "failed":
        return MarkFailed(chat_id=item.chat_id, message_id=item.id, error=item.error or "failed")
    return MarkProcessed(chat_id=item.chat_id, message_id=item.id)
