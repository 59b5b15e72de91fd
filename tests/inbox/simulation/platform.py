"""A model of the platform: one agent's rooms, its socket, and who has answered what. Requests are methods.

How deliveries change is the platform's own table (`platform.rules.delivery`); so is what `If-Attempt` fences.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from thenvoi_bridge.contract.errors import Unprocessable
from thenvoi_bridge.contract.messages import ChatMessage, MessageSent, SendMessage
from thenvoi_bridge.platform.rules.delivery import Delivery, Order, State, check_attempt

ME, PERSON = "agent", "person"


@dataclass(slots=True)
class Posted:
    """A message that mentions the agent: its place in the room, and how far the agent has come with it."""

    nth: int
    message: ChatMessage
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(slots=True)
class Socket:
    """The connection of one computer. `heard` is what it was pushed, `evicted` says why it is not open."""

    computer: object
    heard: deque[ChatMessage] = field(default_factory=deque)
    open: bool = True
    evicted: bool = False


class Platform:
    """`extended`: it honours Idempotency-Key and If-Attempt, as this project's own does."""

    def __init__(self, tally: Counter[str], *, extended: bool) -> None:
        self.extended = extended
        self.posted: dict[str, Posted] = {}
        self.answers: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._tally = tally
        self._rooms: defaultdict[str, list[str]] = defaultdict(list)
        self._texts: defaultdict[str, list[ChatMessage]] = defaultdict(list)
        self._open: defaultdict[str, list[int]] = defaultdict(list)
        self._keys: dict[str, tuple[str, MessageSent]] = {}
        self._said = 0
        self._socket = Socket(None, open=False)

    @property
    def rooms(self) -> dict[str, list[str]]:
        """What was posted, room by room."""
        return self._rooms

    @property
    def unprocessed(self) -> dict[str, list[str]]:
        """What is not processed, room by room, oldest first."""
        return {room: [self._rooms[room][nth] for nth in open] for room, open in self._open.items() if open}

    def connect(self, computer: object) -> Socket:
        """Take the agent's only seat. Whoever had it on another computer is told."""
        if self._socket.open:
            self._socket.open, self._socket.evicted = False, self._socket.computer is not computer
        self._socket = Socket(computer)
        return self._socket

    def disconnect(self, computer: object) -> None:
        """Note that whoever was connected from this computer is gone."""
        if self._socket.computer is computer:
            self._socket.open = False

    def post(self, room: str, *, pushed: bool) -> None:
        """A person mentions the agent."""
        id = f"m{len(self.posted)}"
        message = self._text(id, room, id, PERSON, ME)
        self.posted[id] = Posted(len(self._rooms[room]), message)
        self._open[room].append(len(self._rooms[room]))
        self._rooms[room].append(id)
        if pushed and self._socket.open:
            self._socket.heard.append(message)

    # Requests

    def listed(self, room: str, page: int, size: int) -> tuple[list[ChatMessage], int]:
        """A page of what is not processed, oldest first, and how many pages there are."""
        open, ids = self._open[room], self._rooms[room]
        shown = [self.posted[ids[nth]].message for nth in open[(page - 1) * size : page * size]]
        return shown, -(-len(open) // size)

    def mark(self, id: str, order: Order, if_attempt: int | None) -> int:
        """Do as ordered, and return the number of the last attempt. Raises `Conflict`, `Unprocessable`."""
        posted = self.posted[id]
        if self.extended:
            check_attempt(posted.delivery, order, if_attempt)
        before, posted.delivery = posted.delivery, posted.delivery.after(order, "")
        self._note(posted, before.state is State.PROCESSED, posted.delivery.state is State.PROCESSED)
        return len(posted.delivery.attempts)

    def say(self, body: str, key: str) -> MessageSent:
        """Add an answer to a room. Raises `Unprocessable` for another body under a key."""
        if self.extended and key in self._keys:
            return self._again(*self._keys[key], body)
        call = SendMessage.model_validate_json(body)
        self._said += 1
        id = f"a{self._said}"
        self._text(id, call.chat_id, call.content, ME, *(mention.id for mention in call.mentions))
        self.answers[call.chat_id] += [(message, id) for message in answered_in(call.content)]
        said = MessageSent(id=id, success=True, recipients=[])
        self._keys[key] = (body, said)
        return said

    def context(self, room: str) -> list[ChatMessage]:
        """What was said in a room, last first."""
        return self._texts[room][::-1]

    def _again(self, first: str, said: MessageSent, body: str) -> MessageSent:
        if first != body:
            self._tally["keys refused for another body"] += 1
            raise Unprocessable(code="idempotency_key_reused")
        self._tally["duplicates found by key"] += 1
        return said

    def _note(self, posted: Posted, before: bool, after: bool) -> None:
        open = self._open[posted.message.chat_room_id]
        if before and not after:
            self._tally["messages opened again"] += 1
            insort(open, posted.nth)
        elif after and not before:
            del open[bisect_left(open, posted.nth)]

    def _text(self, id: str, room: str, content: str, sender: str, *mentioned: str) -> ChatMessage:
        at = f"2026-03-01T10:00:00.{sum(map(len, self._texts.values())):06}Z"
        text = ChatMessage(
            id=id,
            chat_room_id=room,
            content=content,
            message_type="text",
            metadata={"mentions": [{"id": who} for who in mentioned]},
            sender_id=sender,
            sender_type="Agent" if sender == ME else "User",
            inserted_at=at,
            updated_at=at,
        )
        self._texts[room].append(text)
        return text


def answering(ids: list[str], words: str) -> str:
    """The text of an answer to these messages."""
    return f"{' '.join(ids)}: {words}"


def answered_in(text: str) -> list[str]:
    """The messages that a text answers."""
    return text.partition(":")[0].split()
