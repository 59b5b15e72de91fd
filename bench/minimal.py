"""The least there can be: a server on the SDK's low-level `Server` whose two tools make one request each.

    python minimal.py [PORT]

serves stdio, or Streamable HTTP on a port. URL and KEY in the environment say whose platform it is. It runs
in an environment that has only the SDK and httpx2, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


TEXT = {"type": "string"}
TOOLS = [
    types.Tool(name="list_participants", description="Who is in a room", input_schema=_schema(chat_id=TEXT)),
    types.Tool(
        name="send_message",
        description="Send a text to a room",
        input_schema=_schema(chat_id=TEXT, content=TEXT, mentions={"type": "array", "items": TEXT}),
    ),
]


async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=TOOLS)


def calling(http: httpx2.AsyncClient) -> Any:
    """Answers `tools/call`."""

    async def call(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        given = params.arguments or {}
        room = f"/api/v1/agent/chats/{given['chat_id']}"
        if params.name == "list_participants":
            answer = await http.get(f"{room}/participants")
        else:
            mentions = [{"id": who} for who in given["mentions"]]
            body = {"message": {"content": given["content"], "mentions": mentions}}
            answer = await http.post(f"{room}/messages", json=body)
        text = json.dumps(answer.raise_for_status().json()["data"])
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    return call


async def main(port: int | None) -> None:
    headers = {"X-API-Key": os.environ["KEY"]}
    async with httpx2.AsyncClient(base_url=os.environ["URL"], headers=headers) as http:
        server: Server[Any] = Server("minimal", on_list_tools=list_tools, on_call_tool=calling(http))
        if port is not None:
            import uvicorn

            app = server.streamable_http_app()
            await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()
        else:
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if sys.argv[1:] else None)
