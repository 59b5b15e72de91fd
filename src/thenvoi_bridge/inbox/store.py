"""The durable inbox of one identity. A method is a transaction; what happens in it `protocol` says.

What only looks is in `looking`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import NoReturn, Self

import anyio

from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox import protocol, tidy
from thenvoi_bridge.inbox.core import Item, Outcome, Sees
from thenvoi_bridge.inbox.debts import Debts
from thenvoi_bridge.inbox.looking import Looking
from thenvoi_bridge.inbox.outbox import Outbox
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.shelf import Shelf
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.inbox.trouble import Trouble
from thenvoi_bridge.storage import Database

TIDY = 600.0
"""Seconds between two times of throwing away what nobody needs any more."""

logger = logging.getLogger(__name__)


class Inbox(Looking):
    """The mentions of one identity, shared with every process that has the same folder, or the same schema.

    `outbox` has our own messages in the same place, `debts` what was to be put back and could not be. All
    methods but `listen` may raise `Trouble`. A parameter `now` is what the method of that name says: seconds
    of a clock that they share. A write runs to its end even when its caller is cancelled; whoever is
    cancelled after `lease` gives back with `release`. Open it with `open`.
    """

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._shelf: Shelf = shelf
        self.outbox = Outbox(shelf)
        self.debts = Debts(shelf)

    @classmethod
    async def open(cls, folder: Path, owner: Owner, sees: Sees | None = None) -> Self:
        """Open or make `inbox.db` in a folder of which `owner` is this process's sign of life.

        `sees` tells by room and sender which messages this process may have to do with: the others are kept,
        too, but it can neither be handed them, nor look at or answer them, and they keep nothing back.
        Raises `NotPrivate` where others could get at the folder, and `Trouble`, as `Shelf.open` does.
        """
        return cls(await Shelf.open(folder, owner, sees))

    def over(self, db: Database) -> Self:
        """The same inbox by way of another `Database`."""
        return type(self)(self._shelf.over(db))

    def now(self) -> float:
        """Seconds of the clock of all its processes, for whatever takes `now`."""
        return self._shelf.life.now()

    def wall(self) -> float:
        """The Unix time of all its processes."""
        return self._shelf.life.wall()

    async def close(self) -> None:
        """Let go of it. What is held stays held until the sign of life ends too."""
        await self._shelf.close()

    async def put(self, messages: Iterable[ChatMessage], titles: Mapping[str, str | None] = {}) -> int:
        """Keep what was pushed and return how much of it was new. `titles` are by room.

        A push may come late, so one for a message that is answered, or gone, changes nothing. What there is
        no room for stays with the platform, and its room among `rooms_waiting`.
        """
        arrived = [*messages]
        return await self._shelf.change(lambda rows: tidy.put(rows, arrived, titles))

    async def note_listed(self, listed: Sequence[ChatMessage], *, title: str | None = None) -> int:
        """Keep some of what the platform, when asked, calls unprocessed; return how much was new."""
        return await self._shelf.change(lambda rows: protocol.note_listed(rows, listed, title))

    async def sweep(
        self, chat_id: str, listed: Sequence[ChatMessage], since_seq: int, *, title: str | None = None
    ) -> int:
        """Keep a complete REST listing of a room's unprocessed messages; return how many were new.

        `since_seq` is what `seq` said before the listing began. What had arrived by then, is held by no
        living process and is not listed was handled elsewhere: gone. What is listed although it is done has
        to be acknowledged again, and what is listed although it was gone is back. What there is no room for,
        the newest, stays with the platform, and the room among `rooms_waiting`.
        """
        by = self._shelf.caller(0.0)
        return await self._shelf.change(lambda rows: tidy.sweep(rows, by, chat_id, listed, since_seq, title))

    async def drop_room(self, chat_id: str) -> int:
        """Note that we are no longer in a room; return how many messages are gone with it.

        An answer that is being sent is left to end by itself.
        """
        return await self._shelf.change(lambda rows: tidy.drop_room(rows, chat_id))

    async def lease(
        self, chat_id: str | None, limit: int, now: float, *, only: Collection[str] | None = None
    ) -> list[Item]:
        """Hand out up to `limit` messages of one room, the oldest first, for `core.LEASE` seconds; of those
        with ids in `only`, if that is given.

        It is the room that has waited longest, or `chat_id` if given. A room of which a living process,
        this one included, holds anything gives nothing, for what comes next would overtake it. A message
        handed out `core.ATTEMPTS` times in vain is dead.
        """
        by = self._shelf.caller(now)
        return await self.debts.change(
            lambda rows: protocol.lease(rows, by, chat_id, limit, only),
            undo=lambda rows: protocol.release_taken(rows, by),
        )

    async def hand_out(
        self,
        chat_id: str,
        listed: Sequence[ChatMessage],
        since_seq: int,
        limit: int,
        now: float,
        *,
        title: str | None = None,
    ) -> list[Item]:
        """`sweep` a room, however full the inbox is, and `lease` of what is listed, at one go."""
        by, ids = self._shelf.caller(now), {message.id for message in listed}

        def work(rows: Table) -> list[Item]:
            protocol.note_listed(rows, listed, title)  # these are next
            tidy.sweep(rows, by, chat_id, listed, since_seq, title)
            return protocol.lease(rows, by, chat_id, limit, ids)

        return await self.debts.change(work, undo=lambda rows: protocol.release_taken(rows, by))

    async def release(self, items: Iterable[Item]) -> None:
        """Put back what was handed out and not seen, as if it never was; passes over what was lost since."""
        put_back = partial(protocol.release, by=self._shelf.caller(0.0), items=[*items])
        await self.debts.change(put_back, undo=put_back)

    async def release_all(self) -> None:
        """Put back whatever this process was handed and has not begun to answer: it ends.

        Where that cannot be written, it is free as soon as the owner closes, and nothing is raised.
        """
        by = self._shelf.caller(0.0)
        with suppress(Trouble):
            await self._shelf.change(lambda rows: protocol.release_all(rows, by))

    async def extend(self, now: float) -> None:
        """Keep what this process was handed for longer: whoever has it shows signs of work."""
        by = self._shelf.caller(now)
        await self._shelf.change(lambda rows: protocol.extend(rows, by))

    async def marked(self, item: Item, attempt: int) -> None:
        """Note the platform's number of the attempt that this hand-out is."""
        await self._shelf.change(lambda rows: protocol.marked(rows, item, attempt))

    async def vanish(self, items: Iterable[Item]) -> None:
        """Drop what was handed out here a moment ago and turned out to be handled elsewhere."""
        gone, by = [*items], self._shelf.caller(0.0)
        await self._shelf.change(lambda rows: protocol.vanish(rows, by, gone))

    async def end(self, ids: Collection[str], outcome: Outcome, error: str | None, now: float) -> list[Item]:
        """End messages without an answer. Raises `Unknown` and what `core.end` does; then none is ended."""
        by = self._shelf.caller(now)
        return await self._shelf.change(lambda rows: protocol.end(rows, by, ids, outcome, error))

    async def retry(self, ids: Collection[str]) -> list[Item]:
        """Offer dead messages once more. Raises `Unknown`, `NotOpen`; then none is offered."""
        return await self._shelf.change(lambda rows: protocol.retry(rows, ids))

    async def to_tell(self, now: float) -> list[Item]:
        """Take on what the platform has yet to be told and nobody else is telling it, `outcome` and all."""
        by = self._shelf.caller(now)
        if not await self._shelf.read(lambda rows: any(map(by.may_tell, rows.acking()))):
            return []
        return await self._shelf.change(lambda rows: protocol.to_tell(rows, by))

    async def told(self, item: Item) -> Item:
        """Note that the platform was told, and return what the message is now. Once more is harmless."""
        return await self._shelf.change(lambda rows: protocol.told(rows, item))

    def answer_for_all(self) -> None:
        """From now on end what any process was handed: the next request of a host may reach another one."""
        self._shelf.for_all = True

    async def tidy(self, wall: float) -> int:
        """Throw away what nobody needs at a Unix time; return how many rows that changed."""
        changed = 0
        for step in tidy.steps(wall):
            while some := await self._shelf.change(step):
                changed += some
        return changed

    async def keep_tidy(self) -> NoReturn:
        """Tidy every few minutes; a task. What cannot be thrown away now is thrown away later."""
        while True:
            try:
                await self.tidy(self.wall())
            except Trouble as exc:
                logger.info("the inbox was not tidied: %s", exc)
            await anyio.sleep(TIDY)

    async def prove(self) -> None:
        """Write something, only to see whether that is possible. Raises `Trouble`."""
        proof = token_hex(8192)
        await self._shelf.change(lambda rows: rows.note("proof", proof))

    def listen(self, bell: Callable[[], object]) -> Callable[[], None]:
        """Ring `bell` in the event loop after every change; call what is returned to stop that.

        Changes by other processes ring only while `watch` runs. A ring carries nothing: look for yourself.
        """
        return self._shelf.listen(bell)

    async def glance(self) -> int:
        """A number that changes when another process has changed something, for whoever cannot `watch`."""
        return await self._shelf.glance()

    async def watch(self, every: float = 0.25) -> NoReturn:
        """Ring within `every` seconds when another process has changed something, since `open`; a task."""
        await self._shelf.watch(every)
