"""How a host waits for mentions: for how long at a time, one wait at a time, how often in vain."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.hosts import host_of
from thenvoi_bridge.contract.errors import Conflict

IN_VAIN = 5
"""Waits in vain, one after the other, after which a host is told to stop: each costs a turn of its model."""

GRACE = 1.0
"""Seconds that a wait which was called off may take to end before the next one begins."""


class Patience:
    """That of one host. `client` is what it calls itself, `in_vain` how many waits have brought nothing."""

    def __init__(self, longest: float = 0.0) -> None:
        self._longest = longest
        self._one = anyio.Lock()
        self.client: str | None = None
        self.in_vain = 0

    @property
    def longest(self) -> float:
        """Seconds that one wait takes at most: as the user says, else as the host is known to stand."""
        return self._longest or host_of(self.client).wait_stdio

    @property
    def is_spent(self) -> bool:
        """Whether it has waited in vain often enough."""
        return self.in_vain >= IN_VAIN

    @asynccontextmanager
    async def wait(self) -> AsyncGenerator[None]:
        """One wait. Raises `Conflict` (`already_waiting`) while there is another one."""
        with anyio.move_on_after(GRACE) as grace:
            await self._one.acquire()
        if grace.cancelled_caught:
            raise Conflict(wording.ALREADY_WAITING, code="already_waiting")
        try:
            yield
        finally:
            self._one.release()
