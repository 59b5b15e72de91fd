"""The one file that touches what the MCP SDK keeps private or calls provisional; a test guards each touch.

It also hides that there are two worlds of notifications: clients of the handshake era subscribe and are told
on their connection, clients of 2026-07-28 listen and are told through a bus.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage

Context = ServerRequestContext[Any, Any]


class Subscribers:
    """Who wants to be told of which resource, in both eras."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self.listen = ListenHandler(self._bus)
        # By connection: it is the only thing that stays the same over one client's requests.
        self._legacy: weakref.WeakKeyDictionary[Connection, set[str]] = weakref.WeakKeyDictionary()

    async def subscribe(self, ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """`resources/subscribe` of the handshake era."""
        self._legacy.setdefault(ctx.session._connection, set()).add(str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(self, ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        """`resources/unsubscribe` of the handshake era."""
        self._legacy.get(ctx.session._connection, set()).discard(str(params.uri))
        return types.EmptyResult()

    async def updated(self, uri: str) -> None:
        """Tell everybody who asked that a resource has changed. Never raises for a client that is gone."""
        await self._bus.publish(ResourceUpdated(uri=uri))
        for connection, uris in list(self._legacy.items()):
            if uri in uris:
                await connection.send_resource_updated(uri)


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


def _client_name(ctx: Context) -> str | None:
    if params := ctx.session.client_params:
        return params.client_info.name
    # The SDK notes them only once the answer to `initialize` has passed us; they are checked by then.
    info = (ctx.params or {}).get("clientInfo") if ctx.method == "initialize" else None
    return str(info["name"]) if info else None


async def serve(
    server: Server[Any], read: ReadStream[SessionMessage | Exception], write: WriteStream[SessionMessage]
) -> None:
    """Serve one client over a pair of streams, in the era it opens with, until it goes."""
    await serve_dual_era_loop(server, read, write, lifespan_state=None)


def progress(ctx: Context) -> Callable[[float, float, str], Awaitable[None]]:
    """A way to report progress on a request; it does nothing if the client did not ask for any."""
    return lambda done, total, word: ctx.session.report_progress(done, total, word)
