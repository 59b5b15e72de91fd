"""What others of a hosted bridge notice of bombs, and what is left of those in its memory.

    python -m tests.overload [NAME ...]

For each bomb: the 99th percentile of others' calls while it is thrown, as a ratio to that of the calm before
and after it in the same run, and the megabytes of the server's process after it.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import click
from anyio.abc import Process

from tests.hosting.server import Server, serving
from tests.isolation.caller import META, MODERN
from tests.overload.bombs import BOMBS, Bomb, Target
from tests.world import World, world

OTHERS = 4
"""Agents that go on with their work, and of which the times are taken."""

AT_ONCE = 8
"""Throws at a time."""

CALM, LOUD = 2.0, 4.0
"""Seconds of calm before and after, and of bombs."""

BOUND = 25.0
"""How many times as long a call of the others may take, at the 99th percentile."""

GROWTH = 64.0
"""Megabytes by which the server may have grown once everything was thrown twice."""


async def throw(names: tuple[str, ...], url: str, key: str) -> None:
    """Throw these for ever."""

    async def on_and_on(bomb: Bomb) -> None:
        while True:
            await bomb(Target(url, key))

    click.echo("begun")
    async with anyio.create_task_group() as tasks:
        for number in range(max(AT_ONCE, len(names))):
            tasks.start_soon(on_and_on, BOMBS[names[number % len(names)]][0])


@asynccontextmanager
async def thrown(names: list[str], server: Server, key: str) -> AsyncGenerator[Process]:
    """These bombs from a process of its own, until the end of the block."""
    command = [sys.executable, "-m", "tests.overload", "--throw", server.url, *names]
    async with await anyio.open_process(command, env={**os.environ, "KEY": key}, stderr=None) as process:
        assert process.stdout
        await process.stdout.receive()  # that it has begun
        yield process
        assert process.returncode is None, f"{names} were not thrown"
        process.kill()


async def times(server: Server, keys: list[str], seconds: float) -> list[float]:
    """How long the calls of the others take meanwhile, in seconds."""
    taken: list[float] = []

    async def work(key: str) -> None:
        async with Target(server.url, key).http(**HEADERS) as http:
            until = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < until:
                answer = await http.post("/mcp", json=READ)
                assert answer.status_code == 200, answer.text
                taken.append(time.perf_counter() - begun)
                await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        for key in keys:
            tasks.start_soon(work, key)
    return taken


URI = "thenvoi://inbox"
READ = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": URI, "_meta": META}}
HEADERS = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "resources/read", "Mcp-Name": URI}


def p99(taken: list[float]) -> float:
    """The 99th percentile, in milliseconds."""
    return statistics.quantiles(taken, n=100)[98] * 1000


async def agents(here: World) -> list[str]:
    """The keys of the bomber and of the others."""
    alice = await here.person()
    return [(await here.agent(alice, f"Agent {number}")).key for number in range(1 + OTHERS)]


async def measure(names: list[str], folder: Path) -> bool:
    """Throw everything, and print what came of it; whether it kept within the bounds."""
    ratios: dict[str, float] = {}
    async with world(folder / "platform") as here, serving(here, folder, "--sse") as server:
        bomber, *others = await agents(here)
        await times(server, others, CALM)
        async with thrown(names, server, bomber):  # what is loaded and remembered once is no growth
            await anyio.sleep(4 * LOUD)
        before = server.memory
        for name in names:
            calm = await times(server, others, CALM)
            async with thrown([name], server, bomber):
                loud = await times(server, others, LOUD)
            calm += await times(server, others, CALM)
            ratios[name] = p99(loud) / p99(calm)
            print(f"{name:30} p99 {p99(calm):6.1f} ms, {p99(loud):7.1f} ms: {ratios[name]:5.1f} times; "
                  f"{server.memory:4.0f} MB", flush=True)  # fmt: skip
        growth = server.memory - before
    print(f"{len(names)} bombs: {statistics.median(ratios.values()):.1f} times as long in the median, "
          f"{max(ratios.values()):.1f} at most; {before:.0f} MB before, {growth:+.0f} MB after")  # fmt: skip
    return max(ratios.values()) <= BOUND and growth <= GROWTH


@click.command(help=__doc__)
@click.option("--throw", "url", hidden=True)
@click.argument("names", nargs=-1, type=click.Choice([*BOMBS]))
def main(url: str | None, names: tuple[str, ...]) -> None:
    if url:
        anyio.run(throw, names, url, os.environ["KEY"])
    with TemporaryDirectory(prefix="bombs-") as folder:
        raise SystemExit(not anyio.run(measure, [*(names or BOMBS)], Path(folder)))


if __name__ == "__main__":
    main()
