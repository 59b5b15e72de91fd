"""Asks people in a room whether Claude Code may use a tool, and tells it what they said.

Claude Code shows the same question in its terminal; the first answer counts, and nobody is told when it was
given there. So a question is only ever answered by those it was put to, and forgotten after a while.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.addressing import others_in
from thenvoi_bridge.bridge.channel import CHANNEL, Pipe
from thenvoi_bridge.bridge.people import is_one_of
from thenvoi_bridge.bridge.rooms import Person
from thenvoi_bridge.bridge.sending import digest_of
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.errors import InboxError
from thenvoi_bridge.inbox.outgoing import Order

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

PERMISSION = f"{CHANNEL}/permission"
"""The experimental capability, and beneath `notifications/` the answer; the question ends in `_request`."""

FORGOTTEN = 3600.0
"""Seconds after which a question is not answered any more."""

ROOMS = 20
"""Rooms in which somebody to ask is looked for."""

WAITING = 100
"""Questions that wait to be put; the oldest are left to the terminal."""

MOST = 200
"""Open messages among which an answer is looked for."""

_ANSWER = re.compile(r"(?:@\S+\s+)*(y|yes|n|no)\s+([a-km-z]{5})[.!]?", re.IGNORECASE)

logger = logging.getLogger(__name__)


class Question(BaseModel):
    """`notifications/claude/channel/permission_request`; `request_id` is five small letters, never an l."""

    request_id: str = Field(pattern="^[a-km-z]{5}$")
    tool_name: str
    description: str = ""
    input_preview: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """To whom a question was put, in which room, and when (seconds of a clock that nobody sets)."""

    chat_id: str
    people: frozenset[str]
    at: float


class Relay:
    """A rung of the ladder that takes the answers of `approvers` (ids or handles) out of the inbox."""

    def __init__(self, session: Session, pipe: Pipe, approvers: Collection[str]) -> None:
        self._session, self._pipe, self._approvers = session, pipe, approvers
        self._questions: deque[Question] = deque(maxlen=WAITING)
        self._asked: dict[str, Asked] = {}

    async def ask(self, question: Question) -> None:
        """Have a question put to people as soon as may be. The pipe it came on is not held up by that."""
        self._questions.append(question)
        self._session.ring()

    async def look(self) -> None:
        """Put what is to be asked, tell Claude Code what was answered, and end these messages."""
        while self._questions:
            await self._put_to_people(self._questions.popleft())
        await self._hear()

    async def _put_to_people(self, question: Question) -> None:
        """Put a question to the approvers of one room; if there is none, it stays with the terminal."""
        try:
            if (where := await self._where()) is None:
                logger.warning("nobody who may answer Claude Code's questions is in a room with this agent")
                return
            chat_id, people = where
            await self._put(question, chat_id, people)
        except (ThenvoiError, InboxError) as exc:
            logger.warning("a question of Claude Code was not put to anybody: %s", exc)

    async def _hear(self) -> None:
        now = time.monotonic()
        self._asked = {id: asked for id, asked in self._asked.items() if now - asked.at < FORGOTTEN}
        seat = self._session.seat_now
        if not self._asked or seat is None:
            return
        page = await seat.inbox.page(None, None, MOST)
        for item, id, behavior in self._answers(page.items):
            del self._asked[id]
            await self._end(seat, item)
            await self._pipe.push(f"notifications/{PERMISSION}", {"request_id": id, "behavior": behavior})

    def _answers(self, items: Collection[Item]) -> Iterator[tuple[Item, str, str]]:
        for item in items:
            said = _ANSWER.fullmatch(item.message.readable.strip())
            if said is None or item.message.sender_type != "User":
                continue
            id = said[2].lower()
            asked = self._asked.get(id)
            if asked and asked.chat_id == item.chat_id and item.message.sender_id in asked.people:
                yield item, id, "allow" if said[1].lower().startswith("y") else "deny"

    async def _end(self, seat: Seat, item: Item) -> None:
        with suppress(InboxError):  # another session holds it; it was an answer to ours all the same
            await seat.inbox.end([item.id], "processed", None, seat.inbox.now())
            seat.settler.wake()

    async def _where(self) -> tuple[str, list[Person]] | None:
        """A room with people who may answer: where something is open rather than anywhere else."""
        seat = await self._session.seat()
        page = await seat.inbox.page(None, None, MOST)
        rooms = dict.fromkeys([*(item.chat_id for item in reversed(page.items)), *sorted(seat.rooms.titles)])
        for chat_id in [*filter(self._session.allowed.room, rooms)][:ROOMS]:
            people = await others_in(self._session, "agent", chat_id)
            if found := [person for person in people if is_one_of(person, self._approvers)]:
                return chat_id, found
        return None

    async def _put(self, question: Question, chat_id: str, people: list[Person]) -> None:
        seat = await self._session.seat()
        text = wording.PERMISSION.format_map(question.model_dump())
        mentions = [Mention(id=person.id, handle=person.handle, name=person.name) for person in people]
        call = SendMessage(chat_id=chat_id, content=text, mentions=mentions)
        self._asked[question.request_id] = Asked(
            chat_id, frozenset(person.id for person in people), time.monotonic()
        )
        digest = digest_of("permission", self._session.name, question.request_id)
        await seat.sender.say(Order(call, digest, seat.inbox.wall(), confirmed=True))
