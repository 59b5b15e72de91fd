"""A scripted MCP host that reaches its bridge over HTTP, wherever the next request may end up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio
from mcp import Client as McpClient

from tests.hosting.team import host
from tests.torture.worker import Gone, Worker

LONGEST = 15.0
"""Seconds a call may take; nobody answers any more after that."""


@dataclass(frozen=True)
class At:
    """Where bridges are reached."""

    url: str


class WebHost:
    """Has a worker talk with whatever bridge it reaches there, with an agent's key."""

    def __init__(self, url: str, key: str, worker: Worker) -> None:
        self._at, self._key, self._worker = At(url), key, worker

    async def run(self) -> None:
        """Work, and begin anew whenever the connection breaks, until cancelled."""
        while True:
            try:
                async with host(self._at, self._key) as client:
                    await self._worker.work(_Caller(client))
            except Exception:  # whatever the SDK makes of a server that is killed
                await anyio.sleep(0.2)


@dataclass(frozen=True)
class _Caller:
    client: McpClient

    async def __call__(self, name: str, **arguments: Any) -> dict[str, Any]:
        with anyio.move_on_after(LONGEST):
            result = await self.client.call_tool(name, arguments)
            return {"structuredContent": result.structured_content or {}, "isError": result.is_error}
        raise Gone
