"""Notes in the ledger what a host was shown, so that no tool waits for that, or fails because of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import NoReturn

import anyio

from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.ledger import Ledger
from thenvoi_bridge.inbox.trouble import Trouble

MOST = 1000
"""Notes that wait at most; what is lost of them is shown once more than need be."""

logger = logging.getLogger(__name__)


class Noting:
    """Keeps notes until `run` has entered them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._notes: deque[tuple[Rung, str, list[str], float]] = deque(maxlen=MOST)
        self._noted = anyio.Event()

    def note(self, rung: Rung, session: str, items: Iterable[Item]) -> None:
        """Have it noted that a session was shown these just now."""
        if ids := [item.id for item in items]:
            self._notes.append((rung, session, ids, self._ledger.wall()))
            self._noted.set()

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
