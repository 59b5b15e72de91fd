"""Which tools a host is given: those of its keys, as chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from thenvoi_bridge.bridge.catching_up import CATCHING_UP
from thenvoi_bridge.bridge.composites import INBOX_TOOLS
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.schema import Schema
from thenvoi_bridge.bridge.speaking import SPEAKING_TOOLS
from thenvoi_bridge.bridge.tools import CALL_TOOLS, Tool
from thenvoi_bridge.bridge.waiting import WAITING_TOOLS

AGENT = (
    "inbox_wait",
    "inbox_read",
    "inbox_ack",
    "reply",
    "send_message",
    "send_event",
    "list_chats",
    "create_chat",
    "catch_up",
    "list_participants",
    "add_participant",
    "list_peers",
)
"""What an agent needs for a conversation; small, because a model pays for every word of it."""

PERSON = (
    "list_my_messages",
    "send_my_message",
    "list_my_chats",
    "create_my_chat",
    "list_my_participants",
    "add_my_participant",
    "list_my_peers",
    "list_my_agents",
    "register_my_agent",
    "list_my_contacts",
    "add_my_contact",
    "get_my_profile",
)
"""What a person needs to have agents, and to talk with them and with others."""

_KNOWN = {**WAITING_TOOLS, **INBOX_TOOLS, **CALL_TOOLS, **SPEAKING_TOOLS, **CATCHING_UP}

EVERY: Mapping[str, Tool] = {name: _KNOWN[name] for name in (*AGENT, *PERSON, *_KNOWN)}
"""Every tool there is, by name, in the order hosts see them."""

GROUPS = tuple(dict.fromkeys(tool.group for tool in _KNOWN.values()))
"""Every group of tools there is."""

DEFAULT, ALL = "default", "all"

TOOLSETS = (DEFAULT, ALL, *GROUPS)
"""What may be asked for as a whole: what is usual, everything, or a group."""


class NoSuchTool(ValueError):
    """A name in a choice means nothing, or needs a key that is not there. `choice` says where it stands."""

    def __init__(self, choice: str, why: str) -> None:
        super().__init__(why)
        self.choice = choice


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for: whole groups and single tools besides, less what is excluded or changes things.

    With `chat` there is one room only: no tool takes a room, and those that list or open rooms are left out.
    """

    toolsets: tuple[str, ...] = (DEFAULT,)
    tools: tuple[str, ...] = ()
    exclude_tools: tuple[str, ...] = ()
    read_only: bool = False
    chat: str | None = None

    def takes(self, tool: Tool) -> bool:
        """Whether a tool is wanted. The inbox is part of every choice: without it an agent is deaf."""
        if tool.name in self.exclude_tools or (self.read_only and tool.effect != "reads"):
            return False
        if self.chat and is_about_rooms(tool):
            return False
        usual = DEFAULT in self.toolsets and tool.name in (*AGENT, *PERSON)
        wanted = {ALL, tool.group} & {"inbox", *self.toolsets}
        return bool(usual or wanted or tool.name in self.tools)

    def for_sides(self, sides: Collection[Side]) -> Choice:
        """The same, less single tools that these keys cannot use."""
        return replace(self, tools=tuple(name for name in self.tools if is_for(EVERY[name], sides)))


USUAL = Choice()


def chosen(sides: Collection[Side], choice: Choice = USUAL) -> list[Tool]:
    """The tools of a choice for an agent's key, a person's key, or both, in a stable order.

    Raises `NoSuchTool`. Of a group, what needs another key is passed over.
    """
    check(sides, choice)
    tools = [tool for tool in EVERY.values() if is_for(tool, sides) and choice.takes(tool)]
    return [pinned(tool, choice.chat) for tool in tools] if choice.chat else tools


def is_about_rooms(tool: Tool) -> bool:
    """Whether it is of no use where there is one room only."""
    return tool.group == "chats" and not tool.has_room


def pinned(tool: Tool, chat_id: str) -> Tool:
    """The tool with its room filled in, if it takes one: a model is not asked for it."""
    return replace(tool, shape=partial(_without_room, tool), room=chat_id) if tool.has_room else tool


def _without_room(tool: Tool) -> Schema:
    properties = {name: field for name, field in tool.schema["properties"].items() if name != "chat_id"}
    required = [name for name in tool.schema.get("required", []) if name != "chat_id"]
    rest = {name: value for name, value in tool.schema.items() if name != "required"}
    return {**rest, "properties": properties} | ({"required": required} if required else {})


def absent(tools: Collection[Tool]) -> frozenset[str]:
    """The names of the tools a host was not given, which nothing said to it should name."""
    return frozenset(EVERY.keys() - {tool.name for tool in tools})


def check(sides: Collection[Side], choice: Choice) -> None:
    """Raise `NoSuchTool` for a name that means nothing, or a tool asked for that these keys cannot use."""
    _known("toolsets", choice.toolsets, TOOLSETS, f"group of tools; there are {', '.join(TOOLSETS)}")
    _known("tools", choice.tools, EVERY, "tool; docs/tools.md lists them")
    _known("exclude_tools", choice.exclude_tools, EVERY, "tool; docs/tools.md lists them")
    for name in choice.tools:
        if not is_for(EVERY[name], sides):
            key = "an agent's" if EVERY[name].side == "agent" else "a person's"
            raise NoSuchTool("tools", f"{name} needs {key} key, and there is none")
        if choice.chat and is_about_rooms(EVERY[name]):
            raise NoSuchTool("tools", f"{name} is of no use with THENVOI_CHAT, which pins one room")


def _known(where: str, names: Iterable[str], known: Collection[str], kinds: str) -> None:
    for nth, name in enumerate(names, 1):
        if name in known:
            continue
        from difflib import get_close_matches

        if like := get_close_matches(name, known, n=1):
            raise NoSuchTool(where, f"there is no {name}; did you mean {like[0]}?")
        # It is not shown: what is like nothing we know may be a key in the wrong place.
        raise NoSuchTool(where, f"number {nth} of its names is no {kinds}")


def is_for(tool: Tool, sides: Collection[Side]) -> bool:
    """Whether somebody with these keys can use a tool."""
    return tool.side in sides or (bool(sides) and tool.side in ("any", "open"))
