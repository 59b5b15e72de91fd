"""Commands that a host or a shell starts often, beside the start of a server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.environments import ours
from bench.figures import Effort, Figure, Goal
from bench.parts import start
from bench.rounds import interleaved
from bench.servers import BAND, Server, at_work, scene, servers
from bench.stage import stage

HOOK, HELP, LIST = "hook prompt", "wait --help", "inbox list"
WHAT = "CPU of a command, beside the start of a server"


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform:
        with TemporaryDirectory() as state:
            them = servers(await scene(platform), Path(state))
            bridge, rival = next(iter(them.values())), them[BAND]
            async with at_work(bridge):
                pass  # there is an inbox now
            said = {who: partial(commanded, bridge, *who.split()) for who in (HOOK, HELP, LIST)}
            found = await interleaved(effort, {**said, BAND: partial(started, rival)})
    goals = [Goal(who, 0.15, BAND) for who in said]
    return [found.figure(WHAT, "ms", *goals, per=1000)]


async def commanded(bridge: Server, *arguments: str) -> Mapping[str, float]:
    """Run one to its end, with nothing on its stdin."""
    command = [str(ours() / "thenvoi-bridge"), *arguments]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=bridge.environ, stdin=quiet, stdout=quiet, stderr=quiet)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return {WHAT: used.ru_utime + used.ru_stime}


async def started(server: Server) -> Mapping[str, float]:
    """Start a server until it has said which tools there are."""
    return {WHAT: (await start.started(server))[start.CPU]}
