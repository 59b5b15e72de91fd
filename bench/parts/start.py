"""From a host's decision to start a server to its first answers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Effort, Figure, Goal
from bench.hosts import HELLO
from bench.rounds import interleaved
from bench.servers import BAND, BRIDGE, MINIMAL, Server, scene, servers
from bench.stage import stage

HELLO_, LIST, CPU = "start to initialize", "start to tools/list", "CPU from start to tools/list"
FIRST = "first start, nothing compiled yet: CPU to tools/list"
GOALS = (Goal(BRIDGE, 1.1, MINIMAL), Goal(BRIDGE, 0.75, BAND))


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform:
        with TemporaryDirectory() as state:
            them = servers(await scene(platform), Path(state))
            warm = {who: partial(started, server) for who, server in them.items()}
            cold = {who: partial(first_started, server) for who, server in them.items()}
            found, first = await interleaved(effort, warm), await interleaved(replace(effort, warm=0), cold)
    return [
        found.figure(HELLO_, "ms", per=1000),
        found.figure(LIST, "ms", *GOALS, per=1000),
        found.figure(CPU, "ms", *GOALS, per=1000),
        first.figure(FIRST, "ms", *GOALS, per=1000),
    ]


async def started(server: Server) -> Mapping[str, float]:
    """Start it, greet it, ask for its tools, end it."""
    begun = time.perf_counter()
    with subprocess.Popen(
        server.command,
        env=server.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        ask(process, "initialize", 1, **HELLO)
        greeted = time.perf_counter()
        tell(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        ask(process, "tools/list", 2)
        listed = time.perf_counter()
        process.kill()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return {HELLO_: greeted - begun, LIST: listed - begun, CPU: used.ru_utime + used.ru_stime}


async def first_started(server: Server) -> Mapping[str, float]:
    """The same, where Python finds nothing compiled, as after an installation."""
    with TemporaryDirectory() as empty:
        new = {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        once = Server(server.command, server.environ | new, server.reads, server.sends)
        return {FIRST: (await started(once))[CPU]}


def ask(process: subprocess.Popen[bytes], method: str, number: int, **params: object) -> None:
    """Ask, and wait for the answer; what a server says by itself meanwhile is passed over."""
    tell(process, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert process.stdout
    while json.loads(process.stdout.readline()).get("id") != number:
        pass


def tell(process: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
