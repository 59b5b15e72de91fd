"""What it costs to be watched: REST calls and tool calls, side by side in one run.

    uv run python -m bench.watching [SRC]

Starts a platform and a bridge for each way of watching, and has them answer in turn. With the `src` folder of
another checkout its servers take part, and everything is compared with them. Prints, for each way, what a
call takes of the server's processor and its ratio to the first way, and then the time until it is answered
and the median of that one's ratio over all rounds. Linux only, for the processor's time.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
import httpx2
from anyio.abc import Process
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.world import World, world

ROUNDS, CALLS = 31, 60
SERVE = [sys.executable, "-m", "thenvoi_bridge"]
OTHER = sys.argv[1:2]
QUIET = ["--log-level", "warning"]
WAYS: dict[str, list[str]] = {
    **({"other": QUIET} if OTHER else {}),
    "quiet": QUIET,
    "log": [],
    "log and metrics": ["--metrics-port", "0"],
}
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server at work."""

    url: str
    process: Process

    @property
    def spent(self) -> float:
        """Seconds of the processor so far (proc(5), utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


@dataclass(frozen=True)
class Call:
    """Something that one of them is asked again and again."""

    server: Server
    ask: Callable[[], Awaitable[object]]


@asynccontextmanager
async def serving(way: str, *command: str, **environ: str) -> AsyncGenerator[Server]:
    source = {"PYTHONPATH": OTHER[0]} if way == "other" else {}
    env = {**os.environ, **environ, **source}
    line = [*SERVE, *command, "--port", "0", *WAYS[way]]
    async with await anyio.open_process(line, env=env) as process, anyio.create_task_group() as tasks:
        url = await _url(process)
        tasks.start_soon(_drained, process)
        yield Server(url, process)
        process.terminate()


async def _url(process: Process) -> str:
    said = ""
    assert process.stderr
    async for part in process.stderr:
        said += part.decode()
        if found := re.search(r"Thenvoi.* on (http://[0-9.:]+)", said):
            return found[1]
    raise SystemExit(said)


async def _drained(process: Process) -> None:
    assert process.stderr
    async for _ in process.stderr:
        pass


async def compare(what: str, calls: dict[str, Call]) -> None:
    """Have each of them called in turn, in another order each round."""
    taken: dict[str, list[float]] = {way: [] for way in calls}
    spent: dict[str, float] = {}
    for turn in range(ROUNDS + 1):
        if turn == 1:  # without the round in which everything is new
            spent = {way: -call.server.spent for way, call in calls.items()}
        ways = [*calls][turn % len(calls) :] + [*calls][: turn % len(calls)]
        for way in ways:
            started = time.perf_counter()
            for _ in range(CALLS):
                await calls[way].ask()
            taken[way].append(time.perf_counter() - started)
    spent = {way: spent[way] + call.server.spent for way, call in calls.items()}
    show(what, spent, taken)


def show(what: str, spent: dict[str, float], taken: dict[str, list[float]]) -> None:
    least, first = next(iter(spent.values())), next(iter(taken.values()))[1:]
    for way, seconds in taken.items():
        of_processor = spent[way] / CALLS / ROUNDS * 1000
        ratio = median(mine / theirs for mine, theirs in zip(seconds[1:], first, strict=True))
        answered = median(seconds[1:]) / CALLS * 1000
        print(
            f"{what:<10} {way:<16} processor {of_processor:5.2f} ms {spent[way] / least:5.2f}"
            f"   answered {answered:5.2f} ms {ratio:5.2f}",
            flush=True,
        )


async def rest(folder: Path, where: World, key: str, stack: AsyncExitStack) -> dict[str, Call]:
    """A call of each platform."""
    calls: dict[str, Call] = {}
    for way in WAYS:
        data = folder / way
        await anyio.run_process(["cp", "-r", str(where.folder), str(data)])
        server = await stack.enter_async_context(serving(way, "platform", "serve", "--data", str(data)))
        http = await stack.enter_async_context(httpx2.AsyncClient(headers={"X-API-Key": key}))
        calls[way] = Call(server, partial(http.get, f"{server.url}/api/v1/agent/chats"))
    return calls


async def tools(folder: Path, where: World, key: str, stack: AsyncExitStack) -> dict[str, Call]:
    """A tool call of each bridge, all of them on one platform."""
    calls: dict[str, Call] = {}
    for way in WAYS:
        environ = {"THENVOI_BASE_URL": where.url, "THENVOI_STATE_DIR": str(folder / f"state {way}")}
        server = await stack.enter_async_context(serving(way, "serve", **environ))
        headers = {"Authorization": f"Bearer {key}"}
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=30))
        transport = streamable_http_client(f"{server.url}/mcp", http_client=http)
        client = await stack.enter_async_context(Client(transport, mode="auto"))
        calls[way] = Call(server, partial(client.call_tool, "list_chats", {}))
    return calls


async def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with world(folder / "platform") as where:
            alice = await where.person()
            scout = await where.agent(alice, "Scout")
            await where.room(alice, scout)
            await where.stop()
            async with AsyncExitStack() as stack:
                await compare("REST call", await rest(folder, where, scout.key, stack))
            await where.start()
            async with AsyncExitStack() as stack:
                await compare("tool call", await tools(folder, where, scout.key, stack))


if __name__ == "__main__":
    anyio.run(main)
