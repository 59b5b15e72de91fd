"""What callers may use up: quotas, rates, and what their plan includes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.errors import Forbidden, RateLimited
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Row

Clock = Callable[[], float]

FORGET = 10_000
"""Buckets after which the full ones, which say nothing, are dropped."""


def check_quota(resource: str, limit: int, count: Row | None) -> None:
    """Raise `Forbidden` (`limit_reached`) if `count`, a row with `n`, is at a limit that is not 0.

    Quotas are 403 since 2026-02-24 (seed).
    """
    current = count["n"] if count else 0
    if limit and current >= limit:
        details = {"resource": resource, "limit": limit, "current": current}
        raise Forbidden(f"Limit of {limit} {resource} reached", details, code="limit_reached")


def check_plan(settings: Platform, kind: type[Call[Any]], me: Principal) -> None:
    """Raise `Forbidden` (`plan_required`) where the plan gate is on and the call is behind it (seed)."""
    gated = kind.route.side == "human" or kind.group() == "memories"
    if settings.plan_gate and gated and me.plan != "enterprise":
        raise Forbidden("The plan of this organisation does not include this", code="plan_required")


class Rates:
    """A token bucket for everybody: `per_minute` at once, and as many again each minute. 0 never refuses."""

    def __init__(self, per_minute: int, clock: Clock = time.monotonic) -> None:
        self._limit, self._clock = per_minute, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was so
        self._lock = Lock()  # handlers run on several threads

    @property
    def known(self) -> int:
        """How many are remembered."""
        return len(self._buckets)

    def take(self, who: str) -> None:
        """Count one. Raises `RateLimited` with the seconds until the next one."""
        if not self._limit:
            return
        with self._lock:
            left = self._left(who)
            if left >= 1:
                self._buckets[who] = (left - 1, self._clock())
                return self._tidy()
        refused = RateLimited()
        refused.retry_after = math.ceil((1 - left) * 60 / self._limit)
        raise refused

    def _left(self, who: str) -> float:
        left, then = self._buckets.get(who, (self._limit, 0.0))
        return min(self._limit, left + (self._clock() - then) * self._limit / 60)

    def _tidy(self) -> None:
        if len(self._buckets) > FORGET:
            self._buckets = {who: b for who, b in self._buckets.items() if self._left(who) < self._limit}
