"""The ways a host hears that its inbox has changed: one fan-out, from the session's bell to every rung.

Which rung shows which message is decided by `inbox.ladder`. A notification is never taken for a delivery.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import Protocol

import anyio

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.ladder import ESCALATE
from thenvoi_bridge.inbox.trouble import Trouble

QUIET = 0.2
"""Seconds between two looks of one rung; whatever happens in between is one change."""

logger = logging.getLogger(__name__)


class Look(Protocol):
    """One rung, as the fan-out knows it."""

    async def look(self) -> None:
        """See what is to be shown now, and show it. It may have been called for nothing."""


async def fan_out(session: Session, rungs: Iterable[Look]) -> None:
    """Have each rung look whenever the session rings, until cancelled.

    While something waits for an answer they look every `ESCALATE` seconds besides, for what a higher rung
    has shown in vain. None waits for another, and one that fails looks again when the next one would.
    """
    async with anyio.create_task_group() as tasks:
        for rung in rungs:
            tasks.start_soon(_keep_looking, session, session.bell, rung)


async def _keep_looking(session: Session, bell: anyio.Event, rung: Look) -> None:
    while True:
        with anyio.move_on_after(await _patience(session)):
            await bell.wait()
        bell = session.bell  # taken before the look, so that nothing rung meanwhile is lost
        try:
            await rung.look()
        except Exception:
            logger.exception("a rung of the ladder failed")
        await anyio.sleep(QUIET)


async def _patience(session: Session) -> float:
    """Seconds until it is time to look although nothing has changed."""
    seat = session.seat_now
    try:
        return ESCALATE if seat and await seat.inbox.unread() else math.inf
    except Trouble:
        return ESCALATE
