"""Reconciles the inbox with the platform by REST: the delivery state there is the truth, a push is a hint."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import anyio

from thenvoi_bridge.bridge.rooms import PAGE, Rooms
from thenvoi_bridge.contract.errors import NotFound, ThenvoiError
from thenvoi_bridge.contract.messages import ChatMessage, ListMessages
from thenvoi_bridge.inbox.store import Inbox

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client

AT_ONCE = 4
"""Rooms read at the same time."""

AGAIN = 5.0
"""Seconds before a room that could not be read is tried again."""

logger = logging.getLogger(__name__)


class Sweeper:
    """Reads rooms that may hold something the inbox does not know."""

    def __init__(self, client: Client, inbox: Inbox, rooms: Rooms) -> None:
        self._client, self._inbox, self._rooms = client, inbox, rooms
        self._dirty: set[str] = set()
        self._sweeping: set[str] = set()
        self._woken = anyio.Event()

    @property
    def behind(self) -> int:
        """How many rooms are still to be read."""
        return len(self._dirty | self._sweeping)

    def mark(self, chat_ids: Iterable[str]) -> None:
        """Have these rooms read soon."""
        self._dirty.update(chat_ids)
        self._woken.set()

    def forget(self, chat_id: str) -> None:
        """Do not read a room any more."""
        self._dirty.discard(chat_id)

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Read marked rooms, a few at a time, until cancelled; `caught_up` is called when none is left."""
        limit = anyio.CapacityLimiter(AT_ONCE)
        async with anyio.create_task_group() as tasks:
            while True:
                await self._woken.wait()
                self._woken = anyio.Event()
                for chat_id in self._dirty - self._sweeping:
                    self._dirty.discard(chat_id)
                    self._sweeping.add(chat_id)
                    tasks.start_soon(self._sweep_in_turn, limit, chat_id, caught_up)

    async def _sweep_in_turn(
        self, limit: anyio.CapacityLimiter, chat_id: str, caught_up: Callable[[], None]
    ) -> None:
        try:
            async with limit:
                await self._sweep(chat_id)
        except NotFound:
            self._rooms.left(chat_id)
            await self._inbox.drop_room(chat_id)
        except ThenvoiError as exc:
            logger.info("room %s could not be read (%s); again in %.0f s", chat_id, exc.code, AGAIN)
            await anyio.sleep(AGAIN * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not secrecy
            self._dirty.add(chat_id)
        finally:
            self._sweeping.discard(chat_id)
            self._woken.set()  # it may have been marked again meanwhile
            if not self.behind:
                caught_up()

    async def _sweep(self, chat_id: str) -> None:
        since = await self._inbox.seq()
        listed = await self._listed(chat_id)
        new = await self._inbox.sweep(chat_id, listed, since, title=self._rooms.titles.get(chat_id))
        if new:
            logger.info("room %s: picked up by REST: %d", chat_id, new)

    async def _listed(self, chat_id: str) -> list[ChatMessage]:
        """Every unprocessed message of a room.

        The list shrinks while it is read when messages get processed, and items slip between pages; so it is
        read again from the start until a pass brings nothing new.
        """
        found: dict[str, ChatMessage] = {}
        while True:
            before = len(found)
            pages = await self._pass(chat_id, found)
            if pages == 1 or len(found) == before:
                return list(found.values())

    async def _pass(self, chat_id: str, found: dict[str, ChatMessage]) -> int:
        page, pages = 1, 1
        ask = partial(ListMessages, chat_id=chat_id, page_size=PAGE)
        while page <= pages:
            answer = await self._client(ask(page=page))
            found.update((message.id, message) for message in answer.data)
            page, pages = page + 1, answer.metadata.total_pages
        return pages
