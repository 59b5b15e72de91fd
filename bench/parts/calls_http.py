"""Tool calls over HTTP: Streamable HTTP, and the SSE that band-mcp has instead."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import httpx2
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from bench.figures import Effort, Figure
from bench.pace import CPU, MEDIAN, RATE, paced
from bench.rounds import interleaved
from bench.servers import BAND, BRIDGE, MINIMAL, Scene, Server, scene, servers
from bench.stage import PATIENCE, stage
from tests.world import connected
from thenvoi_bridge.ports import bind

AT_ONCE = (1, 16, 64)
READ = "a call over HTTP that makes one GET"
LATENCY, COST = f"{READ}: latency, one after the other", f"{READ}: CPU of the server"


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform, AsyncExitStack() as running:
        state = running.enter_context(TemporaryDirectory())
        on = await scene(platform)
        them = {}
        for who, server in servers(on, Path(state)).items():
            client, pid = await running.enter_async_context(_served(who, server, on))
            them[who] = partial(called, effort, client, server, pid)
        found = await interleaved(effort, them)
    return [
        found.figure(LATENCY, "ms", per=1000),
        *(found.figure(f"{READ}: a second, {n} at once", "calls") for n in AT_ONCE[1:]),
        found.figure(COST, "ms", per=1000),
    ]


async def called(effort: Effort, client: Client, server: Server, pid: int) -> Mapping[str, float]:
    """The call at each number at once."""
    found = {}

    async def call() -> None:
        assert not (await client.call_tool(*server.reads)).is_error

    for at_once in AT_ONCE:
        pace = await paced(call, max(effort.of(120), at_once), at_once, pid)
        found[f"{READ}: a second, {at_once} at once"] = pace[RATE]
        if at_once == 1:
            found |= {LATENCY: pace[MEDIAN], COST: pace[CPU]}
    return found


def _at(who: str, server: Server, port: int) -> Server:
    """The server on a port of this computer."""
    arguments = {
        BRIDGE: ("serve", "--port", str(port)),
        MINIMAL: (str(port),),
        BAND: ("--transport", "sse", "--port", str(port)),
    }[who]
    open_to = {"ALLOWED_HOSTS": f'["127.0.0.1:{port}"]'} if who == BAND else {}
    return replace(server, command=(*server.command, *arguments), environ=server.environ | open_to)


@asynccontextmanager
async def _served(who: str, server: Server, on: Scene) -> AsyncGenerator[tuple[Client, int]]:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    there, quiet = _at(who, server, port), subprocess.DEVNULL
    with subprocess.Popen(there.command, env=there.environ, stdout=quiet, stderr=quiet) as process:
        try:
            await _listens(port)
            async with _client(who, f"http://127.0.0.1:{port}", on.agent.key) as client:
                if who == BRIDGE:
                    await connected(client)
                yield client, process.pid
        finally:
            process.kill()


async def _listens(port: int) -> None:
    with anyio.fail_after(PATIENCE):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return
            except OSError:
                await anyio.sleep(0.05)


@asynccontextmanager
async def _client(who: str, url: str, key: str) -> AsyncGenerator[Client]:
    if who == BAND:
        async with Client(sse_client(f"{url}/sse"), mode="legacy") as client:
            yield client
        return
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode="legacy") as client,
    ):
        yield client
