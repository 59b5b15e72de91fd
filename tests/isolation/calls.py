"""What a principal does all day: everything that shows something, a little that changes something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.isolation.caller import Answer, Caller
from tests.isolation.town import Principal
from tests.world import say

Deed = Callable[[Caller, Principal], Awaitable[Answer]]


def tool(name: str, *given: str) -> Deed:
    """Call a tool, with the room where it takes one."""

    async def do(caller: Caller, me: Principal) -> Answer:
        return await caller.tool(name, **dict.fromkeys(given, me.room.id))

    return do


def read(path: str) -> Deed:
    """Read a resource."""

    async def do(caller: Caller, me: Principal) -> Answer:
        uri = "thenvoi://" + path.format(room=me.room.id, message=me.message.id)
        return await caller.call("resources/read", {"uri": uri})

    return do


def ask(method: str) -> Deed:
    """Ask for a list."""
    return lambda caller, _: caller.call(method)


def prompt(name: str) -> Deed:
    """Get a prompt, about the room where it takes one."""

    async def do(caller: Caller, me: Principal) -> Answer:
        about = {"chat_id": me.room.id} if name == "catch_up" else {}
        return await caller.call("prompts/get", {"name": name, "arguments": about})

    return do


async def complete(caller: Caller, _: Principal) -> Answer:
    """Have an argument completed, from nothing."""
    params = {"ref": {"type": "ref/prompt", "name": "catch_up"}, "argument": {"name": "chat_id", "value": ""}}
    return await caller.call("completion/complete", params)


async def wait(caller: Caller, _: Principal) -> Answer:
    """Take what there is."""
    return await caller.tool("inbox_wait", timeout_s=0)


async def told(caller: Caller, me: Principal) -> Answer:
    """Be written to, and look."""
    await say(me.owner, me.room, me.agent, f"{me.canary} again")
    return await caller.tool("inbox_read")


async def write(caller: Caller, me: Principal) -> Answer:
    """Say something."""
    said = {"chat_id": me.room.id, "content": f"said {me.canary}", "mentions": [me.owner.id]}
    return await caller.tool("send_message", **said)


EVERYBODY = [
    read("status"),
    read("rooms/{room}"),
    read("rooms/{room}/messages"),
    read("rooms/{room}/messages/{message}"),
    read("rooms/{room}/participants"),
    ask("resources/list"),
    ask("tools/list"),
]
AGENTS = [
    *EVERYBODY,
    *(tool(name) for name in ("inbox_read", "list_chats", "list_peers", "list_contacts", "get_me")),
    *(tool(name, "chat_id") for name in ("catch_up", "list_participants", "get_context", "list_messages")),
    read("inbox"),
    prompt("check_inbox"),
    prompt("catch_up"),
    complete,
    wait,
    told,
    write,
]
PEOPLE = [
    *EVERYBODY,
    *(tool(name) for name in ("list_my_chats", "list_my_agents", "list_my_contacts", "get_my_profile")),
    *(tool(name, "chat_id") for name in ("list_my_messages", "list_my_participants")),
]


def deeds(me: Principal) -> list[Deed]:
    """What it can do."""
    return AGENTS if me.side == "agent" else PEOPLE
