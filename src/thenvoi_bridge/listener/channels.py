"""Which topics are wanted, and when each is to be joined on the present connection; no I/O and no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable

from thenvoi_bridge.contract.feed import Topic
from thenvoi_bridge.listener.pace import Backoff, Pace

_JOINS = 32  # unanswered at a time; the platform takes frames in order, so heartbeats wait behind joins


class Channels:
    """The wanted topics, each of them due, asked for, or joined. Times are seconds on any one clock."""

    def __init__(self, first: Iterable[Topic], pace: Pace) -> None:
        self._pace = pace
        self._wanted = {topic: Backoff(pace) for topic in first}
        self._due: dict[Topic, float] = {}
        self._asked: set[Topic] = set()

    def want(self, topic: Topic) -> bool:
        """Join the topic as soon as may be; False if it is wanted already."""
        if topic in self._wanted:
            return False
        self._wanted[topic] = Backoff(self._pace)
        self._due[topic] = -math.inf
        return True

    def drop(self, topic: Topic) -> bool:
        """Want the topic no more; False if it was not wanted."""
        self._due.pop(topic, None)
        self._asked.discard(topic)
        return self._wanted.pop(topic, None) is not None

    def named_in(self, text: str) -> list[Topic]:
        """The wanted topics whose name occurs in a text."""
        return [topic for topic in self._wanted if str(topic) in text]

    def start(self) -> None:
        """A new connection: everything wanted is due, in the order in which it was first wanted."""
        self._due = dict.fromkeys(self._wanted, -math.inf)
        self._asked.clear()

    def take_due(self, now: float) -> list[Topic]:
        """The topics to ask for now; each then ends in `joined`, `failed` or `drop`."""
        room = _JOINS - len(self._asked)
        taken = [topic for topic, at in self._due.items() if at <= now][:room] if room else []
        for topic in taken:
            del self._due[topic]
        self._asked.update(taken)
        return taken

    def due_at(self) -> float:
        """When `take_due` will give something, unless one that was asked for ends before."""
        return min(self._due.values(), default=math.inf) if len(self._asked) < _JOINS else math.inf

    def joined(self, topic: Topic, now: float) -> None:
        """The platform accepted the join."""
        self._asked.discard(topic)
        self._wanted[topic].up(now)

    def failed(self, topic: Topic, now: float) -> None:
        """The join failed or the channel ended: it is due again after a pause."""
        self._asked.discard(topic)
        self._due[topic] = now + self._wanted[topic].down(now)
