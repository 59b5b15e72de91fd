"""Which tools a host is given."""

from __future__ import annotations

from collections.abc import Collection

from thenvoi_bridge.bridge.composites import INBOX_TOOLS
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.tools import CALL_TOOLS, Tool

AGENT = (
    "inbox_wait",
    "inbox_read",
    "inbox_ack",
    "reply",
    "send_message",
    "send_event",
    "list_chats",
    "create_chat",
    "get_context",
    "list_participants",
    "add_participant",
    "list_peers",
)
"""What an agent needs for a conversation; small, because a model pays for every word of it."""


def default(sides: Collection[Side]) -> list[Tool]:
    """The tools for an agent's key, a person's key, or both, in a stable order."""
    tools: list[Tool] = []
    if "agent" in sides:
        every = {**INBOX_TOOLS, **CALL_TOOLS}
        tools += [every[name] for name in AGENT]
    if "human" in sides:
        tools += [tool for tool in CALL_TOOLS.values() if tool.side == "human"]
    return tools
