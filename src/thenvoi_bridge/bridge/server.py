"""The MCP server: the SDK's low-level `Server` as a switchboard between a host and one session. No logic."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.shared.exceptions import MCPError

from thenvoi_bridge import __version__
from thenvoi_bridge.bridge import advice, app, completions, faults, profiles, prompts, resources, sdk, wording
from thenvoi_bridge.bridge.asking import Users
from thenvoi_bridge.bridge.changes import Changes
from thenvoi_bridge.bridge.consent import Consent, Pending
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.profiles import USUAL, Choice
from thenvoi_bridge.bridge.prompts import Prompt
from thenvoi_bridge.bridge.sdk import BridgeServer, Context, Subscribers
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Tools, Watch


class Switchboard:
    """Hands each request to what answers it. Nothing said names a tool in `absent`."""

    def __init__(
        self,
        session: Session,
        tools: Tools,
        offered: Mapping[str, Prompt],
        absent: Collection[str],
    ) -> None:
        self._session, self._tools, self._prompts, self._absent = session, tools, offered, absent
        self._users, self._subscribers = Users(), Subscribers()
        self.changes = Changes(session, self._subscribers)
        self.meet = self._subscribers.meet

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
        self, _: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """Answer `resources/list`. Raises `MCPError` for a cursor there is not."""
        with faults.told(wording.NO_RESOURCE, self._absent):
            page, cursor = await resources.listed(self._session, params.cursor if params else None)
        return types.ListResourcesResult(resources=page, next_cursor=cursor)

    async def list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """Answer `resources/templates/list`."""
        return types.ListResourceTemplatesResult(resource_templates=resources.TEMPLATES)

    async def read_resource(
        self, _: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Answer `resources/read`. Raises `MCPError` for a resource there is not, or that cannot be read."""
        uri = str(params.uri)
        if uri == app.URI and app.TOOL not in self._absent:
            page = app.content(self._absent)
            return types.ReadResourceResult(contents=[page], ttl_ms=3_600_000, cache_scope="private")
        with faults.told(wording.NO_RESOURCE, self._absent, uri=uri):
            text = await resources.read(self._session, uri)
        content = types.TextResourceContents(uri=uri, mime_type=resources.JSON, text=text)
        return types.ReadResourceResult(contents=[content], ttl_ms=0, cache_scope="private")

    async def subscribe(self, ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """Answer `resources/subscribe`."""
        await self.changes.expect([str(params.uri)])
        return await self._subscribers.subscribe(ctx, params)

    async def unsubscribe(self, ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        """Answer `resources/unsubscribe`."""
        return await self._subscribers.unsubscribe(ctx, params)

    async def listen(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Answer `subscriptions/listen`."""
        await self.changes.expect(params.notifications.resource_subscriptions or ())
        return await self._subscribers.listen(ctx, params)

    async def list_prompts(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """Answer `prompts/list`."""
        return types.ListPromptsResult(prompts=[prompt.described() for prompt in self._prompts.values()])

    async def get_prompt(self, _: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        """Answer `prompts/get`. Raises `MCPError` for a prompt there is not, or that has nothing to show."""
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
        with faults.told(prompt.missing, self._absent, prompt=prompt.name):
            return await prompt.get(self._session, params.arguments or {}, self._absent)

    async def complete(self, _: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        """Answer `completion/complete`. Raises `MCPError` for what takes no such argument."""
        if params.argument.name not in self._arguments(params.ref):
            raise MCPError(types.INVALID_PARAMS, wording.NOTHING_TO_COMPLETE)
        written, settled = params.argument, (params.context and params.context.arguments) or {}
        found = await completions.complete(self._session, written.name, written.value, settled)
        return types.CompleteResult(completion=found)

    def _arguments(self, ref: types.PromptReference | types.ResourceTemplateReference) -> Collection[str]:
        if isinstance(ref, types.ResourceTemplateReference):
            return resources.VARIABLES.get(ref.uri, ())
        prompt = self._prompts.get(ref.name)
        return prompt.arguments.model_fields if prompt else ()


def build(
    session: Session,
    sides: Collection[Side],
    *,
    local: bool,
    channel: bool = False,
    choice: Choice = USUAL,
    confirm: bool = False,
    watch: Watch | None = None,
    sessions: bool = True,
) -> tuple[BridgeServer, Changes]:
    """The server for one session, and what tells its host of changes. `sides` says whose keys there are,
    `channel` that mentions are pushed.

    `confirm`: the user is asked before a host writes elsewhere than where it was written to.
    `watch` is told of every call that changes something.
    Without `sessions` a host of the handshake era can be told nothing it did not ask for, and is told so.
    Raises `NoSuchTool` for a choice of tools that cannot be had.
    """
    offered = profiles.chosen(sides, choice)
    absent = profiles.absent(offered)
    started = prompts.offered(sides, absent)
    consent = Consent(session) if confirm else None
    tools = Tools(session, offered, absent, consent, watch)
    board = Switchboard(session, tools, started, absent)
    instructions = advice.fitting(_instructions(sides, local=local, channel=channel), absent)
    server = _server(board, tools, instructions, has_prompts=bool(started), sessions=sessions)
    sdk.traced(server, tools)
    server.extensions[app.EXTENSION] = {}
    server.middleware.append(board.meet)
    sdk.on_first_contact(server, session.introduce)
    return server, board.changes


def _server(
    board: Switchboard, tools: Tools, instructions: str, *, has_prompts: bool, sessions: bool
) -> BridgeServer:
    """The SDK's server, which has the switchboard answer what a host may ask of this one."""
    server = BridgeServer(
        wording.SERVER_NAME,
        version=__version__,
        title="Thenvoi",
        icons=[types.Icon(src=wording.ICON, mime_type="image/svg+xml", sizes=["any"])],
        instructions=instructions,
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="private")},
        # Without it the SDK lists all tools with each call of 2026-07-28, a third of what the call costs.
        get_tool_input_schema={tool.name: tool.input_schema for tool in tools.listed}.get,
        on_list_tools=board.list_tools,
        on_call_tool=board.call_tool,
        on_list_resources=board.list_resources,
        on_list_resource_templates=board.list_templates,
        on_read_resource=board.read_resource,
        on_subscribe_resource=board.subscribe if sessions else None,
        on_unsubscribe_resource=board.unsubscribe if sessions else None,
        on_subscriptions_listen=board.listen,
        on_list_prompts=board.list_prompts if has_prompts else None,
        on_get_prompt=board.get_prompt if has_prompts else None,
        on_completion=board.complete,
    )
    server.has_sessions = sessions
    return server


def _instructions(sides: Collection[Side], *, local: bool, channel: bool) -> str:
    parts = [
        wording.INSTRUCTIONS if "agent" in sides else "",
        wording.INSTRUCTIONS_CHANNEL if channel else "",
        wording.INSTRUCTIONS_HUMAN if "human" in sides else "",
        wording.INSTRUCTIONS_LOCAL if local else "",
    ]
    return "\n".join(part for part in parts if part)
