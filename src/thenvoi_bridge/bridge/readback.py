"""Looks for a message of ours in its room, where only that can tell whether it was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import anyio

from thenvoi_bridge.bridge.rooms import PAGE
from thenvoi_bridge.contract.messages import ChatMessage, GetContext, Mention, MessageSent, Recipient
from thenvoi_bridge.inbox.outgoing import Outgoing, gist_of
from thenvoi_bridge.inbox.times import sent_at

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client
    from thenvoi_bridge.inbox.outbox import Outbox

TWICE = 5.0
"""Seconds between two looks: a room may show what is new to it with a delay."""

PAGES = 20
"""How far back to look, where nothing tells when the message was made by the platform's clock."""

DAY = 86_400.0


class Readback:
    """Reads what one agent said."""

    def __init__(self, me_id: str, client: Client, outbox: Outbox) -> None:
        self._me_id, self._client, self._outbox = me_id, client, outbox

    async def find(self, out: Outgoing) -> MessageSent | None:
        """The message as the platform has it, None if it is not there. Raises `ThenvoiError`."""
        if found := await self._look(out):
            return found
        await anyio.sleep(TWICE)
        return await self._look(out)

    async def _look(self, out: Outgoing) -> MessageSent | None:
        known = await self._known(out)
        async for message in self._latest(out):
            if message.id not in known and message.sender_id == self._me_id and is_same(message, out):
                return _as_sent(message)
        return None

    async def _known(self, out: Outgoing) -> set[str]:
        """The ids of messages of ours that are known to be others than this one."""
        answers = await self._outbox.known_answers(out.chat_id, out.made_at - DAY)
        return {MessageSent.model_validate_json(answer).id for answer in answers}

    async def _latest(self, out: Outgoing) -> AsyncGenerator[ChatMessage]:
        """What was said in the room since the message was made, last first."""
        page = pages = (await self._page(out, 1)).meta.total_pages
        while page > max(0, pages - PAGES):
            for message in reversed((await self._page(out, page)).data):
                if sent_at(message) <= out.since:
                    return
                yield message
            page -= 1

    async def _page(self, out: Outgoing, page: int) -> Any:
        return await self._client(GetContext(chat_id=out.chat_id, page=page, page_size=PAGE))


def is_same(message: ChatMessage, out: Outgoing) -> bool:
    """Whether a message says what was to be said, to the same people.

    How a mention stands in the text is the platform's business, so mentions are left out of the comparison.
    """
    mentions = [
        m for m in (message.metadata or {}).get("mentions") or [] if isinstance(m, dict) and m.get("id")
    ]
    call = out.call
    if message.message_type != "text" or {m["id"] for m in mentions} != {m.id for m in call.mentions}:
        return False
    people = [*call.mentions, *(Mention.model_validate(_mention(m)) for m in mentions)]
    return _bare(message.content, people) == _bare(call.content, people)


def _mention(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get(name) for name in Mention.model_fields}


def _bare(text: str, people: list[Mention]) -> str:
    for person in people:
        for name in (f"[[{person.id}]]", person.id, person.handle, person.name):
            text = text.replace(f"@{name}", " ") if name else text
    return gist_of(text)


def _as_sent(message: ChatMessage) -> MessageSent:
    people = [_mention(m) for m in (message.metadata or {}).get("mentions") or []]
    told = [Recipient(id=p["id"], handle=p["handle"] or "", name=p["name"]) for p in people]
    return MessageSent(id=message.id, success=True, recipients=told)
