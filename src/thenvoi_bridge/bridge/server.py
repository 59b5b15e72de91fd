"""The MCP server: the SDK's low-level `Server` as a switchboard between a host and one session. No logic."""

from __future__ import annotations

import logging
from collections.abc import Collection

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from thenvoi_bridge import __version__
from thenvoi_bridge.bridge import advice, profiles, resources, sdk, wording
from thenvoi_bridge.bridge.consent import Consent, Pending
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.profiles import USUAL, Choice
from thenvoi_bridge.bridge.sdk import Context, Subscribers
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Tools

logger = logging.getLogger(__name__)


class Switchboard:
    """Hands each request to what answers it."""

    def __init__(self, session: Session, tools: Tools) -> None:
        self._session, self._tools, self._users = session, tools, sdk.Users()

    async def list_tools(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """Answer `tools/list`."""
        return types.ListToolsResult(tools=self._tools.listed)

    async def call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Answer `tools/call`. Raises `MCPError` for a tool there is not."""
        if params.name not in self._tools:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
        ask = self._users.of(ctx, params)
        try:
            return await self._tools.run(params.name, params.arguments or {}, sdk.progress(ctx), ask)
        except Pending as pending:
            asking: types.InputRequiredResult = pending.result
            return asking

    async def list_resources(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """Answer `resources/list`."""
        return types.ListResourcesResult(resources=resources.LISTED)

    async def list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """Answer `resources/templates/list`."""
        return types.ListResourceTemplatesResult(resource_templates=resources.TEMPLATES)

    async def read_resource(
        self, _: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Answer `resources/read`. Raises `MCPError` for a resource there is not."""
        uri = str(params.uri)
        try:
            text = await resources.read(self._session, uri)
        except ValidationError as exc:
            fields = ", ".join(str(error["loc"][0]) for error in exc.errors(include_input=False))
            raise MCPError(types.INVALID_PARAMS, f"Bad query: {fields}", {"uri": uri}) from exc
        except Exception as exc:  # the SDK would tell an old client its text
            logger.exception("%s could not be read", uri)
            raise MCPError(types.INTERNAL_ERROR, wording.BROKEN, {"uri": uri}) from exc
        if text is None:
            raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
        content = types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
        return types.ReadResourceResult(contents=[content], ttl_ms=0, cache_scope="private")


def build(
    session: Session, sides: Collection[Side], *, local: bool, choice: Choice = USUAL, confirm: bool = False
) -> tuple[Server[None], Subscribers]:
    """The server for one session, and those it has to notify. `sides` says whose keys there are.

    `confirm`: the user is asked before a host writes elsewhere than where it was written to.
    Raises `NoSuchTool` for a choice of tools that cannot be had.
    """
    offered = profiles.chosen(sides, choice)
    absent = profiles.absent(offered)
    consent = Consent(session) if confirm else None
    board = Switchboard(session, Tools(session, offered, absent, consent))
    subscribers = Subscribers()
    server: Server[None] = Server(
        wording.SERVER_NAME,
        version=__version__,
        title="Thenvoi",
        instructions=advice.fitting(_instructions(sides, local=local), absent),
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="private")},
        on_list_tools=board.list_tools,
        on_call_tool=board.call_tool,
        on_list_resources=board.list_resources,
        on_list_resource_templates=board.list_templates,
        on_read_resource=board.read_resource,
        on_subscribe_resource=subscribers.subscribe,
        on_unsubscribe_resource=subscribers.unsubscribe,
        on_subscriptions_listen=subscribers.listen,
    )
    sdk.on_first_contact(server, session.introduce)
    return server, subscribers


def _instructions(sides: Collection[Side], *, local: bool) -> str:
    parts = [
        wording.INSTRUCTIONS if "agent" in sides else "",
        wording.INSTRUCTIONS_HUMAN if "human" in sides else "",
        wording.INSTRUCTIONS_LOCAL if local else "",
    ]
    return "\n".join(part for part in parts if part)
