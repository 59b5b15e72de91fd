"""The inboxes of one process on a Postgres that it shares with other replicas. Needs the extra `postgres`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from thenvoi_bridge.inbox.core import Sees
from thenvoi_bridge.inbox.grounds import OnServer
from thenvoi_bridge.inbox.leases import LEASE
from thenvoi_bridge.inbox.life import Lead
from thenvoi_bridge.inbox.pulse import MARGIN, Member, Pulse
from thenvoi_bridge.inbox.schema import Schema
from thenvoi_bridge.inbox.shelf import Shelf
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import Database, StorageError
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.postgres import open_beside, open_postgres, with_schema

SHARED = "thenvoi_bridge.inbox.shared"

FROZEN = LEASE - MARGIN
"""Seconds after which a process that stopped in the middle of a transaction no longer holds up the others."""


class Replica:
    """The `Places` of this process: a schema for each identity, beside the one called `shared`."""

    def __init__(self, db: Database, pulse: Pulse, shared: str) -> None:
        self._db, self._pulse, self._shared = db, pulse, shared

    @asynccontextmanager
    async def opened(self, name: str, known_as: str, sees: Sees | None) -> AsyncGenerator[tuple[Inbox, Lead]]:
        """As `Places.opened`."""
        try:
            member = await self._pulse.join(f"{self._shared}_{name}")
        except StorageError as exc:
            raise OnServer().meaning(exc) from exc
        try:
            yield await self._inbox(member, sees), member
        finally:
            with anyio.CancelScope(shield=True):
                await self._pulse.leave(member)

    async def _inbox(self, member: Member, sees: Sees | None) -> Inbox:
        try:
            await self._db.write(lambda tx: tx.script(f'CREATE SCHEMA IF NOT EXISTS "{member.identity}"'))
        except StorageError as exc:
            raise OnServer().meaning(exc) from exc
        member.schema = Schema(self._db, member.identity, self._shared, member)
        return Inbox(await Shelf.on(member.schema, member, sees))


@asynccontextmanager
async def replica(url: str) -> AsyncGenerator[Replica]:
    """One process's, until the end of the block. Raises `StorageError`."""
    async with AsyncExitStack() as belongings:
        where = await with_schema(url, "inbox")
        db = await open_postgres(where.url, frozen=FROZEN)
        belongings.push_async_callback(db.close)
        beside = await open_beside(where.url, patience=1.0, frozen=FROZEN)
        belongings.push_async_callback(beside.close)
        await migrate(db, SHARED)
        pulse = Pulse(beside)
        await pulse.beat()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pulse.run)
            yield Replica(db, pulse, where.schema)
            tasks.cancel_scope.cancel()
