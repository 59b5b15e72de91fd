"""What is to be said of a platform as a whole when somebody asks."""

from __future__ import annotations

import anyio

from thenvoi_bridge.metering import Meter, Sample
from thenvoi_bridge.metering.table import CONNECTED, DELIVERIES, LAG, STORAGE_ERRORS
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.presence import Presence
from thenvoi_bridge.storage import Database, StorageError, Tx

FRESH = 60.0
"""Seconds for which a count of the deliveries is good: a million take half a second of a processor."""


class Gauges:
    """Looks at the sockets, the hub and the database."""

    def __init__(self, db: Database, presence: Presence, hub: Hub, meter: Meter) -> None:
        self._db, self._presence, self._hub, self._meter = db, presence, hub, meter
        self._deliveries: list[Sample] = []
        self._again_at = 0.0

    async def look(self) -> list[Sample]:
        """What the gauges say now; without the deliveries, if the database does not tell."""
        sockets = [Sample(CONNECTED, 1, (one.principal.type.lower(),)) for one in self._presence]
        here = [Sample(LAG, self._hub.lag), *sockets]
        try:
            return [*here, *await self._counted()]
        except StorageError as exc:
            self._meter.add(STORAGE_ERRORS, type(exc).__name__)
            return here

    async def _counted(self) -> list[Sample]:
        if anyio.current_time() >= self._again_at:
            self._deliveries = await self._db.read(_deliveries)
            self._again_at = anyio.current_time() + FRESH
        return self._deliveries


def _deliveries(tx: Tx) -> list[Sample]:
    rows = tx.all("SELECT status, COUNT(*) AS number FROM deliveries GROUP BY status")
    return [Sample(DELIVERIES, row["number"], (row["status"],)) for row in rows]
