"""The server's half of Phoenix Channels: which topics one socket has joined, and what it must be told.

No I/O and no access rules: feed it text with `receive`, decide about each `JoinAsked`, send what `outgoing`
returns, in that order. Behaviour is Phoenix's own unless a comment says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from types import MappingProxyType
from typing import Any

from thenvoi_bridge.phoenix.frames import V2, Broadcast, Codec, Frame


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """The client asks to join `topic`: hand this very object to `accept` or `refuse`.

    A client that sends no refs gets none back; Phoenix does the same.
    """

    topic: str
    params: dict[str, Any]
    ref: str | None
    join_ref: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """An accepted channel has ended by the client's doing: stop pushing to `topic`."""

    topic: str


Event = JoinAsked | Left


class ServerProtocol:
    """One socket's channels: at most one instance per topic, either asked for or joined.

    `codec` is the version of Phoenix that the client speaks; nothing else here depends on it.
    """

    def __init__(self, codec: Codec = V2) -> None:
        self._codec = codec
        self._asked: dict[str, JoinAsked] = {}
        self._joined: dict[str, str | None] = {}
        self._replaced: dict[str, Frame] = {}  # phx_close of an old instance, owed after the new join's reply
        self._out: list[str] = []

    @property
    def joined(self) -> Mapping[str, str | None]:
        """A live, read-only view of the accepted channels: topic to the client's join_ref."""
        return MappingProxyType(self._joined)

    def receive(self, text: str) -> list[Event]:
        """Take one frame from the client; everything it is owed at once is put in `outgoing`.

        ProtocolError means the frame was unreadable and nothing has changed; Phoenix closes with 1011.
        """
        frame = self._codec.decode(text)
        match frame:
            case Frame(topic="phoenix", event="heartbeat"):
                self._reply(frame._replace(join_ref=None), "ok", {})
            case Frame(event="phx_join"):
                return self._join(frame)
            case _ if self._is_stale(frame):
                pass
            case Frame(event="phx_leave"):
                return self._leave(frame)
            case _:
                self._reply(frame, "error", {"reason": self._refusal(frame.topic)})
        return []

    def accept(self, asked: JoinAsked, response: dict[str, Any] | None = None) -> bool:
        """Open the channel and reply ok; from here on `push` reaches it.

        False, and nothing is sent, if the client has meanwhile left the topic or asked to join it anew.
        """
        if not self._answer(asked, "ok", response or {}):
            return False
        self._joined[intern(asked.topic)] = asked.join_ref  # the same text for all, so that none is compared
        return True

    def refuse(self, asked: JoinAsked, reason: str) -> None:
        """Reply error to the join; no channel is kept. Nothing is sent if the client asked anew or left."""
        self._answer(asked, "error", {"reason": reason})

    def push(self, broadcast: Broadcast) -> None:
        """Send an event to its topic's channel under that channel's join_ref; nothing if it is not joined."""
        text = self.framed(broadcast)
        if text is not None:
            self._out.append(text)

    def framed(self, broadcast: Broadcast) -> str | None:
        """What `push` would put in `outgoing`, None for nothing: for who has sent all of that already."""
        if broadcast.topic not in self._joined:
            return None
        return self._codec.framed(broadcast, self._joined[broadcast.topic])

    def close(self, topic: str) -> None:
        """End the channel because it is over (phx_close); nothing if it is not joined."""
        if topic in self._joined:
            self._send(self._ended(topic, "phx_close"))

    def fail(self, topic: str) -> None:
        """End the channel because of a fault, so that the client joins again (phx_error)."""
        if topic in self._joined:
            self._send(self._ended(topic, "phx_error"))

    def outgoing(self) -> list[str]:
        """The frames to send now, in this order; each is returned once."""
        out, self._out = self._out, []
        return out

    def _join(self, frame: Frame) -> list[Event]:
        topic = frame.topic
        self._overtake(topic, "joined again")
        left: list[Event] = []
        if topic in self._joined:
            self._replaced[topic] = self._ended(topic, "phx_close")
            left.append(Left(topic))
        self._asked[topic] = JoinAsked(topic, frame.payload, frame.ref, frame.join_ref)
        return [*left, self._asked[topic]]

    def _leave(self, frame: Frame) -> list[Event]:
        self._overtake(frame.topic, "left")
        self._reply(frame, "ok", {})
        if frame.topic not in self._joined:
            return []
        self.close(frame.topic)
        return [Left(frame.topic)]

    def _overtake(self, topic: str, reason: str) -> None:
        # Phoenix reads nothing while a join is being decided. Our owner may, and a join accepted after the
        # client has moved on would be a channel that nobody leaves: so it gets its answer here and now.
        if topic in self._asked:
            self.refuse(self._asked[topic], reason)

    def _answer(self, asked: JoinAsked, status: str, response: dict[str, Any]) -> bool:
        if self._asked.get(asked.topic) is not asked:
            return False
        del self._asked[asked.topic]
        self._reply(asked, status, response)
        if asked.topic in self._replaced:
            self._send(self._replaced.pop(asked.topic))
        return True

    def _is_stale(self, frame: Frame) -> bool:
        asked = self._asked.get(frame.topic)
        current = asked.join_ref if asked else self._joined.get(frame.topic)
        return None not in (current, frame.join_ref) and current != frame.join_ref

    def _refusal(self, topic: str) -> str:
        # Thenvoi's channels take no pushes. A Phoenix channel would crash on one; refusing it keeps the
        # channel, and a reason of its own tells the client that its topic was right.
        return "not supported" if topic in self._joined or topic in self._asked else "unmatched topic"

    def _ended(self, topic: str, event: str) -> Frame:
        join_ref = self._joined.pop(topic)
        return Frame(join_ref, join_ref, topic, event, {})

    def _reply(self, to: Frame | JoinAsked, status: str, response: dict[str, Any]) -> None:
        # Phoenix leaves join_ref null for an unmatched topic, and the Python clients then wait in vain.
        payload = {"status": status, "response": response}
        self._send(Frame(to.join_ref, to.ref, to.topic, "phx_reply", payload))

    def _send(self, frame: Frame) -> None:
        self._out.append(self._codec.encode(frame))
