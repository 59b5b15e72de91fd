"""The pauses a platform asks for: they hold for every request of a client, not only for the one refused."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from thenvoi_bridge.contract.errors import RateLimited

SPREAD = 0.5
"""Seconds within which those leave who have waited for the same end."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, in seconds, and how to let it pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


@dataclass(slots=True)
class Gate:
    """Shut while the platform has asked for a pause: no request of this client leaves until then."""

    clock: Clock
    opens_at: float = 0.0

    def shut(self, seconds: float) -> None:
        """Let nothing pass for so long, or for as long as before if that is longer."""
        self.opens_at = max(self.opens_at, self.clock.now() + seconds)

    async def passage(self, deadline: float) -> None:
        """Wait until the gate is open; RateLimited at once if that comes after the deadline."""
        while (wait := self.opens_at - self.clock.now()) > 0:
            if self.opens_at > deadline:
                raise _rate_limited(wait)
            # Whoever waits here would leave in the same instant as all the others.
            await self.clock.sleep(wait + random.uniform(0, SPREAD))  # noqa: S311 - no secret


def _rate_limited(seconds: float) -> RateLimited:
    error = RateLimited("The platform has asked for a pause")
    error.retry_after = seconds
    return error
