"""The rows of an inbox: transactions on them, and a bell that rings when they have changed anything."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from secrets import token_hex
from typing import NoReturn, Self, TypeVar

import anyio

from thenvoi_bridge.inbox import repair
from thenvoi_bridge.inbox.core import Caller, Sees
from thenvoi_bridge.inbox.grounds import BROKEN, Ground, InFile, OnServer
from thenvoi_bridge.inbox.life import Life
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.privacy import private_folder
from thenvoi_bridge.inbox.soundness import MIGRATIONS
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.inbox.trouble import File, Trouble
from thenvoi_bridge.storage import Database, StorageError, Tx
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

T = TypeVar("T")


class Shelf:
    """The rows of one inbox, kept in `inbox.db` in a folder or in a schema of a Postgres.

    `life` is this process's sign of life there. Open it with `open` or `on`.
    """

    def __init__(
        self, db: Database, ground: Ground, life: Life, sees: Sees | None = None, *, epoch: str, version: int
    ) -> None:
        self._db, self._ground, self.life, self.sees = db, ground, life, sees
        self.for_all = False
        self._version = version
        self._bells: list[Callable[[], object]] = []
        self._closed = False
        self.epoch = epoch

    @classmethod
    async def open(cls, folder: Path, owner: Owner, sees: Sees | None = None) -> Self:
        """Open or make the file. Raises `NotPrivate` where others could get at the folder, and `Trouble`.

        A damaged one is left as it is: `repair.set_aside` is for whoever can fill a new one.
        """
        db, file = await _opened(private_folder(folder) / "inbox.db")
        return await cls._begun(db, InFile(file), owner, sees)

    @classmethod
    async def on(cls, schema: Database, life: Life, sees: Sees | None = None) -> Self:
        """Open or make the tables in a schema. Raises `Trouble`."""
        return await cls._begun(schema, OnServer(), life, sees)

    @classmethod
    async def _begun(cls, db: Database, ground: Ground, life: Life, sees: Sees | None) -> Self:
        try:
            await ground.check(db)
            await migrate(db, MIGRATIONS)
            epoch = await db.write(lambda tx: Table(tx).epoch(token_hex(8)))
            return cls(db, ground, life, sees, epoch=epoch, version=await db.version())
        except BaseException as exc:
            with anyio.CancelScope(shield=True):
                await db.close()
            if isinstance(exc, BROKEN):
                raise ground.meaning(exc) from exc
            raise

    def over(self, db: Database) -> Self:
        """The same rows by way of another `Database`; whoever listens to one of the two hears of both."""
        other = copy(self)
        other._db = db
        return other

    async def close(self) -> None:
        """Let go of it. What is held stays held until the sign of life ends too."""
        self._closed = True
        await self._db.close()

    def caller(self, now: float) -> Caller:
        """This process at a moment, in seconds of `life.now`."""
        return Caller(self.life.id, now, self.life.alive, self.sees, self.for_all)

    def listen(self, bell: Callable[[], object]) -> Callable[[], None]:
        """Ring `bell` in the event loop after every change; call what is returned to stop that."""
        self._bells.append(bell)
        return lambda: self._bells.remove(bell)

    async def watch(self, every: float) -> NoReturn:
        """Ring within `every` seconds when another process has changed something, since `open`; a task.

        Raises `Damaged` as soon as anybody has found the file to be so, here or in another process.
        """
        while True:
            if (version := await self.glance()) != self._version:
                self._version = version
                self._ring()
            await anyio.sleep(every)

    async def glance(self) -> int:
        """The number that `watch` goes by, for whoever looks by himself. Raises what `watch` does."""
        self._ground.look_after()
        return await self.read_version()

    async def read_version(self) -> int:
        """A number that commits of other processes change. Raises `Trouble`."""
        try:
            return await self._db.version()
        except BROKEN as exc:
            raise await self._trouble(exc) from exc

    async def read(self, work: Callable[[Table], T]) -> T:
        """Look at the rows, as they are at one moment. Raises what `work` does, and `Trouble`."""
        try:
            return await self._db.read(lambda tx: work(Table(tx, self._ground.size)))
        except BROKEN as exc:
            raise await self._trouble(exc) from exc

    async def change(self, work: Callable[[Table], T]) -> T:
        """Run `work` in a transaction. Raises what `work` does, and `Trouble`; then nothing was kept.

        It runs to its end even when its caller is cancelled, who would never learn what he has taken.
        """
        tables: list[Table] = []

        def write(tx: Tx) -> T:
            tables.append(Table(tx, self._ground.size))
            return work(tables[0])

        with anyio.CancelScope(shield=True):
            try:
                result = await self._db.write(write)
            except BROKEN as exc:
                raise await self._trouble(exc) from exc
        self._ground.look_after()  # what was kept in one that has been set aside nobody would ever read
        if tables[0].changed:  # a look that changed nothing must not wake those who look when the bell rings
            self._ring()
        return result

    async def _trouble(self, error: Exception) -> Trouble:
        if self._closed:
            return Trouble("inbox_closed", "it is being opened again")
        return await self._ground.trouble(self._db, error)

    def _ring(self) -> None:
        for bell in tuple(self._bells):
            bell()


async def _opened(path: Path) -> tuple[Database, File]:
    try:
        async with repair.alone(path):
            try:
                return await open_sqlite(path), File.at(path)
            except StorageError as exc:
                raise repair.trouble_with(File.at(path), exc) from exc
    except OSError as exc:
        raise repair.no_folder(exc) from exc
