"""The client's half of Phoenix Channels: which topics are joined, and whether the link is alive.

No I/O, no clock and no retries: feed it text with `receive` and time with `tick`, send what `outgoing`
returns. Times are seconds on any clock that does not go backwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Any

from thenvoi_bridge.phoenix.frames import Frame, ProtocolError

EARLY_LIMIT = 1000
"""Events kept per topic while its join is unanswered."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The server accepted the join; events that arrived before its reply follow at once."""

    topic: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused the join, for good or for now: `reason` tells ("unauthorized", "join crashed")."""

    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """An event on a joined topic; unknown ones are passed on too."""

    topic: str
    event: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dropped:
    """The channel is gone: join again to hear more, and expect to have missed events.

    `why` is "phx_close" (the server ended it), "phx_error" (it crashed), or "flooded": we left because
    more than EARLY_LIMIT events came before the join's reply, and losing some unsaid would be worse.
    """

    topic: str
    why: str


@dataclass(frozen=True, slots=True)
class JoinTimedOut:
    """The join had no answer in time; the topic has been left."""

    topic: str


@dataclass(frozen=True, slots=True)
class Dead:
    """A heartbeat had no answer in time: close the socket. Reported once."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A frame could not be read and was skipped; `text` is its beginning, at most 80 characters."""

    text: str


Event = Joined | Refused | Pushed | Dropped | JoinTimedOut | Dead | Malformed


@dataclass(slots=True)
class _Join:
    ref: str
    deadline: float
    early: list[Event] = field(default_factory=list)


class ClientProtocol:
    """One socket's channels and heartbeat, from its opening at `now`.

    A heartbeat is due every `heartbeat` seconds, the first one interval after opening; heartbeats and joins
    must be answered within `patience` seconds. The platform closes a socket silent for 45 s (vendor docs).
    """

    def __init__(self, now: float, heartbeat: float = 10.0, patience: float = 10.0) -> None:
        self._heartbeat = heartbeat
        self._patience = patience
        self._refs = map(str, count(1))  # one counter for every message, as the Python and JS clients have it
        self._pending: dict[str, _Join] = {}
        self._joined: dict[str, str] = {}
        self._beat_at = now
        self._unanswered: str | None = None  # ref of the one heartbeat in flight
        self._out: list[str] = []

    @property
    def joined(self) -> Mapping[str, str]:
        """A live, read-only view of the accepted joins: topic to join_ref."""
        return MappingProxyType(self._joined)

    @property
    def deadline(self) -> float:
        """The time at which `tick` must be called next; `receive`, `join` and `leave` may change it."""
        return min([self._pulse_due(), *(join.deadline for join in self._pending.values())])

    def join(self, topic: str, now: float) -> None:
        """Ask for the topic; ends in Joined, Refused or JoinTimedOut unless left before.

        Joining a topic again opens a new instance; the server closes the old one, and nothing is heard of it.
        """
        self._forget(topic)
        ref = next(self._refs)
        self._pending[topic] = _Join(ref, now + self._patience)
        self._send(Frame(ref, ref, topic, "phx_join", {}))

    def leave(self, topic: str) -> None:
        """Want nothing more from the topic, joined or asked for; no event follows."""
        join_ref = self._forget(topic)
        if join_ref is not None:
            self._send(Frame(join_ref, next(self._refs), topic, "phx_leave", {}))

    def receive(self, text: str) -> list[Event]:
        """Take one frame from the server. Never raises: what cannot be read is Malformed."""
        try:
            frame = Frame.decode(text)
        except ProtocolError as exc:
            return [Malformed(exc.excerpt)]
        if frame.topic == "phoenix":
            self._heard_pulse(frame)
        elif self._is_ours(frame):
            return self._on_channel(frame)
        return []

    def tick(self, now: float) -> list[Event]:
        """Let time pass: give up what waited too long, send the heartbeat when it is due."""
        return [*self._give_up_joins(now), *self._pulse(now)]

    def outgoing(self) -> list[str]:
        """The frames to send now, in this order; each is returned once."""
        out, self._out = self._out, []
        return out

    def _on_channel(self, frame: Frame) -> list[Event]:
        match frame.event:
            case "phx_reply":
                return self._replied(frame)
            case "phx_close" | "phx_error":
                self._forget(frame.topic)
                return [Dropped(frame.topic, frame.event)]
            case _:
                return self._pushed(Pushed(frame.topic, frame.event, frame.payload))

    def _replied(self, frame: Frame) -> list[Event]:
        join = self._pending.get(frame.topic)
        if join is None or frame.ref != join.ref:
            return []
        del self._pending[frame.topic]
        if frame.payload.get("status") != "ok":
            return [Refused(frame.topic, _reason(frame.payload))]
        self._joined[frame.topic] = join.ref
        return [Joined(frame.topic), *join.early]

    def _pushed(self, event: Pushed) -> list[Event]:
        join = self._pending.get(event.topic)
        if join is None:
            return [event]
        join.early.append(event)
        if len(join.early) <= EARLY_LIMIT:
            return []
        self.leave(event.topic)
        return [Dropped(event.topic, "flooded")]

    def _is_ours(self, frame: Frame) -> bool:
        # A channel's push carries our join_ref, a Phoenix fastlane broadcast null; any other belongs to an
        # instance we have left or replaced.
        current = self._instance(frame.topic)
        return current is not None and frame.join_ref in (None, current)

    def _instance(self, topic: str) -> str | None:
        join = self._pending.get(topic)
        return join.ref if join else self._joined.get(topic)

    def _forget(self, topic: str) -> str | None:
        join_ref = self._instance(topic)
        self._pending.pop(topic, None)
        self._joined.pop(topic, None)
        return join_ref

    def _give_up_joins(self, now: float) -> list[Event]:
        late = [topic for topic, join in self._pending.items() if join.deadline <= now]
        for topic in late:
            # The join may yet succeed over there. Frames are handled in order, so a leave sent now ends that
            # channel whenever it opens, and no late reply needs watching for; phoenix.js does the same.
            self.leave(topic)
        return [JoinTimedOut(topic) for topic in late]

    def _pulse_due(self) -> float:
        return self._beat_at + (self._heartbeat if self._unanswered is None else self._patience)

    def _pulse(self, now: float) -> list[Event]:
        if now < self._pulse_due():
            return []
        if self._unanswered is not None:
            self._beat_at = math.inf
            return [Dead()]
        self._unanswered, self._beat_at = next(self._refs), now
        self._send(Frame(None, self._unanswered, "phoenix", "heartbeat", {}))
        return []

    def _heard_pulse(self, frame: Frame) -> None:
        if frame.event == "phx_reply" and frame.ref == self._unanswered:
            self._unanswered = None

    def _send(self, frame: Frame) -> None:
        self._out.append(frame.encode())


def _reason(payload: dict[str, Any]) -> str:
    response = payload.get("response")
    reason = response.get("reason") if isinstance(response, dict) else None
    return reason if isinstance(reason, str) else "invalid topic"
