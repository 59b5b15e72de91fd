"""A look into the inboxes for a process that does only that: it is over before an event loop had begun.

Everything is as it is for a bridge, except that a transaction runs on the thread that asks for it. So the
coroutines of the inbox never wait here and need no event loop, nor threads, nor what takes long to import.
Whatever is not as it should be is left to those who open an inbox as a bridge does, and know what to say.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from thenvoi_bridge.inbox.core import Caller, Sees
from thenvoi_bridge.inbox.found import Found, visit
from thenvoi_bridge.inbox.incoming import Incoming
from thenvoi_bridge.inbox.listing import Listing
from thenvoi_bridge.inbox.onlooking import Onlooker, signs_of_life
from thenvoi_bridge.inbox.privacy import NotPrivate
from thenvoi_bridge.inbox.soundness import SIZE_OF_FILE, check, is_current
from thenvoi_bridge.inbox.trouble import File
from thenvoi_bridge.storage import StorageError
from thenvoi_bridge.storage.connecting import connected
from thenvoi_bridge.storage.sqlite_tx import SqliteTx

PATIENCE = 1.0
"""Seconds to wait for another process that writes, before that is left to others, too."""

T = TypeVar("T")
Look = Callable[[Found], Coroutine[Any, Any, T]]
"""Sees one inbox, and waits for nothing else. May have to see it once more."""


class NotAtOnce(Exception):
    """It is not for this module to say what there is."""


def visited(state_dir: Path, agent: str | None, look: Look[T]) -> tuple[list[T], list[str]]:
    """What `found.visit` returns, at once where all is well. Raises `NoInbox`."""
    try:
        return _run(visit(state_dir, agent, look, opened))
    except NotAtOnce:
        import anyio

        from thenvoi_bridge.inbox import opening

        return anyio.run(visit, state_dir, agent, look, opening.opened)


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Found]:
    """The inbox in a folder, until the end of the block. Raises `NotAtOnce`, from within the block too."""
    try:
        life, file = Onlooker(signs_of_life(folder)), File.at(folder / "inbox.db")
        with connected(file.path, PATIENCE, writing=False) as tx:
            rows = _Rows(tx, file, life)
            await rows.begin()
            yield await Found.of(folder, Listing(rows), life)
            rows.look_after()
    except (StorageError, NotPrivate, OSError, ValueError) as exc:
        raise NotAtOnce from exc


class _Rows:
    """The rows of what came in, as `Access` has them.

    They are looked at without a lock, which would take longer than the look: `tx` cannot change them, so at
    worst it sees what is none, in a file that is being set aside.
    """

    epoch: str
    sees: Sees | None = None

    def __init__(self, tx: SqliteTx, file: File, life: Onlooker) -> None:
        self._tx, self._file, self.life = tx, file, life

    async def begin(self) -> None:
        """See whether they are what we know. Raises `NotAtOnce`, `StorageError`."""
        epoch = await self.read(_epoch)
        if epoch is None:
            raise NotAtOnce
        self.epoch = epoch

    def look_after(self) -> None:
        """Raise `NotAtOnce` once the file was set aside: what is kept in it nobody would ever read."""
        if not self._file.is_there:
            raise NotAtOnce

    def caller(self, now: float) -> Caller:
        """As `Access.caller`."""
        return Caller(self.life.id, now, self.life.alive, self.sees)

    async def read(self, work: Callable[[Incoming], T]) -> T:
        """As `Access.read`."""
        self._tx.snapshot()
        try:
            return work(Incoming(self._tx, SIZE_OF_FILE))
        finally:
            self._tx.roll_back()

    async def change(self, work: Callable[[Incoming], T]) -> T:
        """As `Access.change`."""
        from thenvoi_bridge.inbox.ownership import opening

        with ExitStack() as open:
            with opening(self._file.path):
                tx = open.enter_context(connected(self._file.path, PATIENCE, writing=True))
                self.look_after()
            result = _committed(tx, work)
        self.look_after()
        return result


def _committed(tx: SqliteTx, work: Callable[[Incoming], T]) -> T:
    tx.begin()
    try:
        result = work(Incoming(tx, SIZE_OF_FILE))
        tx.commit()
    finally:
        tx.roll_back()
    return result


def _epoch(table: Incoming) -> str | None:
    """The epoch of a sound inbox with the tables of this program, None of one that has not come so far."""
    check(table.tx)
    return table.about("epoch") if is_current(table.tx) else None


def _run(work: Coroutine[Any, Any, T]) -> T:
    """What comes of work that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("it waits")
