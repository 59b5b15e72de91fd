"""One message to everybody in a room: how long until the last has it, and what it costs the server.

Beside the platform, in the same run, a bare server of `websockets` sends the same bytes to as many sockets
with `websockets.broadcast`. The platform's part includes the request, the durable commit and the reading of
the log.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.audience import COST, LAST, bare, platform
from bench.figures import Effort, Figure, Gathered, Goal
from bench.rounds import interleaved

SOCKETS = 1000
PLATFORM, BROADCAST = "the platform", "websockets.broadcast"
GOAL = Goal(PLATFORM, 1.3, BROADCAST)


async def measure(effort: Effort) -> list[Figure]:
    size = effort.of(SOCKETS)
    return figures(await told(effort, size), size)


async def told(effort: Effort, size: int) -> Gathered:
    """Rounds of messages to so many sockets each."""
    with ExitStack() as stack:
        ours, frame = platform(stack, size)
        them = {PLATFORM: ours, BROADCAST: bare(stack, size)}
        return await interleaved(effort, {who: partial(it.round, frame) for who, it in them.items()})


def figures(found: Gathered, size: int) -> list[Figure]:
    """Of so many sockets."""
    return [
        found.figure(LAST, "ms", per=1000).said(f"a message to {size:,} sockets: {LAST}"),
        found.figure(COST, "ms", GOAL, per=1000).said(f"a message to {size:,} sockets: {COST}"),
    ]
