"""The one file that touches what the MCP SDK keeps private or calls provisional; a test guards each touch.

It also hides that there are two worlds of notifications: clients of the handshake era subscribe and are told
on their connection, clients of 2026-07-28 listen and are told in the answer to that, which does not end.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Awaitable, Callable, Collection, Container, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

import mcp_types as types
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.runner import serve_dual_era_loop, serve_loop
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, is_version_at_least
from pydantic import BaseModel

from thenvoi_bridge import tracing
from thenvoi_bridge.bridge.listening import Listening, Subscribed

Context = ServerRequestContext[Any, Any]
Message = TypeVar("Message", bound=BaseModel)

MOST = 1024
"""Subscriptions that may be listened to at once."""


class BridgeServer(Server[None]):
    """A server that says the same of itself in both eras: of its lists, only that of resources changes.

    The SDK says that none does in the handshake era, and that all do in 2026-07-28. Without sessions none
    does in the handshake era. `experimental` are capabilities that no revision of the protocol knows.
    """

    experimental: Mapping[str, dict[str, Any]] = MappingProxyType({})
    has_sessions = True

    @property
    def server_info_stamp(self) -> dict[str, Any]:
        """What stands on every result of 2026-07-28, less the icons: a picture with each is too much."""
        return {name: value for name, value in super().server_info_stamp.items() if name != "icons"}

    def get_capabilities(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
        *,
        protocol_version: str | None = None,
    ) -> types.ServerCapabilities:
        """What the server can do; every entry and era asks here."""
        said = super().get_capabilities(
            NotificationOptions(resources_changed=self.has_sessions),
            {**(experimental_capabilities or {}), **self.experimental} or None,
            extensions,
            protocol_version=protocol_version,
        )
        fixed = {
            name: capability.model_copy(update={"list_changed": False})
            for name in ("tools", "prompts")
            if (capability := getattr(said, name))
        }
        return said.model_copy(update=fixed)


class Subscribers:
    """Who wants to be told of which resource, in both eras."""

    def __init__(self) -> None:
        self._listening: set[Listening] = set()
        # By connection: it is the only thing that stays the same over one client's requests.
        self._legacy: weakref.WeakKeyDictionary[Connection, Subscribed] = weakref.WeakKeyDictionary()

    @property
    def wanted(self) -> Collection[str]:
        """The resources that somebody wants to be told of."""
        return {uri for one in self._everybody for uri in one.uris}

    async def listen(self, ctx: Context, params: types.SubscriptionsListenRequestParams) -> NoReturn:
        """`subscriptions/listen` of 2026-07-28; lasts as long as the client listens.

        Raises `MCPError` if too many do.
        """
        if len(self._listening) >= MOST:
            raise MCPError(types.INTERNAL_ERROR, "Too many subscriptions")
        one = Listening(params.notifications)
        self._listening.add(one)  # before it is acknowledged, so that what changes meanwhile is not lost
        try:
            await one.serve(ctx)
        finally:
            self._listening.discard(one)

    async def meet(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Middleware: know the clients of the handshake era, who are told of lists without asking.

        Each is told in the task of its `initialized`, which ends when it goes: none waits for another.
        """
        result = await call_next(ctx)
        if ctx.method == "notifications/initialized" and ctx.session._connection.has_standalone_channel:
            await self._of(ctx).serve(ctx.session._connection)
        return result

    async def subscribe(self, ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """`resources/subscribe` of the handshake era."""
        self._of(ctx).uris.add(str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(self, ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        """`resources/unsubscribe` of the handshake era."""
        self._of(ctx).uris.discard(str(params.uri))
        return types.EmptyResult()

    def updated(self, uri: str) -> None:
        """Have everybody who asked told that a resource has changed."""
        self._tell(ResourceUpdated(uri=uri))

    def list_changed(self) -> None:
        """Have everybody told that there are other resources than before."""
        self._tell(ResourcesListChanged())

    def _tell(self, event: ServerEvent) -> None:
        for one in self._everybody:
            one.tell(event)

    @property
    def _everybody(self) -> Collection[Listening | Subscribed]:
        return (*self._listening, *self._legacy.values())

    def _of(self, ctx: Context) -> Subscribed:
        return self._legacy.setdefault(ctx.session._connection, Subscribed())


class Pipe:
    """The one client of a server over stdio, in the handshake era, which may know these capabilities."""

    def __init__(self, server: BridgeServer, experimental: Iterable[str]) -> None:
        self._server = server
        self._connection: Connection | None = None
        server.experimental = {name: {} for name in experimental}
        server.middleware.append(self._meet)

    @property
    def client(self) -> str | None:
        """What it calls itself; None before it is there."""
        params = self._connection.client_params if self._connection else None
        return params.client_info.name if params else None

    async def push(self, method: str, params: dict[str, Any]) -> None:
        """Send it a notification that the protocol does not know, best effort."""
        if self._connection:
            await self._connection.notify(method, params)

    def hear(self, method: str, kind: type[Message], heard: Callable[[Message], Awaitable[None]]) -> None:
        """Have `heard` called with every notification of this method."""

        async def handle(_: Context, params: Message) -> None:
            await heard(params)

        self._server.add_notification_handler(method, kind, handle)

    async def _meet(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method == "notifications/initialized":
            self._connection = ctx.session._connection
        return await call_next(ctx)


def on_first_contact(server: Server[Any], met: Callable[[str | None], None]) -> None:
    """Have `met` called with the client's name, if it gave one, on every request.

    `initialize` brings the name, so there it comes after; anything else may need what `met` sets going.
    """

    async def note(ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method != "initialize":
            met(_client_name(ctx))
            return await call_next(ctx)
        result = await call_next(ctx)
        met(_client_name(ctx))
        return result

    server.middleware.append(note)


def on_each_request(
    server: Server[Any], around: Callable[[Hashable | None, str | None], AbstractContextManager[None]]
) -> None:
    """Have requests answered in `around`, given the connection, if it lasts, and the client's name."""

    async def answer(ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method == "initialize":  # what it says of the client is yet to be checked
            return await call_next(ctx)
        connection = ctx.session._connection
        era_lasts = not is_version_at_least(connection.protocol_version, "2026-07-28")
        lasts = era_lasts and connection.has_standalone_channel
        with around(connection if lasts else None, _client_name(ctx)):
            return await call_next(ctx)

    server.middleware.append(answer)


def traced(server: Server[Any], tools: Container[object]) -> None:
    """Have requests go on with the trace in their `_meta` (SEP-414), and calls of these tools be parts of it.

    In place of the SDK's middleware, which notes names and errors as clients and platforms wrote them.
    """

    async def answer(ctx: Context, call_next: CallNext) -> HandlerResult:
        name = (ctx.params or {}).get("name")
        with tracing.within(ctx.meta):
            if ctx.method != "tools/call" or name not in tools:
                return await call_next(ctx)
            about = {"mcp.method.name": ctx.method, "gen_ai.tool.name": str(name)}
            with tracing.part(f"tools/call {name}", "server", **about) as part:
                result = await call_next(ctx)
                if getattr(result, "is_error", False):
                    part.failed()
                return result

    others = [one for one in server.middleware if not isinstance(one, OpenTelemetryMiddleware)]
    server.middleware[:] = [answer, *others]


def open_sessions(manager: StreamableHTTPSessionManager) -> int:
    """How many sessions of the handshake era are open."""
    return len(manager._server_instances)


def _client_name(ctx: Context) -> str | None:
    if params := ctx.session.client_params:
        return params.client_info.name
    # The SDK notes them only once the answer to `initialize` has passed us; they are checked by then.
    info = (ctx.params or {}).get("clientInfo") if ctx.method == "initialize" else None
    return str(info["name"]) if info else None


async def make_room(sessions: StreamableHTTPSessionManager, most: int) -> bool:
    """Whether another session may be opened; of so many the one idle for longest ends, if one is idle.

    Hosts leave sessions behind: few say so when they end.
    """
    there = sessions._server_instances
    if len(there) < most:
        return True
    ends = {id: one.idle_scope.deadline for id, one in there.items() if one.idle_scope}
    idle = [id for id, end in ends.items() if end < math.inf]
    if idle:
        oldest = min(idle, key=lambda id: ends[id])
        await sessions._discard_session(oldest, there[oldest])
    return bool(idle)


def opens_a_session(headers: Mapping[str, str]) -> bool:
    """Whether a request over HTTP asks for a session of the handshake era, or for something impossible."""
    revision = headers.get("mcp-protocol-version")
    return "mcp-session-id" not in headers and revision in (None, *HANDSHAKE_PROTOCOL_VERSIONS)


async def serve(
    server: Server[Any],
    read: ReadStream[SessionMessage | Exception],
    write: WriteStream[SessionMessage],
    *,
    handshake_only: bool = False,
) -> None:
    """Serve one client over a pair of streams until it goes, in the era it opens with.

    `handshake_only`: as if there were no 2026-07-28; a client that opens with that falls back.
    """
    loop = serve_loop if handshake_only else serve_dual_era_loop
    await loop(server, read, write, lifespan_state=None)


def progress(ctx: Context) -> Callable[[float, float, str], Awaitable[None]]:
    """A way to report progress on a request; it does nothing if the client did not ask for any."""
    return lambda done, total, word: ctx.session.report_progress(done, total, word)
