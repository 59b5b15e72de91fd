"""A scripted MCP host that reaches its bridge over HTTP, wherever the next request may end up."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anyio
from mcp import Client as McpClient

from tests.hosting.team import host
from tests.torture.worker import Worker

LONGEST = 15.0
"""Seconds a call may take; after that it is made again, as hosts do that hear nothing."""


@dataclass(frozen=True)
class At:
    """Where bridges are reached."""

    url: str


class WebHost:
    """Has a worker talk with whatever bridge it reaches there, with an agent's key."""

    def __init__(self, url: str, key: str, worker: Worker) -> None:
        self._at, self._key, self._worker = At(url), key, worker
        self._connection = AsyncExitStack()
        self._client: McpClient | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._worker.work(self._call)
        finally:
            await self._connection.aclose()

    async def _call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool; called again, on a new connection, until there is one."""
        while True:
            try:
                client = self._client or await self._connected()
                with anyio.fail_after(LONGEST):
                    result = await client.call_tool(name, arguments)
            except Exception:  # whatever the SDK makes of a server that is killed
                await self._part()
            else:
                return {"structuredContent": result.structured_content or {}, "isError": result.is_error}

    async def _connected(self) -> McpClient:
        self._client = await self._connection.enter_async_context(host(self._at, self._key))
        return self._client

    async def _part(self) -> None:
        self._client = None
        try:
            await self._connection.aclose()
        except Exception:  # it was broken already
            self._connection = AsyncExitStack()
        await anyio.sleep(0.2)
