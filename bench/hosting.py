"""What a hosted bridge costs, beside the smallest server that the SDK can make, in the same run.

    uv run python -m bench.hosting [--rounds 5] [--tenants 100]

Prints tool calls over Streamable HTTP, in both eras, for each second of the server's processor time, and as a
ratio to those of the SDK's low-level server with one tool that echoes; and what each further tenant costs a
process that nobody asks for anything. Processor time, since the callers take more of it than any server.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import click
from anyio.abc import Process

from tests.hosting.server import Server, serving
from tests.isolation.caller import Caller, caller
from tests.isolation.town import Principal, settle
from tests.world import world

SECONDS = 1.5
"""Of one measurement."""

CALLERS = 4
"""Hosts that call at once."""

IDLE = 10.0
"""Seconds for which nobody asks for anything."""

STEP = 20
"""Tenants that begin between two looks at the memory."""

Call = Callable[[Caller], Awaitable[object]]
ECHO: Call = lambda caller: caller.tool("echo", text="hello")  # noqa: E731
CALLS: dict[str, Call] = {
    "inbox_read": lambda caller: caller.tool("inbox_read", limit=1),
    "list_chats": lambda caller: caller.tool("list_chats"),
}
"""A tool that stays in the bridge, and one that asks the platform."""


async def rate(url: str, process: Process, who: Principal, call: Call) -> float:
    """Calls for a second of the processor time of this server."""
    done = 0

    async def work() -> None:
        nonlocal done
        async with caller(url, who) as host:
            await call(host)
            until = time.perf_counter() + SECONDS
            while time.perf_counter() < until:
                await call(host)
                done += 1

    before = worked(process)
    async with anyio.create_task_group() as tasks:
        for _ in range(CALLERS):
            tasks.start_soon(work)
    return done / (worked(process) - before)


def worked(process: Process) -> float:
    """Seconds of processor time that it has had."""
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def echoing() -> AsyncGenerator[tuple[str, Process]]:
    """The SDK's server, and its URL."""
    async with await anyio.open_process([sys.executable, "-m", "bench.echo"], stderr=None) as process:
        assert process.stdout
        yield (await process.stdout.receive()).decode().strip(), process
        process.terminate()


async def calls(bridge: Server, agents: list[Principal], rounds: int) -> None:
    """Print how many calls each server answers."""
    async with echoing() as (url, process):
        for who in agents:
            rates: dict[str, list[float]] = {name: [] for name in ("echo", *CALLS)}
            for _ in range(rounds):
                rates["echo"].append(await rate(url, process, who, ECHO))
                for name, call in CALLS.items():
                    rates[name].append(await rate(bridge.url, bridge.process, who, call))
            for name, found in rates.items():
                ratio = statistics.median(a / b for a, b in zip(found, rates["echo"], strict=True))
                print(f"{who.mode:6} {name:10} {statistics.median(found):5.0f} a second, {ratio:.2f} of echo")


async def costs(server: Server, agents: list[Principal]) -> None:
    """Print what each of these adds to the process."""
    found: list[tuple[int, float]] = []
    files, threads = server.files, server.threads
    for number, who in enumerate(agents, 1):
        async with caller(server.url, who) as host:
            await hears(host)
        if not number % STEP:
            await anyio.sleep(1)
            found.append((number, server.memory))
            print(f"{number:4} tenants: {server.memory:5.0f} MB", flush=True)
    slope = statistics.linear_regression(*zip(*found, strict=True)).slope
    each = (server.files - files) / len(agents), (server.threads - threads) / len(agents)
    before = worked(server.process)
    await anyio.sleep(IDLE)
    idle = (worked(server.process) - before) / IDLE / len(agents)
    print(f"each tenant: {slope:.2f} MB, {each[0]:.1f} files, {each[1]:.1f} threads, {idle:.2%} of a core")


async def hears(host: Caller) -> None:
    """Wait until its agent is told of mentions."""
    while True:
        if '\\"connection\\":\\"live' in (await host.call("resources/read", STATUS)).text:
            return
        await anyio.sleep(0.05)


STATUS = {"uri": "thenvoi://status"}


async def measure(rounds: int, tenants: int, folder: Path) -> None:
    """Both, on one platform."""
    async with world(folder / "platform") as here:
        town = await settle(here, tenants * 5 // 4 + 5)
        agents = [one for one in town.principals if one.side == "agent"]
        async with serving(here, folder) as server:
            by_era = {one.mode: one for one in agents}
            await calls(server, [*by_era.values()], rounds)
        async with serving(here, folder) as server:
            await costs(server, agents[:tenants])


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True)
@click.option("--tenants", default=100, show_default=True)
def main(rounds: int, tenants: int) -> None:
    with TemporaryDirectory(prefix="bench-") as folder:
        anyio.run(measure, rounds, tenants, Path(folder))


if __name__ == "__main__":
    main()
