"""MCP hosts: real clients that start the real bridge over stdio. They follow a script; no model is asked."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup, TaskStatus

from thenvoi_bridge.demo.processes import COMMAND, environment
from thenvoi_bridge.demo.steps import Unexpected

if TYPE_CHECKING:  # a second's worth of imports, made while the platform starts
    from mcp import Client

LONGEST_WAIT = 45
"""Seconds an `inbox_wait` is given; the steps of the story have shorter limits."""


class Host:
    """One agent's host. Its tasks live in a task group of the scene, and its bridge ends with them."""

    def __init__(self, tasks: TaskGroup, name: str) -> None:
        self.name = name
        self._tasks = tasks
        self._heard = anyio.Event()
        self._page: dict[str, Any] | Exception = {}
        self._heard_at = 0.0

    async def start(self, url: str, key: str, folder: Path) -> None:
        """Start the bridge and make its acquaintance."""
        env = {"THENVOI_BASE_URL": url, "THENVOI_API_KEY": key, "THENVOI_STATE_DIR": str(folder / self.name)}
        work = partial(self._live, environment() | env, folder / f"{self.name}.log")
        self._client: Client = await self._tasks.start(work)

    async def tools(self) -> list[str]:
        """The names of the tools the bridge offers."""
        return [tool.name for tool in (await self._client.list_tools()).tools]

    @property
    def protocol(self) -> str:
        """The version of MCP both sides agreed on."""
        return self._client.protocol_version

    async def connection(self) -> str:
        """What the bridge says of its connection to the platform."""
        (content,) = (await self._client.read_resource("thenvoi://status")).contents
        return str(json.loads(getattr(content, "text", "{}")).get("connection"))

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; its structured answer, if it has one. Raises `Unexpected` for a tool's error."""
        result = await self._client.call_tool(tool, arguments)
        said = result.structured_content or {}
        if result.is_error:
            raise Unexpected(f"{tool} answered: {said.get('error', {}).get('message', 'an error')}")
        return said

    async def listen(self) -> None:
        """Call `inbox_wait`, and return once the bridge is known to have the call."""
        await self._tasks.start(self._wait)
        await self.connection()  # one pipe, in order: who answers this has read the call before it

    @property
    def listening(self) -> bool:
        """Whether `inbox_wait` has not come back yet."""
        return not self._heard.is_set()

    async def heard(self) -> tuple[list[dict[str, Any]], float]:
        """The messages `inbox_wait` came back with, and when it did."""
        await self._heard.wait()
        if isinstance(self._page, Exception):
            raise self._page
        return self._page["messages"], self._heard_at

    async def _live(self, env: dict[str, str], log: Path, *, task_status: TaskStatus[Client]) -> None:
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client

        command, *args = COMMAND
        with log.open("a") as errlog:
            server = stdio_client(StdioServerParameters(command=command, args=args, env=env), errlog)
            async with Client(server) as client:
                task_status.started(client)
                await anyio.sleep_forever()

    async def _wait(self, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        try:
            self._page = await self.call("inbox_wait", timeout_s=LONGEST_WAIT)
        except Exception as exc:  # raised again where it is waited for
            self._page = exc
        self._heard_at = time.perf_counter()
        self._heard.set()
