"""A hosted bridge on a real port, and real MCP clients over HTTP, each with a key."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import anyio
import httpx2
import mcp_types as types
from mcp import Client as McpClient
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT

from tests.bridge.desk import PATIENCE
from tests.world import World, connected
from thenvoi_bridge.hosting.http import Hosted, Hosting, hosted
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Settings

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}


@asynccontextmanager
async def serving(
    where: World,
    state: Path,
    *,
    sse: bool = False,
    stateless: bool = False,
    origins: tuple[str, ...] = (),
    meter: Meter = UNMETERED,
    **more: Any,
) -> AsyncGenerator[Hosted]:
    """A bridge for whoever has a key of this platform's. `more` are settings."""
    settings = Settings(base_url=where.url, state_dir=state, **more)
    hosting = Hosting(settings, (), origins, sse, stateless, meter)
    async with hosted(hosting, bind("127.0.0.1", 0)) as bridge:
        yield bridge


class Reached(Protocol):
    """A bridge, wherever it runs."""

    @property
    def url(self) -> str: ...


@asynccontextmanager
async def host(
    bridge: Reached, key: str, mode: str = "auto", sse: bool = False, **more: Any
) -> AsyncGenerator[McpClient]:
    """A host of this key's. `more` goes to its client."""
    headers = {"Authorization": f"Bearer {key}"}
    if sse:
        async with McpClient(sse_client(f"{bridge.url}/sse", headers=headers), mode=mode, **more) as client:
            yield client
        return
    async with httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(PATIENCE)) as http:
        transport = streamable_http_client(f"{bridge.url}/mcp", http_client=http)
        async with McpClient(transport, mode=mode, **more) as client:
            yield client


async def live(client: McpClient) -> None:
    """Wait until its agent hears."""
    with anyio.fail_after(PATIENCE):
        await connected(client)


async def read(client: McpClient, uri: str) -> dict[str, Any]:
    """A resource."""
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, types.TextResourceContents)
    found: dict[str, Any] = json.loads(content.text)
    return found


async def shown(client: McpClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a tool, or its error."""
    content: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content


def setting(begun: anyio.Event) -> ProgressFnT:
    """Sets this at the first sign of life of a call."""

    async def beaten(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    return beaten


class Heard(logging.Handler):
    """What the bridge logs, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._more = anyio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._more.set()

    async def until(self, line: str) -> None:
        """Wait until this was logged."""
        with anyio.fail_after(PATIENCE):
            while line not in self.lines:
                self._more = anyio.Event()
                await self._more.wait()


@contextmanager
def log() -> Generator[Heard]:
    """What is logged until the end of the block."""
    heard, ours = Heard(), logging.getLogger("thenvoi_bridge")
    before = ours.level
    ours.addHandler(heard)
    ours.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        ours.removeHandler(heard)
        ours.setLevel(before)


@asynccontextmanager
async def raw(bridge: Hosted, key: str | None = None) -> AsyncGenerator[httpx2.AsyncClient]:
    """Something that speaks HTTP only."""
    headers = HEADERS | ({"Authorization": f"Bearer {key}"} if key else {})
    async with httpx2.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as http:
        yield http


async def session_of(http: httpx2.AsyncClient) -> str:
    """The id of a new session."""
    answer = await http.post("/mcp", json=INITIALIZE)
    assert answer.status_code == 200, answer.text
    return answer.headers["mcp-session-id"]
