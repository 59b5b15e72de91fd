"""A scripted MCP host that reaches its bridge over HTTP, wherever the next request may end up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio

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

    async def run(self) -> None:
        """Work until cancelled."""
        await self._worker.work(self._call)

    async def _call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool; called again, on a new connection, until there is one.

        Each call has a connection of its own: one that breaks cancels whoever has entered it.
        """
        while True:
            try:
                with anyio.fail_after(LONGEST):
                    async with host(self._at, self._key) as client:
                        result = await client.call_tool(name, arguments)
            except Exception:  # whatever the SDK makes of a server that is killed
                await anyio.sleep(0.2)
            else:
                return {"structuredContent": result.structured_content or {}, "isError": result.is_error}
