"""The log of what happened, per topic, and the bell that says a topic has grown.

Facts are logged in the transaction that caused them; the bell rings after the commit, carries nothing, and
may be missed. A reader keeps the last number it saw and reads on from there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import uuid4

from thenvoi_bridge.contract.feed import Payload, Topic, event_name
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Row, Tx, Value

LEFT = "left"
"""An event for the hub alone: the actor named in it hears nothing more of this topic."""

CLOSED = "closed"
"""An event for the hub alone: nobody hears anything more of this topic."""


class Bell:
    """Tells everybody in this process that topics have grown."""

    def __init__(self) -> None:
        self._ears: dict[object, Callable[[Iterable[str]], None]] = {}

    def ring(self, topics: Iterable[str]) -> None:
        """Say that these topics have grown. Call on the event loop, after the commit."""
        for heard in list(self._ears.values()):
            heard(topics)

    def listen(self, heard: Callable[[Iterable[str]], None]) -> Callable[[], None]:
        """Be told of every ring; returns the way to stop."""
        token = object()
        self._ears[token] = heard
        return lambda: void(self._ears.pop(token, None))


def void(_: object) -> None:
    """Nothing, from anything."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the log."""

    topic: str
    seq: int
    event: str
    payload: str


@dataclass
class Change:
    """A transaction, where and when it happens, and what subscribers are to be told about it.

    `if_attempt` is the attempt at a message that the caller takes for the last one, if it said so.
    """

    tx: Tx
    now: str
    site: Site
    if_attempt: int | None = None
    told: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def all(self, sql: LiteralString, *args: Value) -> list[Row]:
        """As `Tx.all`."""
        return self.tx.all(sql, *args)

    def one(self, sql: LiteralString, *args: Value) -> Row | None:
        """As `Tx.one`."""
        return self.tx.one(sql, *args)

    def run(self, sql: LiteralString, *args: Value) -> int:
        """As `Tx.run`."""
        return self.tx.run(sql, *args)

    def script(self, sql: str) -> None:
        """As `Tx.script`."""
        self.tx.script(sql)

    def new_id(self) -> str:
        """A new id, as the contract has them."""
        return str(uuid4())

    def tell(self, topic: Topic, payload: Payload) -> None:
        """Push an event to a topic once this change is committed. Members that are None are left out."""
        self.told.append((str(topic), event_name(payload), payload.model_dump_json(exclude_none=True)))

    def forget(self, topic: Topic, actor_id: str) -> None:
        """End an actor's subscription to a topic, exactly at this point of the topic's log."""
        self.told.append((str(topic), LEFT, json.dumps({"id": actor_id})))

    def close(self, topic: Topic) -> None:
        """End everybody's subscription to a topic, exactly at this point of the topic's log."""
        self.told.append((str(topic), CLOSED, "{}"))

    def log(self) -> list[str]:
        """Write down what was told, last of all, and return the topics that grew.

        Topics in sorted order, so that two writers cannot wait for each other. Taking a number locks the
        topic's row, so numbers commit in order and "everything after n" misses nothing.
        """
        for topic, event, payload in sorted(self.told, key=lambda told: told[0]):
            row = self.one(
                "INSERT INTO topics (topic, seq) VALUES (?, 1) "
                "ON CONFLICT (topic) DO UPDATE SET seq = topics.seq + 1 RETURNING seq",
                topic,
            )
            assert row is not None
            self.run(
                "INSERT INTO events (topic, seq, event, payload) VALUES (?, ?, ?, ?)",
                topic, row["seq"], event, payload,
            )  # fmt: skip
        return sorted({topic for topic, _, _ in self.told})


def head(tx: Tx, topic: str) -> int:
    """The number of a topic's last event, 0 if there is none."""
    row = tx.one("SELECT seq FROM topics WHERE topic = ?", topic)
    return int(row["seq"]) if row else 0


def since(tx: Tx, positions: dict[str, int], limit: int) -> list[Logged]:
    """What the log holds after each topic's position, in order within a topic, at most `limit` a topic."""
    sql: LiteralString = (
        "SELECT topic, seq, event, payload FROM events WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?"
    )
    rows = (row for topic, seq in positions.items() for row in tx.all(sql, topic, seq, limit))
    return [Logged(**row) for row in rows]


def decoded(logged: Logged) -> dict[str, Any]:
    """The payload of a line, as an object."""
    payload: dict[str, Any] = json.loads(logged.payload)
    return payload
