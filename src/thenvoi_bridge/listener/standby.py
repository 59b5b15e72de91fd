"""Whether another connection of this agent has taken over, and how seldom to ask for the place back."""

from __future__ import annotations

import math
from dataclasses import replace

from thenvoi_bridge.listener.pace import Ending, Pace, Span, longer

_TAKEN_OVER = "another connection of this agent took over"


class Standby:
    """Stands back for a rival: two who both returned after every cut would evict each other for ever.

    No I/O and no clock; times are seconds on any one clock.
    """

    def __init__(self, pace: Pace, *, on: bool = False) -> None:
        self.on = on
        """Whether the next opening is a probe. One that gets in ends the standby."""
        self._pace = pace
        self._told = False
        self._signs = 0  # of a rival, since the last time that none was there
        self._cut_at = -math.inf
        self._up_at = math.inf

    def up(self, now: float) -> None:
        """A connection was opened."""
        self.on, self._up_at = False, now

    def told(self) -> None:
        """The platform said on this connection that another one takes its place."""
        self._told = True

    def after(self, end: Ending, now: float) -> Ending:
        """What this end means after those before it: its reason and its pause may change, and `on`."""
        # A rival asks for its place back about as seldom as we would, and servers of March 2026 let every
        # probe in. So there is none only when nobody came for longer than that.
        if now - self._up_at >= max(self._pace.contest, self._between()[1]):
            self._signs = 0
        again = self._signs > 0 or now - self._cut_at < self._pace.contest
        if end.cut:
            self._cut_at = now
        if self._told or (end.cut and again):
            end = replace(end, reason=_TAKEN_OVER, occupied=True)
        self._told, self._up_at = False, math.inf
        return self._stood_back(end) if end.occupied or self.on else end

    def _stood_back(self, end: Ending) -> Ending:
        self.on = True
        end = replace(end, pause=longer(self._between(), end.pause))
        self._signs = min(self._signs + end.occupied, 32)
        return end

    def _between(self) -> Span:
        """The seconds to let pass before the next probe, which double with every sign of a rival."""
        (least, most), longest = self._pace.standby, self._pace.standby_longest
        return min(least * 2.0**self._signs, longest[0]), min(most * 2.0**self._signs, longest[1])
