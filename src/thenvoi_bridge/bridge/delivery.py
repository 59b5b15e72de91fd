"""The ways a host hears that its inbox has changed: one fan-out, which says "look" and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.trouble import Trouble

QUIET = 0.2
"""Seconds between two notifications of one resource; whatever happens in between is one."""


async def fan_out(session: Session, uris: Sequence[str], updated: Callable[[str], Awaitable[None]]) -> None:
    """Have `updated` told of these resources whenever the session rings, until cancelled.

    What the host may not see is no reason to wake it.
    """
    bell, seen = session.bell, await _glimpse(session)
    while True:
        await bell.wait()
        bell = session.bell  # taken before the telling, so that nothing rung meanwhile is lost
        before, seen = seen, await _glimpse(session)
        if seen is None or seen != before:
            for uri in uris:
                await updated(uri)
        await anyio.sleep(QUIET)


async def _glimpse(session: Session) -> str | None:
    try:
        return await session.glimpse()
    except Trouble:
        return None
