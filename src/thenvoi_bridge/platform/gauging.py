"""What is to be said of a platform as a whole when somebody asks."""

from __future__ import annotations

from thenvoi_bridge.metering import Meter, Sample
from thenvoi_bridge.metering.table import CONNECTED, DELIVERIES, LAG, STORAGE_ERRORS
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.presence import Presence
from thenvoi_bridge.storage import Database, StorageError, Tx


class Gauges:
    """Looks at the sockets, the hub and the database."""

    def __init__(self, db: Database, presence: Presence, hub: Hub, meter: Meter) -> None:
        self._db, self._presence, self._hub, self._meter = db, presence, hub, meter

    async def look(self) -> list[Sample]:
        """What the gauges say now; without the deliveries, if the database does not tell."""
        sockets = [Sample(CONNECTED, 1, (one.principal.type.lower(),)) for one in self._presence]
        here = [Sample(LAG, self._hub.lag), *sockets]
        try:
            return [*here, *await self._db.read(_deliveries)]
        except StorageError as exc:
            self._meter.add(STORAGE_ERRORS, type(exc).__name__)
            return here


def _deliveries(tx: Tx) -> list[Sample]:
    rows = tx.all("SELECT status, COUNT(*) AS number FROM deliveries GROUP BY status")
    return [Sample(DELIVERIES, row["number"], (row["status"],)) for row in rows]
