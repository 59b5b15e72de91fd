"""The inbox as an MCP App: a page that hosts of the extension show with what `inbox_read` says.

The page is one file, `inbox.html`, which speaks JSON-RPC with its host (MCP Apps, 2026-01-26). It calls the
tools the host was given and nothing else, loads nothing, and treats what others wrote as text.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from importlib import resources
from typing import Any

import mcp_types as types

from thenvoi_bridge.bridge import wording

EXTENSION = "io.modelcontextprotocol/ui"
"""What the extension is called among a host's and a server's capabilities."""

URI = "ui://thenvoi/inbox"
"""Where the page is."""

MIME_TYPE = "text/html;profile=mcp-app"

TOOL = "inbox_read"
"""The tool whose results the page shows."""

LINK: dict[str, Any] = {"ui": {"resourceUri": URI}}
"""What stands in that tool's `_meta`."""

DEEDS = ("reply", "inbox_ack")
"""The tools that a click calls, where the host was given them."""


def content(absent: Collection[str]) -> types.TextResourceContents:
    """The page for a host that was not given the tools in `absent`."""
    given = {"deeds": [tool for tool in DEEDS if tool not in absent], **wording.APP}
    text = _page().replace("{{given}}", json.dumps(given).replace("<", "\\u003c"))
    return types.TextResourceContents(
        uri=URI, mime_type=MIME_TYPE, text=text, _meta={"ui": {"csp": {}, "prefersBorder": True}}
    )


@cache
def _page() -> str:
    return resources.files(__package__).joinpath("inbox.html").read_text("utf-8")
