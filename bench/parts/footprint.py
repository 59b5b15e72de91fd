"""What a server takes of a computer's memory, and its list of tools of a model's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Effort, Figure, Goal
from bench.processes import memory
from bench.rounds import interleaved
from bench.servers import BAND, BRIDGE, Server, at_work, scene, servers
from bench.stage import stage

RSS, PSS = "resident memory of a connected server", "its share of what is shared counted once (PSS)"
BYTES, TOOLS = "bytes of tools/list for each tool", "tools"


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform:
        with TemporaryDirectory() as state:
            them = servers(await scene(platform), Path(state))
            weigh = {who: partial(weighed, server) for who, server in them.items()}
            found = await interleaved(replace(effort, warm=0), weigh)
    return [
        found.figure(RSS, "MB", Goal(BRIDGE, 1.0, BAND)),
        found.figure(PSS, "MB", Goal(BRIDGE, 1.0, BAND)),
        found.figure(BYTES, "bytes", Goal(BRIDGE, 704)),
        found.figure(TOOLS, "tools"),
    ]


async def weighed(server: Server) -> Mapping[str, float]:
    """One that has made two calls."""
    async with at_work(server) as host:
        tools = (await host.ask("tools/list"))["tools"]
        weight = memory(host.pid)
    written = len(json.dumps(tools, separators=(",", ":"), ensure_ascii=False).encode())
    return {RSS: weight["Rss"], PSS: weight["Pss"], BYTES: written / len(tools), TOOLS: len(tools)}
