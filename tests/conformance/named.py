"""What the conformance suite calls by name, and how that is put beside what a server has of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import RequestParams, Result

from thenvoi_bridge.bridge.sdk import Context

Handler = Callable[[Context, Any], Awaitable[Any]]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
"""A picture of one pixel, in PNG."""


@dataclass(frozen=True)
class Named:
    """A tool, as it is listed and as it is run."""

    tool: types.Tool
    run: Handler


def text(words: str) -> types.TextContent:
    """A block of text."""
    return types.TextContent(type="text", text=words)


def image() -> types.ImageContent:
    """A block with a picture."""
    return types.ImageContent(type="image", data=PIXEL, mime_type="image/png")


def embedded(uri: str, mime: str, words: str) -> types.EmbeddedResource:
    """A block with a resource in it."""
    resource = types.TextResourceContents(uri=uri, mime_type=mime, text=words)
    return types.EmbeddedResource(type="resource", resource=resource)


def done(*blocks: types.ContentBlock) -> types.CallToolResult:
    """The result of a tool."""
    return types.CallToolResult(content=list(blocks))


def list_also(server: Server[Any], method: str, empty: Result, key: str, more: Sequence[Any]) -> None:
    """Have a list of the server's name these as well; it may have no such list yet."""
    own = server.get_request_handler(method)

    async def both(ctx: Context, params: types.PaginatedRequestParams) -> Any:
        said: Any = await own.handler(ctx, params) if own else empty
        return said.model_copy(update={key: [*getattr(said, key), *more]})

    server.add_request_handler(method, types.PaginatedRequestParams, both)


def answer_also(
    server: Server[Any], method: str, params_type: type[RequestParams], find: Callable[[Any], Handler | None]
) -> None:
    """Have `find` answer what it knows of, by the parameters of a request, and the server the rest."""
    own = server.get_request_handler(method)

    async def either(ctx: Context, params: Any) -> Any:
        if handler := find(params):
            return await handler(ctx, params)
        if own is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such thing")
        return await own.handler(ctx, params)

    server.add_request_handler(method, params_type, either)


def by_name(handlers: Mapping[str, Handler]) -> Callable[[Any], Handler | None]:
    """Finds by the name in the parameters."""
    return lambda params: handlers.get(params.name)
