"""Who is connected to any node of a platform on Postgres: a row for each node, with a lease, and each socket.

Postgres tells the time, so the clocks of the nodes do not matter. A node that was killed is passed over as
soon as its lease has run out, and its rows are deleted by the others. SQL here is for Postgres alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial
from typing import LiteralString
from uuid import uuid4

import anyio

from thenvoi_bridge.platform.log import Bell, Topics
from thenvoi_bridge.platform.presence import Connection, Presence, conflict
from thenvoi_bridge.storage import Database, StorageError, Tx

BEAT = 1.0
"""Seconds after which a node says again that it lives, and looks whether its sockets were superseded."""

LEASE = 5.0
"""Seconds for which it is believed."""

GRACE = 10.0
"""Seconds more after which its rows are deleted, and its sockets have to come back if it lives after all."""

STEADY = 15
"""Beats without a failure before a node deletes others: Postgres may have been away for all of them."""

NOW: LiteralString = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

logger = logging.getLogger(__name__)


class Nodes(Presence):
    """The sockets of this node (`here` has them, too), and what the database says of those of others."""

    def __init__(self, db: Database, bell: Bell, here: Presence) -> None:
        super().__init__(here)
        self._db, self._bell = db, bell
        self.id = str(uuid4())
        self._ids: dict[Connection, str] = {}
        self._gone: set[str] = set()  # sockets that have ended, whose rows are still there
        self._woken = anyio.Event()
        self._steady = 0

    @property
    def topic(self) -> str:
        """What others ring to have us look; nothing is logged on it."""
        return f"node:{self.id}"

    def online(self, tx: Tx, ids: Collection[str]) -> set[str]:
        """Those of these who have a socket at a node that lives."""
        if not ids:
            return set()
        marks = ", ".join("?" for _ in ids)
        rows = tx.all(
            "SELECT DISTINCT actor_id FROM connections JOIN nodes ON nodes.id = node_id "
            f"WHERE alive_until > {NOW} AND actor_id IN ({marks})",
            *ids,
        )
        return {row["actor_id"] for row in rows}

    def leads(self, tx: Tx) -> bool:
        """Whether this node is the first of those that live."""
        first = tx.one(f"SELECT min(id) AS id FROM nodes WHERE alive_until > {NOW}")
        return first is not None and first["id"] == self.id

    async def enter(self, connection: Connection, *, alone: bool) -> bool:
        """As `Presence.enter`, for all nodes."""
        await super().enter(connection, alone=False)
        self._ids[connection] = str(uuid4())
        try:
            gone = set(self._gone)
            return await self._db.write(partial(self._enter, connection=connection, gone=gone, alone=alone))
        except BaseException:
            self.leave(connection)
            raise

    async def supersede_older(self, connection: Connection) -> None:
        """As `Presence.supersede_older`. Other nodes are rung, and look with the next beat besides."""
        await super().supersede_older(connection)
        others = await self._db.write(partial(_supersede, id=self._ids[connection]))
        self._bell.ring([f"node:{id}" for id in others])

    def leave(self, connection: Connection) -> None:
        """As `Presence.leave`; the row is deleted soon."""
        super().leave(connection)
        self._gone.add(self._ids.pop(connection))
        self._woken.set()

    async def begin(self) -> None:
        """Make this node known. Raises `StorageError`."""
        await self._db.write(self._register)

    async def run(self) -> None:
        """Keep the lease until cancelled, then give it back."""
        stop = self._bell.listen(self._on_ring)
        try:
            while True:
                await self._beat()
                with anyio.move_on_after(BEAT):
                    await self._woken.wait()
                self._woken = anyio.Event()
        finally:
            stop()
            with anyio.move_on_after(LEASE, shield=True):  # after that others know by themselves
                await self._withdraw()

    def _on_ring(self, topics: Topics) -> None:
        if topics is None or self.topic in topics:
            self._woken.set()

    async def _beat(self) -> None:
        gone = set(self._gone)
        try:
            known, superseded = await self._db.write(partial(self._renew, gone=gone))
        except StorageError as exc:
            if self._steady:
                logger.warning("cannot say that this node lives, will try again: %s", exc)
            self._steady = 0
            return
        self._gone -= gone
        self._steady += 1
        if not known:
            self._start_over()
        for connection in [one for one, id in self._ids.items() if id in superseded]:
            connection.supersede()

    def _start_over(self) -> None:
        """Others have taken this node for dead, and agents may have sockets elsewhere by now."""
        logger.warning("this node was silent for too long; its sockets have to come back")
        for connection in self:
            connection.come_back("this node was silent for too long")

    async def _withdraw(self) -> None:
        try:
            await self._db.write(partial(_forget, id=self.id))
        except StorageError as exc:
            logger.warning("other nodes learn only from the lease that this one has ended: %s", exc)

    def _enter(self, tx: Tx, connection: Connection, gone: set[str], *, alone: bool) -> bool:
        actor_id = connection.principal.id
        _let_go(tx, gone)  # whoever left us a moment ago is nobody to conflict with
        if alone and self.online(tx, [actor_id]):
            raise conflict()
        row = tx.one(
            "INSERT INTO connections (id, node_id, actor_id, number) SELECT ?, ?, ?, "
            "coalesce(max(number), 0) + 1 FROM connections WHERE actor_id = ? RETURNING number",
            self._ids[connection], self.id, actor_id, actor_id,
        )  # fmt: skip
        return row is not None and row["number"] > 1

    def _renew(self, tx: Tx, gone: set[str]) -> tuple[bool, set[str]]:
        """Say that we live, and tidy up. Returns whether we were known, and which sockets are superseded."""
        known = tx.one("SELECT 1 AS yes FROM nodes WHERE id = ?", self.id) is not None
        self._register(tx)
        _let_go(tx, gone)
        if self._steady >= STEADY:
            tx.run(f"DELETE FROM nodes WHERE alive_until < {NOW} - ?", round(GRACE * 1000))
        rows = tx.all("SELECT id FROM connections WHERE node_id = ? AND superseded = 1", self.id)
        return known, {row["id"] for row in rows}

    def _register(self, tx: Tx) -> None:
        tx.run(
            f"INSERT INTO nodes (id, alive_until) VALUES (?, {NOW} + ?) "
            "ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until",
            self.id, round(LEASE * 1000),
        )  # fmt: skip


def _supersede(tx: Tx, id: str) -> list[str]:
    """Mark the sockets of the same actor that are older than one; the nodes that have them."""
    rows = tx.all(
        "UPDATE connections SET superseded = 1 FROM connections AS newer WHERE newer.id = ? "
        "AND connections.actor_id = newer.actor_id AND connections.number < newer.number "
        "RETURNING connections.node_id",
        id,
    )
    return sorted({row["node_id"] for row in rows})


def _let_go(tx: Tx, ids: set[str]) -> None:
    for id in ids:
        tx.run("DELETE FROM connections WHERE id = ?", id)


def _forget(tx: Tx, id: str) -> None:
    tx.run("DELETE FROM nodes WHERE id = ?", id)
