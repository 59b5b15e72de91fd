"""Tells the platform how far the agent has come with its messages, until it knows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.errors import Conflict, Forbidden, NotFound, ThenvoiError, Unprocessable
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
        self._woken = anyio.Event()

    def wake(self) -> None:
        """Have `run` settle at once: something has come to its end that no tool waits for."""
        self._woken.set()

    async def processing(self, items: Sequence[Item]) -> list[Item]:
        """Say that these were handed out, as far as that is possible in a moment.

        Returns those of them that are processed already, so that nobody need see them.
        """
        over: list[Item] = []
        with anyio.move_on_after(MOMENT):
            async with anyio.create_task_group() as tasks:
                for item in items:
                    tasks.start_soon(self._mark, item, over)
        return over

    async def settle_in_a_moment(self) -> None:
        """Settle as far as that is possible in a moment."""
        with anyio.move_on_after(MOMENT):
            await self.settle()

    async def settle(self) -> None:
        """Tell every outcome the platform does not know yet; what fails stays for the next time."""
        limit = anyio.CapacityLimiter(AT_ONCE)
        # In turn, for an outcome that is told twice is a new attempt to the platform.
        async with self._turn, anyio.create_task_group() as tasks:
            for item in await self._inbox.to_tell(self._inbox.now()):
                tasks.start_soon(self._settle, limit, item)

    async def run(self) -> None:
        """Settle again and again, for outcomes that could not be told when they were fresh."""
        while True:
            self._woken = anyio.Event()
            await self.settle()
            with anyio.move_on_after(AGAIN):
                await self._woken.wait()

    async def _settle(self, limit: anyio.CapacityLimiter, item: Item) -> None:
        async with limit:
            try:
                await self._tell(item)
            except (NotFound, Forbidden):
                pass  # the room is closed to us: there is nobody left to tell
            except ThenvoiError as exc:
                logger.info("message %s: outcome not told yet (%s)", item.id, exc.code)
                return
            await self._inbox.told(item)

    async def _tell(self, item: Item) -> None:
        try:
            await self._client(_outcome(item), if_attempt=item.attempt)
        except Conflict as exc:
            # A newer attempt is somebody else's to end; should nobody do so, the message is listed again.
            logger.info("message %s: %s", item.id, exc.code)
        except Unprocessable:  # no open attempt: the mark of the hand-out was lost, or somebody closed it
            if not await self._is_over(item):
                await self._client(_outcome(item))

    async def _is_over(self, item: Item) -> bool:
        """Open an attempt, unless the platform calls the message processed: then that would open it again."""
        try:
            await self._start(item, 0)
        except Conflict as exc:
            if exc.code == "already_processed":
                return True
            await self._start(item, None)
        return False

    async def _start(self, item: Item, if_attempt: int | None) -> MessageStatus:
        call = MarkProcessing(chat_id=item.chat_id, message_id=item.id)
        return await self._client(call, if_attempt=if_attempt)

    async def _mark(self, item: Item, over: list[Item]) -> None:
        try:
            started = await self._mark_once(item)
        except Conflict:
            over.append(item)
        except ThenvoiError as exc:
            logger.info("hand-out not marked (%s)", exc.code)
        else:
            await self._inbox.marked(item, started.attempt_number)

    async def _mark_once(self, item: Item) -> MessageStatus:
        """Open an attempt. Raises `Conflict` for a message that is processed, where the platform tells."""
        try:
            return await self._start(item, item.attempt or 0)
        except Conflict as exc:
            if exc.code == "already_processed":
                raise
            return await self._start(item, None)  # somebody had it, and did not end it


def _outcome(item: Item) -> Call[MessageStatus]:
    if item.outcome == "failed":
        return MarkFailed(chat_id=item.chat_id, message_id=item.id, error=item.error or "failed")
    return MarkProcessed(chat_id=item.chat_id, message_id=item.id)
