"""The SQL of the inbox, within one transaction: items in and out, and nothing decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import cycle, islice
from typing import LiteralString

from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.core import Item, State, sent_at
from thenvoi_bridge.inbox.errors import Unknown
from thenvoi_bridge.storage import Row, Tx, Value


class Table:
    """The rows of the inbox as one transaction sees them. `changed` says whether it has written."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.changed = False

    def insert(self, message: ChatMessage, title: str | None) -> bool:
        """Keep a message; False if it came before, and then nothing changes."""
        new = self._tx.run(
            "INSERT INTO inbox (id, chat_id, chat_title, sent_at, message) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO NOTHING",
            message.id,
            message.chat_room_id,
            title,
            sent_at(message),
            message.model_dump_json(),
        )
        self.changed |= bool(new)
        return bool(new)

    def update(self, old: Item, new: Item) -> Item:
        """Keep what has become of an item, and return that."""
        if new != old:
            self.changed = True
            self._tx.run(
                "UPDATE inbox SET state = ?, attempts = ?, owner = ?, token = ?, lease_until = ?, "
                "outcome = ?, error = ?, digest = ?, answer = ? WHERE id = ?",
                new.state,
                new.attempts,
                new.owner,
                new.token,
                new.lease_until,
                new.outcome,
                new.error,
                new.digest,
                new.answer,
                new.id,
            )
        return new

    def find(self, ids: Iterable[str]) -> list[Item]:
        """The messages with these ids in the order of the ids, without those there are not."""
        rows = (self._tx.one("SELECT * FROM inbox WHERE id = ?", id) for id in dict.fromkeys(ids))
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
        return [row["chat_id"] for row in self._tx.all(sql)]

    def held(self) -> list[Item]:
        """What was handed out or is being answered, be its owner alive or not."""
        return self._items("SELECT * FROM inbox WHERE state IN ('leased', 'answering')")

    def oldest(self, chat_id: str, limit: int) -> list[Item]:
        """What has waited longest for an answer in a room."""
        sql = "SELECT * FROM waiting WHERE chat_id = ? ORDER BY sent_at, id LIMIT ?"
        return self._items(sql, chat_id, limit)

    def waiting(self, chat_id: str, until_seq: int) -> list[Item]:
        """What waits for an answer in a room and had arrived by then."""
        return self._items("SELECT * FROM waiting WHERE chat_id = ? AND seq <= ?", chat_id, until_seq)

    def acking(self) -> list[Item]:
        """What the platform has yet to be told, first come first."""
        return self._items("SELECT * FROM inbox WHERE state = 'acking' ORDER BY seq")

    def after(self, seq: int, chat_id: str | None, limit: int, states: Collection[State]) -> list[Item]:
        """What arrived after that, first come first, of one room or of all."""
        return self._items(
            "SELECT * FROM inbox WHERE seq > ? AND chat_id = COALESCE(?, chat_id) "
            "AND state IN (?, ?, ?, ?, ?, ?, ?) ORDER BY seq LIMIT ?",
            seq,
            chat_id,
            *islice(cycle(states), len(State)),  # repeated until every placeholder has one
            limit,
        )

    def seq(self) -> int:
        """The highest arrival number, 0 before the first."""
        return self._number("SELECT COALESCE(MAX(seq), 0) AS number FROM inbox")

    def unread(self) -> int:
        """How many messages nobody has begun to answer."""
        return self._number("SELECT COUNT(*) AS number FROM inbox WHERE state IN ('ready', 'leased')")

    def ready(self) -> int:
        """How many messages nobody holds."""
        return self._number("SELECT COUNT(*) AS number FROM inbox WHERE state = 'ready'")

    def epoch(self, proposed: str) -> str:
        """What tells this file from any other: `proposed`, unless it was settled before."""
        self._tx.run("INSERT INTO about (name, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING", proposed)
        row = self._tx.one("SELECT value FROM about WHERE name = 'epoch'")
        assert row
        return str(row["value"])

    def _number(self, sql: LiteralString) -> int:
        row = self._tx.one(sql)
        assert row
        return int(row["number"])

    def _items(self, sql: LiteralString, *args: Value) -> list[Item]:
        return [_item(row) for row in self._tx.all(sql, *args)]


def _item(row: Row) -> Item:
    message = ChatMessage.model_validate_json(row["message"])
    return Item(**{**row, "message": message, "state": State(row["state"])})
