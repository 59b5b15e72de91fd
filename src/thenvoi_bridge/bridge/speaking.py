"""The two tools that say something in a room for an agent: an answer, and a message of one's own.

Whatever is said is recorded first and then sent once, however often the call is repeated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
from pydantic import BaseModel, Field

from thenvoi_bridge.bridge import mail, schema, sending, wording
from thenvoi_bridge.bridge.addressing import mentioned, resolved
from thenvoi_bridge.bridge.composites import Arguments, composite
from thenvoi_bridge.bridge.people import NotFoundByName
from thenvoi_bridge.bridge.sending import Said as Spoken
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import CALL_TOOLS, Beat, Said, Tool
from thenvoi_bridge.contract.call import Id, Text
from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.outgoing import Order


class Reply(Arguments):
    """Answer messages of one room there, mentioning their senders, and mark them processed."""

    message_ids: list[Id] = Field(min_length=1)
    content: Text
    mentions: list[str] | None = Field(None, min_length=1)
    confirm_loop: bool = False


class _Meant(BaseModel):
    confirm_loop: bool = False


async def reply(session: Session, call: Reply, _: Beat) -> Said:
    """Send one answer and mark the messages processed. The same call again gives the same answer."""
    seat = await session.seat()
    digest = _digest(call)
    if before := await seat.sender.before(digest):
        return _spoken(before)
    items = await seat.inbox.outbox.of_one_room(call.message_ids)
    order = Order(await _answer(session, call, items), digest, seat.inbox.wall(), call.confirm_loop)
    # From here the answer goes out whether or not the host still waits for us.
    with anyio.CancelScope(shield=True):
        spoken = await seat.sender.answer(call.message_ids, order)
        await seat.settler.settle_in_a_moment()
    return _spoken(spoken)


async def send_message(session: Session, arguments: dict[str, Any], _: Beat) -> Said:
    """Send a message that answers none. The same text again, a moment later, is the same message."""
    meant = _Meant.model_validate(arguments).confirm_loop
    arguments = {name: value for name, value in arguments.items() if name not in _Meant.model_fields}
    call = SendMessage.model_validate(await resolved(session, SendMessage, arguments))
    seat = await session.seat()
    people = sorted(mention.id for mention in call.mentions)
    order = Order(call, sending.digest_of(call.chat_id, call.content, *people), seat.inbox.wall(), meant)
    with anyio.CancelScope(shield=True):
        spoken = await seat.sender.say(order)
    return _spoken(spoken)


async def _answer(session: Session, call: Reply, items: list[Item]) -> SendMessage:
    chat_id = items[0].chat_id
    to = call.mentions or list(dict.fromkeys(item.message.sender_id for item in items))
    try:
        people = await mentioned(session, "agent", chat_id, to)
    except NotFoundByName as nobody:
        if call.mentions:
            raise
        raise NotFound(f"{nobody.written} has left the room", code="sender_left") from nobody
    return SendMessage(
        chat_id=chat_id, content=call.content, mentions=[Mention.model_validate(p) for p in people]
    )


def _digest(call: Reply) -> str:
    """The same for the same answer to the same messages, however their order."""
    same = call.model_copy(update={"message_ids": sorted(call.message_ids)})
    return sending.digest_of("reply", same.model_dump_json())


def _spoken(spoken: Spoken) -> Said:
    said: dict[str, Any] = mail.plain(spoken.answer) if spoken.answer else {"pending": wording.PENDING}
    said |= {"already_sent": True} if spoken.again and spoken.answer else {}
    return Said(mail.as_text(said), said)


def _send_tool() -> Tool:
    """The tool of the call, with its message recorded before it is sent."""
    tool = CALL_TOOLS["send_message"]

    def shape() -> schema.Schema:
        meant = schema.of(_Meant)
        return {**tool.schema, "properties": {**tool.schema["properties"], **meant["properties"]}}

    return replace(tool, run=send_message, shape=shape)


SPEAKING_TOOLS = {
    tool.name: tool
    for tool in (
        composite("reply", Reply, reply, idempotent=True),
        _send_tool(),
    )
}
"""The tools of this module, by name."""
