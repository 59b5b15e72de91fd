"""The server under test: the bridge as it is hosted, and beside its own things those the suite names."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conformance.asking import ASKING
from tests.conformance.named import Named, answer_also, by_name, list_also
from tests.conformance.reading import (
    GETTING,
    PROMPTS,
    RESOURCES,
    TEMPLATES,
    completable,
    readable,
)
from tests.conformance.tools import OURS, PLAIN
from tests.hosting.team import serving
from tests.world import say, world
from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.changes import Changes
from thenvoi_bridge.bridge.sdk import BridgeServer, Context
from thenvoi_bridge.bridge.server import build as ours_alone
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Tools
from thenvoi_bridge.hosting import tenants


def ours(session: Session) -> list[Named]:
    """The tools of the bridge's own kind, run by what runs its own."""
    tools = Tools(session, OURS)

    async def run(ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        return await tools.run(params.name, params.arguments or {}, sdk.progress(ctx))

    return [Named(tool, run) for tool in tools.listed]


async def set_level(_: Context, __: types.SetLevelRequestParams) -> types.EmptyResult:
    """Answer `logging/setLevel` of the handshake era, which the bridge does not have."""
    return types.EmptyResult()


def extend(server: Server[Any], tools: list[Named]) -> None:
    """Put beside a server's own what the suite names."""
    listed, own = [one.tool for one in tools], server.get_tool_input_schema
    schemas = {tool.name: tool.input_schema for tool in listed}
    server.get_tool_input_schema = lambda name: schemas.get(name) or (own(name) if own else None)
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


def build(session: Session, *about: Any, **more: Any) -> tuple[BridgeServer, Changes]:
    """As the bridge has it built for hosting, and what the suites name besides."""
    server, changes = ours_alone(session, *about, **more)
    extend(server, [*ours(session), *PLAIN, *ASKING])
    return server, changes


def with_key(app: ASGIApp, key: str) -> ASGIApp:
    """What the suites are to be shown: their clients bring no key."""

    async def let_in(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*scope["headers"], (b"authorization", f"Bearer {key}".encode())]
        await app({**scope, "headers": headers}, receive, send)

    return let_in


@asynccontextmanager
async def standing(folder: Path) -> AsyncGenerator[ASGIApp]:
    """The bridge hosted for an agent on a platform of its own, as an application with the path `/mcp`.

    A mention waits for it, since one scenario calls whatever tool comes first, which is `inbox_wait`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenants, "build", build)
        async with world(folder / "platform") as here, serving(here, folder / "state") as bridge:
            alice = await here.person()
            scout = await here.agent(alice, "Scout")
            await say(alice, await here.room(alice, scout), scout, "hello")
            yield with_key(bridge.site.app, scout.key)
