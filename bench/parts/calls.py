"""Tool calls over stdio: one after the other, and many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Effort, Figure, Gathered, Goal
from bench.hosts import Host
from bench.pace import CPU, MEDIAN, RATE, paced
from bench.rounds import interleaved
from bench.servers import BAND, BRIDGE, Call, Server, at_work, scene, servers
from bench.stage import stage

AT_ONCE = (1, 16, 64)
READ, SEND = "a call that makes one GET", "a call that sends a message"
GOAL = Goal(BRIDGE, 0.5, BAND)


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform, AsyncExitStack() as running:
        state = running.enter_context(TemporaryDirectory())
        them = {}
        for who, server in servers(await scene(platform), Path(state)).items():
            host = await running.enter_async_context(at_work(server))
            them[who] = partial(called, effort, host, server)
        found = await interleaved(effort, them)
    return figures(found)


def figures(found: Gathered) -> list[Figure]:
    """Latency, calls a second, and CPU."""
    shown = []
    for what in (READ, SEND):
        shown += [found.figure(f"{what}: latency, one after the other", "ms", per=1000)]
        shown += [found.figure(f"{what}: a second, {n} at once", "calls") for n in AT_ONCE[1:]]
        goals = (GOAL,) if what == READ else ()
        shown += [found.figure(f"{what}: CPU of the server", "ms", *goals, per=1000)]
    return shown


async def asked(host: Host, call: Callable[[], Call]) -> None:
    await host.call(*call())


async def called(effort: Effort, host: Host, server: Server) -> Mapping[str, float]:
    """Each of the calls, at each number at once."""
    found = {}
    for what, call in ((READ, lambda: server.reads), (SEND, server.send)):
        for at_once in AT_ONCE:
            do = partial(asked, host, call)
            pace = await paced(do, max(effort.of(100), at_once), at_once, host.pid)
            found[f"{what}: a second, {at_once} at once"] = pace[RATE]
            if at_once == 1:
                found[f"{what}: latency, one after the other"] = pace[MEDIAN]
                found[f"{what}: CPU of the server"] = pace[CPU]
    return found
