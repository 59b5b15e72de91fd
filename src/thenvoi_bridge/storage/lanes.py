"""A database as two lanes: one connection that writes, and others that read beside it, each with a thread."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from thenvoi_bridge.storage import T, Tx
from thenvoi_bridge.storage.lane import Connection, Lane


class Lanes:
    """A `Database` over open connections, of which the first one writes.

    `group` is how many transactions one commit may hold; `belongings` are given up after `close`.
    """

    def __init__(self, connections: Sequence[Connection], group: int, belongings: ExitStack) -> None:
        self._writer, self._readers = Lane(most=group), Lane(most=1)
        self._belongings = belongings
        self._writer.start(connections[0])
        for connection in connections[1:]:
            self._readers.start(connection)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction."""
        return await self._writer.ask(work, grouped=True)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a snapshot."""
        return await self._readers.ask(lambda tx: _snapshot(tx, work))

    async def version(self) -> int:
        """Return a number that others' commits change."""
        # The writer's connection is asked, for its own commits do not count.
        return await self._writer.ask(lambda tx: tx.version())

    async def close(self) -> None:
        """Finish what waits, then close the connections."""
        self._writer.close()
        self._readers.close()
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        self._writer.join()
        self._readers.join()
        self._belongings.close()


def _snapshot(tx: Connection, work: Callable[[Tx], T]) -> T:
    tx.snapshot()
    try:
        return work(tx)
    finally:
        tx.roll_back()
