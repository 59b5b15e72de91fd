"""The server under test: the one that the bridge builds, and beside its own things those the suite names.

It has a session with a real platform, is served over Streamable HTTP, and remembers what it has sent, so that
a client of the handshake era can come back for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import PromptsListChanged, ToolsListChanged
from starlette.types import ASGIApp

from tests.bridge.desk import at
from tests.conformance.asking import ASKING
from tests.conformance.named import Handler, Named, answer_also, by_name, done, list_also, text
from tests.conformance.reading import (
    GETTING,
    PROMPTS,
    RESOURCES,
    TEMPLATES,
    completable,
    readable,
)
from tests.conformance.tools import OURS, PLAIN, named
from tests.world import World, say, world
from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.sdk import Context, Subscribers
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Tools

RETRY = 100
"""Milliseconds after which a client that was hung up on may come back."""


class Sent(EventStore):
    """What was sent, in memory."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[str, types.JSONRPCMessage | None]] = {}
        self._numbers = count(1)

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        """Remember a message, or None for the beginning of a stream."""
        number = str(next(self._numbers))
        self._sent[number] = stream_id, message
        return number

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send again what followed on the stream of this one."""
        stream, _ = self._sent.get(last_event_id, (None, None))
        for number, (of, message) in list(self._sent.items()):
            if of == stream and message is not None and int(number) > int(last_event_id):
                await send_callback(EventMessage(message, number))
        return stream


def ours(session: Session) -> list[Named]:
    """The tools of the bridge's own kind, run by what runs its own."""
    tools = Tools(session, OURS)

    async def run(ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        return await tools.run(params.name, params.arguments or {}, sdk.progress(ctx))

    return [Named(tool, run) for tool in tools.listed]


def changing(subscribers: Subscribers) -> list[Named]:
    """The tools that say that a list has changed."""

    def said(event: ToolsListChanged | PromptsListChanged) -> Handler:
        async def run(_: Context, __: types.CallToolRequestParams) -> types.CallToolResult:
            await subscribers._bus.publish(event)
            return done(text("Said so"))

        return run

    return [
        named("test_trigger_tool_change", said(ToolsListChanged())),
        named("test_trigger_prompt_change", said(PromptsListChanged())),
    ]


async def set_level(_: Context, __: types.SetLevelRequestParams) -> types.EmptyResult:
    """Answer `logging/setLevel` of the handshake era, which the bridge does not have."""
    return types.EmptyResult()


def extend(server: Server[Any], tools: list[Named]) -> None:
    """Put beside a server's own what the suite names."""
    listed = [one.tool for one in tools]
    list_also(server, "tools/list", types.ListToolsResult(tools=[]), "tools", listed)
    run = {one.tool.name: one.run for one in tools}
    answer_also(server, "tools/call", types.CallToolRequestParams, by_name(run))
    list_also(server, "resources/list", types.ListResourcesResult(resources=[]), "resources", RESOURCES)
    templates = types.ListResourceTemplatesResult(resource_templates=[])
    list_also(server, "resources/templates/list", templates, "resource_templates", TEMPLATES)
    answer_also(server, "resources/read", types.ReadResourceRequestParams, readable)
    list_also(server, "prompts/list", types.ListPromptsResult(prompts=[]), "prompts", PROMPTS)
    answer_also(server, "prompts/get", types.GetPromptRequestParams, by_name(GETTING))
    answer_also(server, "completion/complete", types.CompleteRequestParams, completable)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)
    boundary = RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name)
    server.middleware.append(boundary)


@asynccontextmanager
async def app(here: World, state: Path) -> AsyncGenerator[ASGIApp]:
    """The server of an agent on this platform, as an application with the path `/mcp`.

    A mention waits for it, since one scenario calls whatever tool comes first, which is `inbox_wait`.
    """
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    await say(alice, await here.room(alice, scout), scout, "hello")
    session = Session(at(here, agent=scout), state)
    server, changes = build(session, ["agent"], local=False)
    extend(server, [*ours(session), *PLAIN, *ASKING, *changing(changes._subscribers)])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        tasks.start_soon(fan_out, session, [changes])
        yield server.streamable_http_app(event_store=Sent(), retry_interval=RETRY)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def standing(folder: Path) -> AsyncGenerator[ASGIApp]:
    """The same, with a platform of its own."""
    async with world(folder / "platform") as here, app(here, folder / "state") as it:
        yield it
