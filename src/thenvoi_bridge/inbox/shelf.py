"""The file of an inbox: transactions on its rows, and a bell that rings when they have changed anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import NoReturn, Self, TypeVar

import anyio

from thenvoi_bridge.inbox.core import Caller
from thenvoi_bridge.inbox.ownership import Owner, private_folder
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

T = TypeVar("T")


class Shelf:
    """`inbox.db` in a folder of which `owner` is this process's sign of life. Open it with `open`."""

    def __init__(self, db: Database, owner: Owner, *, epoch: str, version: int) -> None:
        self._db, self._owner = db, owner
        self._version = version
        self._bells: list[Callable[[], object]] = []
        self.epoch = epoch

    @classmethod
    async def open(cls, folder: Path, owner: Owner) -> Self:
        """Open or make the file. Raises `NotPrivate` where others could get at the folder, `StorageError`."""
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

    def caller(self, now: float) -> Caller:
        """This process at a moment, in seconds of a clock that nobody sets."""
        return Caller(self._owner.id, now, self._owner.alive)

    def listen(self, bell: Callable[[], object]) -> Callable[[], None]:
        """Ring `bell` in the event loop after every change; call what is returned to stop that."""
        self._bells.append(bell)
        return lambda: self._bells.remove(bell)

    async def watch(self, every: float) -> NoReturn:
        """Ring within `every` seconds when another process has changed something, since `open`; a task."""
        while True:
            if (version := await self._db.version()) != self._version:
                self._version = version
                self._ring()
            await anyio.sleep(every)

    async def read(self, work: Callable[[Table], T]) -> T:
        """Look at the rows, as they are at one moment. Raises what `work` does, and `StorageError`."""
        return await self._db.read(lambda tx: work(Table(tx)))

    async def change(self, work: Callable[[Table], T]) -> T:
        """Run `work` in a transaction. Raises what `work` does, and `StorageError`; then nothing was kept.

        It runs to its end even when its caller is cancelled, who would never learn what he has taken.
        """
        tables: list[Table] = []

        def write(tx: Tx) -> T:
            tables.append(Table(tx))
            return work(tables[0])

        with anyio.CancelScope(shield=True):
            result = await self._db.write(write)
        if tables[0].changed:  # a look that changed nothing must not wake those who look when the bell rings
            self._ring()
        return result

    def _ring(self) -> None:
        for bell in tuple(self._bells):
            bell()
