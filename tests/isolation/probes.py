"""What a principal must not get at: everything of another's, tried in every place where a name can stand.

A probe asks for what is another's, and its answer must be that for what there is not, word for word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from tests.isolation.caller import Answer, Caller
from tests.isolation.town import Principal


@dataclass(frozen=True)
class Names:
    """What somebody's things are called."""

    room: str
    message: str
    session: str
    cursor: str

    @classmethod
    def nobodys(cls) -> Names:
        """Those of nobody's."""
        return cls(str(uuid4()), str(uuid4()), uuid4().hex, f"{uuid4().hex[:16]}.1")


Probe = Callable[[Caller, Principal, Names], Awaitable[Answer]]


def tool(name: str, **given: str | list[str]) -> Probe:
    """Call a tool with names of another's."""

    async def try_(caller: Caller, me: Principal, of: Names) -> Answer:
        return await caller.tool(name, **{key: filled(value, me, of) for key, value in given.items()})

    return try_


def filled(value: str | list[str], me: Principal, of: Names) -> str | list[str]:
    """The names put in."""
    if isinstance(value, list):
        return [str(filled(one, me, of)) for one in value]
    mine = {"mine": me.room.id, "own": me.message.id, "me": me.who.id}
    return value.format(room=of.room, message=of.message, cursor=of.cursor, **mine)


def asking(method: str, **params: object) -> Probe:
    """Make a request with names of another's in its parameters."""
    text = json.dumps(params).replace("{", "{{").replace("}", "}}")
    text = re.sub(r"<(\w+)>", r"{\1}", text)
    return lambda caller, me, of: caller.call(method, json.loads(str(filled(text, me, of))))


def read(path: str) -> Probe:
    """Read a resource of another's."""
    return asking("resources/read", uri=f"thenvoi://{path}")


def prompt(name: str, argument: str, value: str) -> Probe:
    """Get a prompt about something of another's."""
    return asking("prompts/get", name=name, arguments={argument: value})


def complete(name: str, argument: str, value: str) -> Probe:
    """Have what is another's completed."""
    ref = {"type": "ref/prompt", "name": name}
    return asking("completion/complete", ref=ref, argument={"name": argument, "value": value})


def use(verb: str) -> Probe:
    """Use the session of another."""
    return lambda caller, _, of: caller.raw(verb, of.session)


EVERYBODY = {
    **{f"session {verb}": use(verb) for verb in ("POST", "GET", "DELETE")},
    "room": read("rooms/<room>"),
    "its messages": read("rooms/<room>/messages"),
    "its participants": read("rooms/<room>/participants"),
    "its message": read("rooms/<room>/messages/<message>"),
    "message in my room": read("rooms/<mine>/messages/<message>"),
    "page of the inbox": read("inbox?after=<cursor>"),
    "room of the inbox": read("inbox?chat_id=<room>"),
    "page of the list": asking("resources/list", cursor="<cursor>"),
}
SAY: dict[str, str | list[str]] = {"content": "let me in", "mentions": ["{me}"]}
AGENTS = {
    **EVERYBODY,
    "inbox_read after": tool("inbox_read", after="{cursor}"),
    "inbox_read room": tool("inbox_read", chat_id="{room}"),
    "inbox_ack": tool("inbox_ack", message_ids=["{message}"], outcome="failed", error="no"),
    "reply": tool("reply", message_ids=["{message}"], content="yes"),
    "reply to mine and theirs": tool("reply", message_ids=["{message}", "{own}"], content="yes"),
    "mark_processing": tool("mark_processing", chat_id="{room}", message_id="{message}"),
    "mark_processed": tool("mark_processed", chat_id="{mine}", message_id="{message}"),
    "mark_failed": tool("mark_failed", chat_id="{room}", message_id="{message}", error="no"),
    "prompt about a room": prompt("catch_up", "chat_id", "<room>"),
    "completed room": complete("catch_up", "chat_id", "<room>"),
    "prompt about a message": prompt("reply_to", "message_id", "<message>"),
    "completed message": complete("reply_to", "message_id", "<message>"),
    "send_message": tool("send_message", chat_id="{room}", **SAY),
    "send_event": tool("send_event", chat_id="{room}", content="let me in", message_type="thought"),
    "add_participant": tool("add_participant", chat_id="{room}", participant_id="{me}"),
    "remove_participant": tool("remove_participant", chat_id="{room}", participant_id="{me}"),
    **{
        name: tool(name, chat_id="{room}")
        for name in ("get_chat", "catch_up", "list_participants", "get_context", "list_messages")
    },
}
PEOPLE = {
    **EVERYBODY,
    "send_my_message": tool("send_my_message", chat_id="{room}", **SAY),
    "add_my_participant": tool("add_my_participant", chat_id="{room}", participant_id="{me}"),
    "remove_my_participant": tool("remove_my_participant", chat_id="{room}", participant_id="{me}"),
    **{
        name: tool(name, chat_id="{room}")
        for name in ("get_my_chat", "list_my_messages", "list_my_participants")
    },
}


def probes(me: Principal) -> dict[str, Probe]:
    """What it tries."""
    return AGENTS if me.side == "agent" else PEOPLE


def plain(answer: Answer, of: Names) -> str:
    """What an answer says, whatever the things are called that were asked for."""
    text = answer.text
    for name in (of.room, of.message, of.session, of.cursor):
        text = text.replace(name, "…")
    text = re.sub(r'"id":\d+', '"id":1', text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "mark", text)  # between which others' words stand
    text = re.sub(r"request_id\W+[0-9a-f]+", "request_id", text)
    return f"{answer.status} " + re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "then", text)
