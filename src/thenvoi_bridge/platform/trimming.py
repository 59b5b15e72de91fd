"""Keeps the log of events from growing for ever: what everybody has passed long ago is deleted, bit by bit.

Messages, rooms and all else that REST shows are no part of the log and stay.
"""

from __future__ import annotations

import logging
from functools import partial

import anyio

from thenvoi_bridge.platform import clock, log
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, StorageError, Tx

PERIOD = 60.0
"""Seconds between two looks at what is old."""

BATCH = 500
"""Lines that are deleted in one transaction, which others wait for."""

PAUSE = 0.05
"""Seconds between two batches: others want to write, too."""

logger = logging.getLogger(__name__)


class Trimming:
    """Trims the log of a platform, on one node at a time."""

    def __init__(self, db: Database, site: Site) -> None:
        self._db, self._site = db, site

    async def run(self) -> None:
        """Trim until cancelled."""
        while self._site.settings.keep_events:
            trimmed = 0
            try:
                trimmed = await self._db.write(partial(self._trim, now=clock.now()))
            except StorageError as exc:
                logger.warning("cannot trim the log of events, will try again: %s", exc)
            await anyio.sleep(PAUSE if trimmed == BATCH else PERIOD)

    def _trim(self, tx: Tx, now: str) -> int:
        if not self._site.presence.leads(tx):
            return 0
        return log.trim(tx, clock.earlier(now, self._site.settings.keep_events * 3600), BATCH)
