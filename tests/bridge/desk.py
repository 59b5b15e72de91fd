"""An MCP host at its bridge, all in this process: session and server are real, the pipes are in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp import Client as McpClient
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.memory import create_client_server_memory_streams

from tests.world import Somebody, World
from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.allowing import ALL, Allowed
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.endpoint import Endpoint, Locate, Side
from thenvoi_bridge.bridge.profiles import Choice
from thenvoi_bridge.bridge.seat import Seat
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session

BOTH: tuple[Side, ...] = ("agent", "human")
EVERYTHING = Choice(toolsets=("all",))

PATIENCE = 20.0  # seconds until a stuck test fails


@dataclass(frozen=True)
class Desk:
    """One host, its session, and short ways to use its tools and resources."""

    session: Session
    llm: McpClient

    @property
    def seat(self) -> Seat:
        seat = self.session.seat_now
        assert seat
        return seat

    async def shown(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a tool that has one."""
        result = await self.llm.call_tool(tool, arguments)
        assert not result.is_error, result.content
        content: dict[str, Any] | None = result.structured_content
        assert content is not None
        return content

    async def said(self, tool: str, **arguments: Any) -> Any:
        """What a tool that makes one call says: the JSON between the marks."""
        result = await self.llm.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return json.loads(text_of(result).splitlines()[1])

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The error of a tool that must fail."""
        result = await self.llm.call_tool(tool, arguments)
        assert result.is_error, result.content
        error: dict[str, Any] = result.structured_content["error"]
        return error

    async def read(self, uri: str) -> dict[str, Any]:
        """A resource."""
        (content,) = (await self.llm.read_resource(uri)).contents
        assert isinstance(content, types.TextResourceContents)
        shown: dict[str, Any] = json.loads(content.text)
        return shown

    async def faulty(self, request: Awaitable[object]) -> types.ErrorData:
        """The protocol's error for a request that must not be answered."""
        try:
            result = await request
        except MCPError as exc:
            return exc.error
        raise AssertionError(result)

    async def until(self, connection: str) -> None:
        """Wait until the session says this of its connection."""

        async def so() -> bool:
            return self.session.connection == connection

        await self.rung(so)

    async def unread(self, number: int) -> None:
        """Wait until so many messages wait for an answer."""

        async def so() -> bool:
            return await self.seat.inbox.unread() == number

        await self.rung(so)

    async def rung(self, so: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it is so, looking whenever the session rings: whatever matters must ring."""
        with anyio.fail_after(PATIENCE):
            while True:
                bell = self.session.bell
                if await so():
                    return
                await bell.wait()


def text_of(result: types.CallToolResult) -> str:
    """The first block of a result."""
    block = result.content[0]
    assert isinstance(block, types.TextContent)
    return block.text


def at(where: World, *, agent: Somebody | str | None = None, person: Somebody | str | None = None) -> Locate:
    """How to find a platform with these keys."""
    keys = [key.key if isinstance(key, Somebody) else key for key in (agent, person)]
    return found(Endpoint(where.url, agent_key=keys[0], user_key=keys[1]))


def found(endpoint: Endpoint) -> Locate:
    """Finds this endpoint."""

    async def locate(_: str) -> Endpoint:
        return endpoint

    return locate


def nowhere() -> Locate:
    """A platform that is not there; nothing listens on this port."""
    return found(Endpoint("http://127.0.0.1:9", agent_key="thnv_a_id_secret"))


@asynccontextmanager
async def desk(
    locate: Locate,
    state: Path,
    mode: str = "auto",
    sides: tuple[Side, ...] = ("agent",),
    choice: Choice = EVERYTHING,
    allowed: Allowed = ALL,
    confirm: bool = False,
    called: str | None = None,
    longest_wait: float = 0.0,
    **more: Any,
) -> AsyncGenerator[Desk]:
    """A host whose session runs until the end of the block. `more` goes to its MCP client."""
    session = Session(locate, state, allowed, called=called, longest_wait=longest_wait)
    server, changes = build(session, sides, local=False, choice=choice, confirm=confirm)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        tasks.start_soon(fan_out, session, [changes])
        async with McpClient(pipes(server), mode=mode, **more) as llm:
            yield Desk(session, llm)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def live(
    where: World, agent: Somebody, state: Path, mode: str = "auto", **more: Any
) -> AsyncGenerator[Desk]:
    """The host of an agent, once it hears."""
    async with desk(at(where, agent=agent), state, mode, **more) as it:
        await it.until("live")
        yield it


@asynccontextmanager
async def pipes(server: Server[Any]) -> AsyncGenerator[Any]:
    """A transport to a server that serves one client as it does over stdio, in the era it opens with."""
    async with create_client_server_memory_streams() as (client, ours), anyio.create_task_group() as tasks:
        tasks.start_soon(sdk.serve, server, *ours)
        yield client
        tasks.cancel_scope.cancel()
