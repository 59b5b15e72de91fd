"""Servers of MCP, started or called as a configuration in a guide says."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

PATIENCE = 60.0
"""Seconds a server has to start in and to answer `initialize`."""


async def answers(entry: dict[str, Any], env: dict[str, str]) -> str:
    """What the server calls itself that a host starts, or reaches, by this entry of its configuration."""
    with anyio.fail_after(PATIENCE):
        if "url" in entry:
            async with httpx2.AsyncClient(headers=entry["headers"]) as http:
                return await _name(streamable_http_client(entry["url"], http_client=http))
        environ = env | entry.get("env", {})
        return await _name(
            StdioServerParameters(command=entry["command"], args=entry.get("args", []), env=environ)
        )


async def _name(server: Any) -> str:
    async with Client(server, mode="legacy") as client:
        assert client.server_info
        return client.server_info.name
