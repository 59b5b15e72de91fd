"""Threads that work on connections, and the commit of many transactions at once.

A commit costs a disk flush and a hop between threads, however little is in it. So a lane takes everything
that waits, gives each piece a savepoint, commits once, and only then tells the callers.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, Protocol

from thenvoi_bridge.storage import StorageError, T, Tx


class Connection(Tx, Protocol):
    """What a lane needs of a connection, besides what those see who are given it as a `Tx`.

    Everything here raises `StorageError`.
    """

    def begin(self) -> None:
        """Begin to write, once no other writer of this database is at it."""

    def snapshot(self) -> None:
        """Begin to read; what others commit from the first statement on is not seen."""

    def commit(self) -> None:
        """End the transaction and keep what it did."""

    def roll_back(self) -> None:
        """End the transaction, if it still stands, and keep nothing of it."""

    def is_open(self) -> bool:
        """Whether the transaction still stands. The database itself ends it after some errors."""

    def nest(self) -> None:
        """Begin a part of the transaction that can be undone by itself."""

    def keep(self) -> None:
        """End the part. Raises what COMMIT would have to say about it, and then it has yet to be undone."""

    def undo(self) -> None:
        """Undo the part and end it."""

    def version(self) -> int:
        """As `Database.version`."""

    def close(self) -> None:
        """Let go of the database."""


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """Work somebody waits for, and what came of it."""

    work: Callable[[Connection], T]
    waiter: asyncio.Future[None]
    grouped: bool
    value: T = field(init=False)
    error: BaseException | None = None

    def attempt(self, tx: Connection) -> None:
        """Do the work, unless nobody waits for it any more."""
        if self.waiter.cancelled():
            return
        try:
            self.value = self.work(tx)
        except BaseException as error:
            self.error = error

    def result(self) -> T:
        """Return or raise what came of the work."""
        if self.error is not None:
            raise self.error
        return self.value


class Lane:
    """A queue of jobs and the threads that serve it, each alone with its connection.

    The threads are daemons: a process that never closes its database still ends. `most` bounds one turn.
    """

    def __init__(self, *, most: int) -> None:
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._asked: list[Job[Any]] = []
        self._most = most
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._threads: list[Thread] = []

    def start(self, connection: Connection) -> None:
        """Serve the queue with one more thread, which closes the connection in the end."""
        thread = Thread(target=self._serve, args=(connection,), name="storage", daemon=True)
        self._threads.append(thread)
        thread.start()

    async def ask(self, work: Callable[[Connection], T], *, grouped: bool = False) -> T:
        """Queue the work and wait for its end. `grouped` work becomes part of a group's transaction."""
        if self._closed:
            raise StorageError("the database is closed")
        job = Job(work, self._loop.create_future(), grouped)
        if not self._asked:  # all of this turn of the loop go together, so that one commit takes them all
            self._loop.call_soon(self._hand_over)
        self._asked.append(job)
        await job.waiter
        return job.result()

    def close(self) -> None:
        """Take no more work. The threads finish the queue and close their connections."""
        self._closed = True
        self._hand_over()
        self._jobs.put(None)

    def join(self) -> None:
        """Wait, off the event loop, until the threads have ended."""
        for thread in self._threads:
            thread.join()

    def _hand_over(self) -> None:
        for job in self._asked:
            self._jobs.put(job)
        self._asked.clear()

    def _serve(self, connection: Connection) -> None:
        while self._turn(connection):
            pass
        connection.close()

    def _turn(self, tx: Connection) -> bool:
        jobs = self._take()
        for job in jobs:
            if not job.grouped:
                job.attempt(tx)
        if group := [job for job in jobs if job.grouped]:
            _commit(tx, group)
        with suppress(RuntimeError):  # the loop has closed: nobody waits
            self._loop.call_soon_threadsafe(_tell, jobs)
        return bool(jobs)

    def _take(self) -> list[Job[Any]]:
        """Wait for a job and take what is behind it. Nothing at all means the end."""
        jobs: list[Job[Any]] = []
        job = self._jobs.get()
        with suppress(Empty):
            while job is not None:
                jobs.append(job)
                if len(jobs) == self._most:
                    return jobs
                job = self._jobs.get_nowait()
            self._jobs.put(None)  # again, for the next turn and the other threads
        return jobs


def _tell(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        if not job.waiter.done():
            job.waiter.set_result(None)


def _commit(tx: Connection, group: list[Job[Any]]) -> None:
    """Run a group in one transaction. Where that fails as a whole, all of the group have failed."""
    try:
        tx.begin()
        for job in group:
            _nest(tx, job)
        tx.commit()
    except StorageError as error:
        for job in group:
            job.error = type(error)(*error.args)  # one each, for raising an error adds to its traceback
            job.error.__cause__ = error.__cause__
    finally:
        tx.roll_back()


def _nest(tx: Connection, job: Job[Any]) -> None:
    """Run one job in the group's transaction, so that its failure undoes nothing but itself."""
    tx.nest()
    job.attempt(tx)
    if not tx.is_open():
        # A full disk does this, for one. What the group did before is lost with it.
        raise job.error if isinstance(job.error, StorageError) else StorageError("the transaction is gone")
    if job.error is None:
        try:
            return tx.keep()
        except StorageError as error:
            job.error = error
    tx.undo()
