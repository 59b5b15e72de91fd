"""The walk of a host on an older Python SDK, which may be as old as 1.2.1.

    python -m tests.wire.mcp_walk ERA COMMAND ARGUMENT...

starts the bridge by this command and says what comes of it in lines of JSON, as mcp_walk.mjs does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any

INBOX = "thenvoi://inbox"


def say(what: str, **more: Any) -> None:
    print(json.dumps({"is": what, **more}), flush=True)


class Ear:
    """What the server said without being asked."""

    def __init__(self) -> None:
        self.beat, self.update = asyncio.Event(), asyncio.Event()

    async def __call__(self, message: Any) -> None:
        match getattr(getattr(message, "root", None), "method", None):
            case "notifications/progress":
                self.beat.set()
            case "notifications/resources/updated":
                self.update.set()


@asynccontextmanager
async def opened(server: Any, ear: Ear) -> Any:
    """A session whose notifications reach the ear, as the version does it."""
    session_of: Any = import_module("mcp").ClientSession
    async with import_module("mcp.client.stdio").stdio_client(server) as streams:
        if not hasattr(session_of, "incoming_messages"):
            async with session_of(*streams, message_handler=ear) as session:
                yield session
            return
        async with session_of(*streams) as session:
            hearing = asyncio.create_task(hear(session.incoming_messages, ear))
            yield session
            hearing.cancel()


async def hear(messages: Any, ear: Ear) -> None:
    async for message in messages:
        await ear(message)


async def cancelled_wait(session: Any, ear: Ear) -> None:
    """Wait for mentions until there is progress, and take it back, by hand as it was done then."""
    types: Any = import_module("mcp.types")
    meta = types.RequestParams.Meta(progressToken="waiting")
    params = types.CallToolRequestParams(name="inbox_wait", arguments={"timeout_s": 50}, _meta=meta)
    asked = types.ClientRequest(types.CallToolRequest(method="tools/call", params=params))
    number = session._request_id
    waiting = asyncio.create_task(session.send_request(asked, types.CallToolResult))
    await ear.beat.wait()
    say("beat")
    off = types.Notification[dict[str, Any], str]
    await session.send_notification(off(method="notifications/cancelled", params={"requestId": number}))
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting


async def told(session: Any, ear: Ear) -> str:
    """The id of the message that an update led to."""
    while True:
        await ear.update.wait()
        ear.update.clear()
        read = await session.read_resource(INBOX)
        if messages := json.loads(read.contents[0].text)["messages"]:
            return str(messages[0]["id"])


async def walk(session: Any, ear: Ear) -> None:
    version = (await session.initialize()).protocolVersion
    say("connected", version=version, tools=[tool.name for tool in (await session.list_tools()).tools])
    await session.subscribe_resource(INBOX)
    await cancelled_wait(session, ear)
    say("cancelled")
    say("told", id=await told(session, ear))
    said = (await session.call_tool("inbox_wait", {"timeout_s": 30})).content[0].text
    for message in json.loads(said.splitlines()[1])["messages"]:  # between the marks around others' words
        say("heard", id=message["id"], attempt=message["attempt"])
        answer = {"message_ids": [message["id"]], "content": "from afar"}
        assert not (await session.call_tool("reply", answer)).isError
        say("replied")


async def main(_: str, command: str, *args: str) -> None:
    ear, how = Ear(), import_module("mcp").StdioServerParameters
    async with opened(how(command=command, args=list(args), env=dict(os.environ)), ear) as session:
        await walk(session, ear)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
