"""The ways a host hears that its inbox has changed: one fan-out, which says "look" and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from thenvoi_bridge.bridge.session import Session

QUIET = 0.2
"""Seconds between two notifications of one resource; whatever happens in between is one."""


async def fan_out(session: Session, uris: Sequence[str], updated: Callable[[str], Awaitable[None]]) -> None:
    """Have `updated` told of these resources whenever the session rings, until cancelled."""
    bell = session.bell
    while True:
        await bell.wait()
        bell = session.bell  # taken before the telling, so that nothing rung meanwhile is lost
        for uri in uris:
            await updated(uri)
        await anyio.sleep(QUIET)
