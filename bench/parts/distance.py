"""Tool calls where the platform is 20 ms away, 16 at once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.delaying import delayed
from bench.figures import Effort, Figure, Goal
from bench.hosts import Host
from bench.pace import RATE, paced
from bench.parts.calls import asked
from bench.rounds import interleaved
from bench.servers import BAND, BRIDGE, Server, at_work, scene, servers
from bench.stage import stage

ROUND_TRIP = 0.020
AT_ONCE = 16
READ, SEND = "calls a second that make one GET", "calls a second that send a message"
FAR = f"{ROUND_TRIP * 1000:.0f} ms of network, {AT_ONCE} at once"


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform, AsyncExitStack() as running:
        state = running.enter_context(TemporaryDirectory())
        far = running.enter_context(delayed(platform.url, ROUND_TRIP))
        them = {}
        for who, server in servers(await scene(platform), Path(state)).items():
            host = await running.enter_async_context(at_work(server.at(platform.url, far)))
            them[who] = partial(called, effort, host, server)
        found = await interleaved(effort, them)
    goal = Goal(BRIDGE, 8, BAND, at_least=True)
    return [found.figure(READ, "calls", goal, note=FAR), found.figure(SEND, "calls", note=FAR)]


async def called(effort: Effort, host: Host, server: Server) -> Mapping[str, float]:
    """How many of each a second."""
    found = {}
    for what, call in ((READ, lambda: server.reads), (SEND, server.send)):
        times = max(AT_ONCE, effort.of(160))
        found[what] = (await paced(partial(asked, host, call), times, AT_ONCE))[RATE]
    return found
