"""The durable inbox of one identity. A method is a transaction; what may happen in it `core` decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import NoReturn, Self, TypeVar

import anyio

from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox import core
from thenvoi_bridge.inbox.core import OPEN, Caller, Item, Outcome, State
from thenvoi_bridge.inbox.errors import LeaseLost, SeveralRooms
from thenvoi_bridge.inbox.ownership import Owner, private_folder
from thenvoi_bridge.inbox.paging import Page, turn
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

T = TypeVar("T")


class Inbox:
    """The mentions of one identity, shared with every process of this computer that has the same folder.

    All methods but `listen` may raise `StorageError`. Times are in seconds of this computer's clock. A write
    runs to its end even when its caller is cancelled, so a caller always learns what he has taken; whoever
    is cancelled after `lease` gives back with `release`. Open it with `open`, close it with `close`.
    """

    def __init__(self, db: Database, owner: Owner, *, epoch: str, version: int) -> None:
        self._db = db
        self._owner = owner
        self._epoch = epoch
        self._version = version
        self._bells: list[Callable[[], object]] = []

    @classmethod
    async def open(cls, folder: Path, owner: Owner) -> Self:
        """Open or make `inbox.db` in a folder of which `owner` is this process's sign of life.

        Raises `NotPrivate` where others could get at the folder, and `StorageError`.
        """
        db = await open_sqlite(private_folder(folder) / "inbox.db")
        try:
            await migrate(db, "thenvoi_bridge.inbox.migrations")
            epoch = await db.write(lambda tx: Table(tx).epoch(token_hex(8)))
            version = await db.version()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await db.close()
            raise
        return cls(db, owner, epoch=epoch, version=version)

    async def close(self) -> None:
        """Let go of the file. What is held stays held until the owner closes too."""
        await self._db.close()

    async def put(self, messages: Iterable[ChatMessage], titles: Mapping[str, str | None] = {}) -> int:
        """Keep what was pushed and return how much of it was new. `titles` are by room.

        A push may come late, so one for a message that is answered, or gone, changes nothing.
        """
        arrived = [(message, titles.get(message.chat_room_id)) for message in messages]
        return await self._change(lambda table: sum(table.insert(*each) for each in arrived))

    async def sweep(
        self, chat_id: str, listed: Sequence[ChatMessage], since_seq: int, *, title: str | None = None
    ) -> int:
        """Keep a complete REST listing of a room's unprocessed messages; return how many were new.

        `since_seq` is what `seq` said before the listing began. What had arrived by then, is held by no
        living process and is not listed was handled elsewhere: gone. What is listed although it is done has
        to be acknowledged again, and what is listed although it was gone is back.
        """
        ids = {message.id for message in listed}

        def work(table: Table) -> int:
            new = {message.id for message in listed if table.insert(message, title)}
            for item in table.find(ids - new):
                table.update(item, core.listed(item))
            for item in table.waiting(chat_id, since_seq):
                if item.id not in ids and core.is_free(item, self._owner.alive):
                    table.update(item, core.vanish(item))
            return len(new)

        return await self._change(work)

    async def seq(self) -> int:
        """The highest arrival number so far."""
        return await self._read(Table.seq)

    async def drop_room(self, chat_id: str) -> int:
        """Note that we are no longer in a room; return how many messages are gone with it.

        An answer that is being sent is left to end by itself.
        """

        def work(table: Table) -> int:
            items = table.waiting(chat_id, table.seq())
            going = [i for i in items if i.state is not State.ANSWERING or core.is_free(i, self._owner.alive)]
            return len([table.update(item, core.vanish(item)) for item in going])

        return await self._change(work)

    async def lease(self, chat_id: str | None, limit: int, now: float) -> list[Item]:
        """Hand out up to `limit` messages of one room, the oldest first, for `core.LEASE` seconds.

        It is the room that has waited longest, or `chat_id` if given. A room of which a living process,
        this one included, holds anything gives nothing, for what comes next would overtake it. A message
        handed out `core.ATTEMPTS` times in vain is dead.
        """
        by = self._caller(now)

        def work(table: Table) -> list[Item]:
            busy: set[str] = set()
            for item in table.held():
                if not by.may_take(item):
                    busy.add(item.chat_id)
                elif item.spent:
                    table.update(item, core.bury(item, by))
            room = next((r for r in table.rooms() if r not in busy and chat_id in (None, r)), None)
            oldest = table.oldest(room, limit) if room else []
            alone = any(item.attempts >= core.SUSPECT for item in oldest[:1])
            return [table.update(item, core.take(item, by)) for item in oldest[: 1 if alone else limit]]

        return await self._change(work)

    async def release(self, items: Iterable[Item]) -> None:
        """Put back what was handed out and not seen, as if it never was; passes over what was lost since."""

        def work(table: Table) -> None:
            for held in items:
                for item in table.find([held.id]):
                    with suppress(LeaseLost):
                        table.update(item, core.release(item, held.token, self._owner.id))

        await self._change(work)

    async def release_all(self) -> None:
        """Put back whatever this process was handed and has not begun to answer: it ends."""

        def work(table: Table) -> None:
            for item in table.held():
                if (item.state, item.owner) == (State.LEASED, self._owner.id):
                    table.update(item, core.release(item, item.token, self._owner.id))

        await self._change(work)

    async def begin_answer(self, ids: Collection[str], digest: str, now: float) -> list[Item]:
        """Hold messages of one room for an answer and return them; nobody else answers them meanwhile.

        `digest` covers the ids and the whole answer. Raises `Unknown`, `SeveralRooms`, and what `core.begin`
        does; then none is held.
        """
        by = self._caller(now)

        def work(table: Table) -> list[Item]:
            items = table.get(ids)
            if len(rooms := tuple(dict.fromkeys(item.chat_id for item in items))) > 1:
                raise SeveralRooms(rooms)
            return [table.update(item, core.begin(item, digest, by)) for item in items]

        return await self._change(work)

    async def answered(self, items: Sequence[Item], answer: str) -> list[Item]:
        """Keep the platform's answer, a JSON text, with all these. Raises `LeaseLost`; then with none."""
        return await self._step(items, lambda item, token: core.answered(item, token, self._owner.id, answer))

    async def unanswered(self, items: Sequence[Item]) -> list[Item]:
        """Hold all these for another try, as the answer did not get through. Raises `LeaseLost`."""
        return await self._step(items, lambda item, token: core.unanswered(item, token, self._owner.id))

    async def end(self, ids: Collection[str], outcome: Outcome, error: str | None, now: float) -> list[Item]:
        """End messages without an answer. Raises `Unknown` and what `core.end` does; then none is ended."""
        by = self._caller(now)
        return await self._change(
            lambda table: [table.update(i, core.end(i, outcome, error, by)) for i in table.get(ids)]
        )

    async def acking(self) -> list[Item]:
        """What the platform has yet to be told, `outcome` and all."""
        return await self._read(Table.acking)

    async def acked(self, item: Item) -> Item:
        """Note that the platform was told, and return what the message is now. Once more is harmless."""
        return (await self._step([item], core.acked))[0]

    async def page(
        self, after: str | None, chat_id: str | None, limit: int, states: Collection[State] = OPEN
    ) -> Page:
        """Look at up to `limit` messages that arrived after a cursor, without touching them."""
        return await self._read(
            lambda table: turn(table, self._epoch, after, chat_id=chat_id, limit=limit, states=states)
        )

    async def get(self, ids: Iterable[str]) -> list[Item]:
        """The messages with these ids, in the order of the ids; unknown ones are left out."""
        return await self._read(lambda table: table.find(ids))

    async def unread(self) -> int:
        """How many messages nobody has begun to answer."""
        return await self._read(Table.unread)

    async def ready(self) -> int:
        """How many of them nobody holds, so that they can be handed out."""
        return await self._read(Table.ready)

    def listen(self, bell: Callable[[], object]) -> Callable[[], None]:
        """Ring `bell` in the event loop after every change; call what is returned to stop that.

        Changes by other processes ring only while `watch` runs. A ring carries nothing: look for yourself.
        """
        self._bells.append(bell)
        return lambda: self._bells.remove(bell)

    async def watch(self, every: float = 0.25) -> NoReturn:
        """Ring within `every` seconds when another process has changed something, since `open`; a task."""
        while True:
            if (version := await self._db.version()) != self._version:
                self._version = version
                self._ring()
            await anyio.sleep(every)

    def _ring(self) -> None:
        for bell in tuple(self._bells):
            bell()

    def _caller(self, now: float) -> Caller:
        return Caller(self._owner.id, now, self._owner.alive)

    async def _step(self, items: Sequence[Item], step: Callable[[Item, int], Item]) -> list[Item]:
        """Take one step with each item as it stands now, given the token it had when it was held."""

        def work(table: Table) -> list[Item]:
            tokens = {item.id: item.token for item in items}
            return [table.update(item, step(item, tokens[item.id])) for item in table.get(tokens)]

        return await self._change(work)

    async def _read(self, work: Callable[[Table], T]) -> T:
        return await self._db.read(lambda tx: work(Table(tx)))

    async def _change(self, work: Callable[[Table], T]) -> T:
        tables: list[Table] = []

        def write(tx: Tx) -> T:
            tables.append(Table(tx))
            return work(tables[0])

        with anyio.CancelScope(shield=True):  # a cancelled caller would never learn what he has taken
            result = await self._db.write(write)
        if tables[0].changed:  # a look that changed nothing must not wake those who look when the bell rings
            self._ring()
        return result
