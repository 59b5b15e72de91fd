"""The bell by LISTEN and NOTIFY of Postgres, on a connection of its own. Needs the extra `postgres`.

NOTIFY in the transaction of a message would have every commit of the database wait for every other one.
"""

from __future__ import annotations

import logging

import anyio
import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from thenvoi_bridge.platform.bells import AGAIN, Rings, read
from thenvoi_bridge.platform.log import Bell
from thenvoi_bridge.storage.postgres_tx import ALIVE, translated

ENDLESS = 5.0
"""Seconds that no statement of ours takes."""

logger = logging.getLogger(__name__)


class PostgresBell:
    """Carries the bell over the database at an address, to all who use the same name there."""

    def __init__(self, address: str, name: str, bell: Bell) -> None:
        self._conninfo = make_conninfo(address, **{**ALIVE, **conninfo_to_dict(address)})
        self._name, self._bell, self._rings = name, bell, Rings(bell)
        self._silent = False

    async def run(self) -> None:
        """Carry until cancelled."""
        while True:
            try:
                await self._carry()
            except* psycopg.Error as group:
                cause = next(exc for exc in group.exceptions if isinstance(exc, psycopg.Error))
                if not self._silent:
                    logger.warning("no bell by Postgres, others' events come later: %s", translated(cause))
                self._silent = True
            await anyio.sleep(AGAIN)

    async def _carry(self) -> None:
        connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            await _run(connection, f'LISTEN "{self._name}"')
            self._silent = False
            self._bell.echo(None)  # whatever was rung before
            while True:
                text = await self._listen_until_rung(connection)
                await _run(connection, "SELECT pg_notify(%s, %s)", self._name, text)
        finally:
            await connection.close()  # as a context manager it would not, where we are cancelled

    async def _listen_until_rung(self, connection: AsyncConnection) -> str:
        """psycopg cannot listen and do something else at a time; what comes meanwhile is kept for later."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, connection)
            text = await self._rings.take()
            tasks.cancel_scope.cancel()
        return text

    async def _listen(self, connection: AsyncConnection) -> None:
        async for heard in connection.notifies():
            if heard.pid != connection.info.backend_pid:
                self._bell.echo(read(heard.payload))


async def _run(connection: AsyncConnection, sql: str, *args: str) -> None:
    """Run a statement to its end, for psycopg does not take well to being cancelled in the middle of one.

    One that has no end leaves the connection closed, which the next use of it finds out.
    """
    with anyio.move_on_after(ENDLESS, shield=True):
        await connection.execute(sql.encode(), args or None)
