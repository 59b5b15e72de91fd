"""The ways a host hears that something has changed: one fan-out, which says "look" and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import anyio

from thenvoi_bridge.bridge.session import Session

QUIET = 0.2
"""Seconds between two looks; whatever happens in between is one change."""


class Rung(Protocol):
    """One way a host hears."""

    async def look(self) -> None:
        """See what has changed, and say so. Raises nothing: the others have to look, too."""


async def fan_out(session: Session, rungs: Sequence[Rung]) -> None:
    """Have these look whenever the session rings, until cancelled."""
    bell = session.bell
    while True:
        await bell.wait()
        bell = session.bell  # taken before the look, so that nothing rung meanwhile is lost
        for rung in rungs:
            await rung.look()
        await anyio.sleep(QUIET)
