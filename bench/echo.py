"""The smallest server that the SDK can make: one tool that says what it is told. Serves at the port given."""

from __future__ import annotations

import sys
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server

from thenvoi_bridge.ports import address, bind

Context = ServerRequestContext[Any, Any]
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
ECHO = types.Tool(name="echo", description="Say it again.", input_schema=TEXT)


async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[ECHO])


async def call_tool(_: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    said = types.TextContent(type="text", text=str((params.arguments or {})["text"]))
    return types.CallToolResult(content=[said])


def main() -> None:
    app = Server("echo", on_list_tools=list_tools, on_call_tool=call_tool).streamable_http_app()
    listener = bind("127.0.0.1", 0)
    sys.stdout.write(f"{address(listener)}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, http="h11", log_level="warning")).run([listener])


main()
