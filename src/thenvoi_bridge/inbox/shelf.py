"""The file of an inbox: transactions on its rows, and a bell that rings when they have changed anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import NoReturn, Self, TypeVar

import anyio

from thenvoi_bridge.inbox import repair
from thenvoi_bridge.inbox.core import Caller, Sees
from thenvoi_bridge.inbox.ownership import Owner, private_folder
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.inbox.trouble import Damaged, File, Trouble
from thenvoi_bridge.storage import Database, StorageError, TooNew, Tx
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

T = TypeVar("T")

BROKEN = (StorageError, UnicodeDecodeError)
"""What a transaction raises where the file is at fault: SQLite does not look after what stands in it."""


class Shelf:
    """`inbox.db` in a folder of which `owner` is this process's sign of life. Open it with `open`."""

    def __init__(
        self, db: Database, file: File, owner: Owner, sees: Sees | None = None, *, epoch: str, version: int
    ) -> None:
        self._db, self._file, self._owner, self.sees = db, file, owner, sees
        self.for_all = False
        self._version = version
        self._bells: list[Callable[[], object]] = []
        self._damaged: Damaged | None = None
        self._closed = False
        self.epoch = epoch

    @classmethod
    async def open(cls, folder: Path, owner: Owner, sees: Sees | None = None) -> Self:
        """Open or make the file. Raises `NotPrivate` where others could get at the folder, and `Trouble`.

        A damaged one is left as it is: `repair.set_aside` is for whoever can fill a new one.
        """
        db, file = await _opened(private_folder(folder) / "inbox.db")
        try:
            await db.read(repair.check)
            await migrate(db, repair.MIGRATIONS)
            epoch = await db.write(lambda tx: Table(tx).epoch(token_hex(8)))
            return cls(db, file, owner, sees, epoch=epoch, version=await db.version())
        except BaseException as exc:
            with anyio.CancelScope(shield=True):
                await db.close()
            if isinstance(exc, BROKEN):
                raise repair.trouble_with(file, exc) from exc
            raise

    async def close(self) -> None:
        """Let go of the file. What is held stays held until the owner closes too."""
        self._closed = True
        await self._db.close()

    def caller(self, now: float) -> Caller:
        """This process at a moment, in seconds of a clock that nobody sets."""
        return Caller(self._owner.id, now, self._owner.alive, self.sees, self.for_all)

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
        self._look_after_the_file()
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
            return await self._db.read(lambda tx: work(Table(tx)))
        except BROKEN as exc:
            raise await self._trouble(exc) from exc

    async def change(self, work: Callable[[Table], T]) -> T:
        """Run `work` in a transaction. Raises what `work` does, and `Trouble`; then nothing was kept.

        It runs to its end even when its caller is cancelled, who would never learn what he has taken.
        """
        tables: list[Table] = []

        def write(tx: Tx) -> T:
            tables.append(Table(tx))
            return work(tables[0])

        with anyio.CancelScope(shield=True):
            try:
                result = await self._db.write(write)
            except BROKEN as exc:
                raise await self._trouble(exc) from exc
        self._look_after_the_file()  # what was kept in one that has been set aside nobody would ever read
        if tables[0].changed:  # a look that changed nothing must not wake those who look when the bell rings
            self._ring()
        return result

    async def _trouble(self, error: Exception) -> Trouble:
        if self._closed:
            return Trouble("inbox_closed", "it is being opened again")
        trouble = repair.trouble_with(self._file, error)
        if isinstance(trouble, Damaged):
            try:  # what is not as we know it is damaged, or a newer version of this program has changed it
                await migrate(self._db, repair.MIGRATIONS)
            except TooNew as newer:
                return repair.trouble_with(self._file, newer)
            except BROKEN:
                pass
            self._damaged = trouble
        return trouble

    def _look_after_the_file(self) -> None:
        if self._damaged is None and not self._file.is_there:
            self._damaged = Damaged(self._file, "it was set aside as damaged, or taken away")
        if self._damaged:
            raise Damaged(self._file, self._damaged.reason)

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
