"""Notes in the ledger what a host was shown, so that no tool waits for that, or fails because of it.

How long it took until then is counted here, too.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NoReturn

import anyio

from thenvoi_bridge.inbox import times
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.ledger import Ledger
from thenvoi_bridge.inbox.trouble import Trouble
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.metering.table import DELIVERY, REDELIVERIES

MOST = 1000
"""Notes that wait at most; what is lost of them is shown once more than need be."""

logger = logging.getLogger(__name__)


class Noting:
    """Keeps notes until `run` has entered them."""

    def __init__(self, ledger: Ledger, meter: Meter = UNMETERED) -> None:
        self._ledger, self._meter = ledger, meter
        self._notes: deque[tuple[Rung, str, list[str], float]] = deque(maxlen=MOST)
        self._noted = anyio.Event()

    def note(self, rung: Rung, session: str, items: Sequence[Item]) -> None:
        """Have it noted that a session was shown these just now."""
        if ids := [item.id for item in items]:
            now = self._ledger.wall()
            self._notes.append((rung, session, ids, now))
            self._noted.set()
            self._count(rung, items, now)

    def _count(self, rung: Rung, items: Iterable[Item], now: float) -> None:
        for item in items:
            if item.attempts <= 1 and (age := times.age(item.sent_at, now)) is not None:
                self._meter.observe(DELIVERY, age, rung)
            if item.attempts > 1 and rung is Rung.WAIT:
                self._meter.add(REDELIVERIES)

    async def run(self) -> NoReturn:
        """Enter what is noted; a task."""
        while True:
            await self._noted.wait()
            self._noted = anyio.Event()
            while self._notes:
                try:
                    await self._ledger.note(*self._notes.popleft())
                except Trouble as exc:
                    logger.info("what a host was shown was not noted: %s", exc)
