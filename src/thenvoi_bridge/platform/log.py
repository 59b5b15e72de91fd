"""The log of what happened, per topic, and the bell that says a topic has grown.

Facts are logged in the transaction that caused them; the bell rings after the commit, carries nothing, and
may be missed. A reader keeps the last number it saw and reads on from there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, LiteralString

from thenvoi_bridge.contract.feed import Payload, Topic, event_name
from thenvoi_bridge.platform.ids import new_id
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Row, Tx, Value

LEFT = "left"
"""An event for the hub alone: the actor named in it hears nothing more of this topic."""

CLOSED = "closed"
"""An event for the hub alone: nobody hears anything more of this topic."""


Topics = Collection[str] | None
"""The topics that a bell is rung for; None stands for any."""


class Bell:
    """Tells everybody in this process that topics have grown, and has that carried to other processes."""

    def __init__(self) -> None:
        self._ears: dict[object, Callable[[Topics], None]] = {}
        self._carriers: list[Callable[[Collection[str]], None]] = []

    def ring(self, topics: Collection[str]) -> None:
        """Say that these topics have grown. Call on the event loop, after the commit."""
        self.echo(topics)
        if topics:
            for carry in self._carriers:
                carry(topics)

    def echo(self, topics: Topics) -> None:
        """Pass on here what another process rang. Call on the event loop."""
        for heard in list(self._ears.values()):
            heard(topics)

    def listen(self, heard: Callable[[Topics], None]) -> Callable[[], None]:
        """Be told of every ring, ours and others'; returns the way to stop."""
        token = object()
        self._ears[token] = heard
        return lambda: void(self._ears.pop(token, None))

    def carry(self, carrier: Callable[[Collection[str]], None]) -> None:
        """Have our rings carried to other processes; `carrier` must not block or raise."""
        self._carriers.append(carrier)


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
        return new_id()

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
        topic's row, so numbers commit in order and "everything after n" misses nothing. The count over all
        topics does so because writers of one database take turns.
        """
        for topic, event, payload in sorted(self.told, key=lambda told: told[0]):
            row = self.one(
                "INSERT INTO topics (topic, seq) VALUES (?, 1) "
                "ON CONFLICT (topic) DO UPDATE SET seq = topics.seq + 1 RETURNING seq",
                topic,
            )
            assert row is not None
            self.run(
                "INSERT INTO events (number, topic, seq, event, payload, logged_at) "
                "VALUES ((SELECT coalesce(max(number), 0) + 1 FROM events), ?, ?, ?, ?, ?)",
                topic, row["seq"], event, payload, self.now,
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


@dataclass(frozen=True, slots=True)
class Growth:
    """What came into the log after a number: the last number of each topic, and of all of them.

    `missed` says that lines after that number were trimmed already.
    """

    heads: dict[str, int]
    newest: int
    missed: bool = False


def grown(tx: Tx, after: int | None) -> Growth:
    """Which topics have grown after a number of the count over all; None asks where that stands."""
    if after is None:
        last = tx.one("SELECT coalesce(max(number), 0) AS number FROM events")
        return Growth({}, int(last["number"]) if last else 0)
    rows = tx.all(
        "SELECT topic, max(seq) AS head, min(number) AS first, max(number) AS last FROM events "
        "WHERE number > ? GROUP BY topic",
        after,
    )
    newest = max((row["last"] for row in rows), default=after)
    missed = min((row["first"] for row in rows), default=after + 1) > after + 1
    return Growth({row["topic"]: row["head"] for row in rows}, newest, missed)


def trim(tx: Tx, before: str, most: int) -> int:
    """Delete the oldest lines, logged before a moment, at most so many; returns how many.

    Always a beginning of the log and never its last line, so a reader can tell that it missed something.
    """
    return tx.run(
        "DELETE FROM events WHERE number < (SELECT max(number) FROM events) AND number <= ("
        "SELECT max(number) FROM (SELECT number, logged_at FROM events ORDER BY number LIMIT ?) AS oldest "
        "WHERE logged_at < ?)",
        most, before,
    )  # fmt: skip


def decoded(logged: Logged) -> dict[str, Any]:
    """The payload of a line, as an object."""
    payload: dict[str, Any] = json.loads(logged.payload)
    return payload
