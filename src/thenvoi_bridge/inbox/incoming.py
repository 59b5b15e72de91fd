"""The SQL of what came in, and is noted beside it, within one transaction: rows in and out, nothing more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import cycle, islice
from typing import TYPE_CHECKING, LiteralString

from thenvoi_bridge.inbox.core import Item, State
from thenvoi_bridge.inbox.errors import Unknown
from thenvoi_bridge.inbox.kept import kept, readable_again
from thenvoi_bridge.inbox.times import sent_at
from thenvoi_bridge.storage import Corrupt, Row, Tx, Value

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import ChatMessage


class Incoming:
    """These rows as a transaction sees them. `changed`: it has written; `size`: how to ask for their room."""

    def __init__(self, tx: Tx, size: LiteralString = "") -> None:
        self.tx, self.size = tx, size
        self.changed = False

    def insert(self, message: ChatMessage, title: str | None) -> bool:
        """Keep a message; False if it came before, and then nothing changes."""
        message, text = readable_again(message)
        new = self.tx.run(
            "INSERT INTO inbox (id, chat_id, chat_title, sent_at, sender_id, sender_type, message) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            message.id,
            message.chat_room_id,
            title,
            sent_at(message),
            message.sender_id,
            message.sender_type,
            text,
        )
        self.changed |= bool(new)
        return bool(new)

    def update(self, old: Item, new: Item) -> Item:
        """Keep what has become of a message, and return that."""
        if new != old:
            self.changed = True
            self.tx.run(
                "UPDATE inbox SET state = ?, attempts = ?, attempt = ?, owner = ?, token = ?, taken_at = ?, "
                "lease_until = ?, outcome = ?, error = ?, outgoing_id = ?, "
                "ended_at = CASE WHEN state = ? THEN ended_at END WHERE id = ?",
                new.state,
                new.attempts,
                new.attempt,
                new.owner,
                new.token,
                new.taken_at,
                new.lease_until,
                new.outcome,
                new.error,
                new.outgoing_id,
                new.state,
                new.id,
            )
        return new

    def find(self, ids: Iterable[str]) -> list[Item]:
        """The messages with these ids in the order of the ids, without those there are not."""
        rows = (self.tx.one(f"{_ITEMS} inbox WHERE id = ?", id) for id in dict.fromkeys(ids))
        return [_item(row) for row in rows if row]

    def get(self, ids: Collection[str]) -> list[Item]:
        """The messages with these ids, as their room has them. Raises `Unknown` if one is missing."""
        found = self.find(ids)
        there = {item.id for item in found}
        if missing := tuple(id for id in dict.fromkeys(ids) if id not in there):
            raise Unknown(missing)
        return sorted(found, key=lambda item: item.order)

    def rooms(self) -> list[str]:
        """The rooms in which something waits for an answer, the one that has waited longest first."""
        sql = "SELECT chat_id FROM waiting GROUP BY chat_id ORDER BY MIN(sent_at), chat_id"
        return [row["chat_id"] for row in self.tx.all(sql)]

    def held(self) -> list[Item]:
        """What was handed out or is being answered, be its owner alive or not."""
        return self._items(f"{_ITEMS} inbox WHERE state IN ('leased', 'answering')")

    def oldest(self, chat_id: str, limit: int) -> list[Item]:
        """What has waited longest for an answer in a room, held or not."""
        return self._items(f"{_ITEMS} waiting WHERE chat_id = ? ORDER BY sent_at, id LIMIT ?", chat_id, limit)

    def waiting(self, chat_id: str, until_seq: int) -> list[Item]:
        """What waits for an answer in a room and had arrived by then, held or not."""
        return self._items(f"{_ITEMS} waiting WHERE chat_id = ? AND seq <= ?", chat_id, until_seq)

    def acking(self) -> list[Item]:
        """What the platform has yet to be told, first come first."""
        return self._items(f"{_ITEMS} inbox WHERE state = 'acking' ORDER BY seq")

    def answered_by(self, outgoing_id: str) -> list[Item]:
        """The messages that one of ours answers, as their room has them."""
        return self._items(f"{_ITEMS} inbox WHERE outgoing_id = ? ORDER BY sent_at, id", outgoing_id)

    def after(self, seq: int, chat_id: str | None, limit: int, states: Collection[State]) -> list[Item]:
        """What arrived after that, first come first, of one room or of all."""
        return self._items(
            f"{_ITEMS} inbox WHERE seq > ? AND chat_id = COALESCE(?, chat_id) "
            "AND state IN (?, ?, ?, ?, ?, ?, ?) ORDER BY seq LIMIT ?",
            seq,
            chat_id,
            *islice(cycle(states), len(State)),  # repeated until every placeholder has one
            limit,
        )

    def seq(self) -> int:
        """The highest arrival number, 0 before the first."""
        return self.number("SELECT COALESCE(MAX(seq), 0) AS number FROM inbox")

    def count(self, states: Collection[State]) -> int:
        """How many messages are in these states."""
        sql: LiteralString = "SELECT COUNT(*) AS number FROM inbox WHERE state IN (?, ?, ?, ?, ?, ?, ?)"
        return self.number(sql, *islice(cycle(states), len(State)))

    def tally(self, states: Collection[State]) -> dict[tuple[str, str], tuple[int, int]]:
        """How many messages in these states there are by room and sender, and the last arrival number."""
        sql: LiteralString = (
            "SELECT chat_id, sender_id, COUNT(*) AS number, MAX(seq) AS last FROM inbox "
            "WHERE state IN (?, ?, ?, ?, ?, ?, ?) GROUP BY chat_id, sender_id"
        )
        rows = self.tx.all(sql, *islice(cycle(states), len(State)))
        return {(row["chat_id"], row["sender_id"]): (row["number"], row["last"]) for row in rows}

    def since(self, chat_id: str) -> str:
        """When the last message of a room that came in was sent, by the platform's clock; '' if none did."""
        row = self.tx.one("SELECT MAX(sent_at) AS at FROM inbox WHERE chat_id = ?", chat_id)
        return str((row and row["at"]) or "")

    def heard(self, chat_id: str, seq: int) -> bool:
        """Whether anything of a room came in after that arrival number."""
        row = self.tx.one("SELECT 1 AS one FROM inbox WHERE chat_id = ? AND seq > ? LIMIT 1", chat_id, seq)
        return row is not None

    def last_person(self, chat_id: str) -> int:
        """The arrival number of the last message of a room that a person wrote, 0 if none did."""
        row = self.tx.one(
            "SELECT seq FROM inbox WHERE chat_id = ? AND sender_type = 'User' ORDER BY seq DESC LIMIT 1",
            chat_id,
        )
        return int(row["seq"]) if row else 0

    def came_from(self, chat_id: str, sender_id: str, seq: int) -> int:
        """How many messages of an agent came in from a room after that arrival number."""
        return self.number(
            "SELECT COUNT(*) AS number FROM inbox "
            "WHERE chat_id = ? AND seq > ? AND sender_id = ? AND sender_type = 'Agent'",
            chat_id,
            seq,
            sender_id,
        )

    def about(self, name: str) -> str | None:
        """What was noted under a name."""
        row = self.tx.one("SELECT value FROM about WHERE name = ?", name)
        return str(row["value"]) if row else None

    def note(self, name: str, value: str) -> None:
        """Note something under a name, in place of what was there."""
        if self.about(name) != value:
            self.changed = True
            self.tx.run(
                "INSERT INTO about (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                name,
                value,
            )

    def known_rooms(self) -> dict[str, tuple[str | None, int]]:
        """The rooms the identity is in: title and version."""
        rows = self.tx.all("SELECT chat_id, title, version FROM rooms WHERE here = 1 ORDER BY chat_id")
        return {row["chat_id"]: (row["title"], row["version"]) for row in rows}

    def put_room(self, chat_id: str, title: str | None) -> None:
        """Note a room the identity is in."""
        self.changed |= bool(
            self.tx.run(
                "INSERT INTO rooms (chat_id, title) VALUES (?, ?) ON CONFLICT (chat_id) DO UPDATE "
                "SET title = excluded.title, here = 1 "
                "WHERE rooms.here = 0 OR rooms.title IS DISTINCT FROM excluded.title",
                chat_id,
                title,
            )
        )

    def drop_known_room(self, chat_id: str) -> None:
        """Note that the identity is no longer in a room."""
        sql: LiteralString = "UPDATE rooms SET here = 0, version = version + 1 WHERE chat_id = ? AND here = 1"
        self.changed |= bool(self.tx.run(sql, chat_id))

    def touch_room(self, chat_id: str | None) -> None:
        """Note that who is in a room may have changed, or in every room."""
        sql: LiteralString = "UPDATE rooms SET version = version + 1 WHERE chat_id = COALESCE(?, chat_id)"
        self.changed |= bool(self.tx.run(sql, chat_id))

    def epoch(self, proposed: str) -> str:
        """What tells this file from any other: `proposed`, unless it was settled before."""
        self.tx.run("INSERT INTO about (name, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING", proposed)
        return str(self.about("epoch"))

    def number(self, sql: LiteralString, *args: Value) -> int:
        """What a statement has under that name in its one row."""
        row = self.tx.one(sql, *args)
        assert row
        return int(row["number"])

    def _items(self, sql: LiteralString, *args: Value) -> list[Item]:
        return [_item(row) for row in self.tx.all(sql, *args)]


_ITEMS: LiteralString = (
    "SELECT seq, id, chat_id, chat_title, sent_at, state, attempts, attempt, owner, token, taken_at, "
    "lease_until, outcome, error, outgoing_id, message FROM"
)


def _item(row: Row) -> Item:
    try:
        return Item(**{**row, "message": kept(row["message"]), "state": State(row["state"])})
    except ValueError:
        raise Corrupt("it is damaged") from None  # the error would show what stands there
