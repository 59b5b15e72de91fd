"""The SQL of the inbox, within one transaction: what came in, and our own messages beside it."""

from __future__ import annotations

from dataclasses import fields
from typing import LiteralString

from thenvoi_bridge.inbox.incoming import Incoming
from thenvoi_bridge.inbox.outgoing import Outgoing, Phase
from thenvoi_bridge.storage import Corrupt, Row, Value


class Table(Incoming):
    """All rows as one transaction sees them."""

    def said_since(self, chat_id: str, seq: int, limit: int) -> list[Outgoing]:
        """What of ours was made in a room at that arrival number or later and not refused, last first."""
        where: LiteralString = (
            "WHERE chat_id = ? AND seq >= ? AND phase <> 'refused' ORDER BY number DESC LIMIT ?"
        )
        return self._outgoing(where, chat_id, seq, limit)

    def last_number(self) -> int:
        """The highest number of a message of ours, 0 before the first."""
        return self.number("SELECT COALESCE(MAX(number), 0) AS number FROM outgoing")

    def put_outgoing(self, out: Outgoing) -> Outgoing:
        """Keep a message of ours, new or changed, and return it."""
        self.changed = True
        self.tx.run(_PUT, *(getattr(out, name) for name in _OUTGOING))
        return out

    def outgoing(self, id: str) -> Outgoing | None:
        """The message of ours with this id."""
        return _one(self._outgoing("WHERE id = ?", id))

    def ordered(self, digest: str) -> Outgoing | None:
        """The last message of ours that was ordered with this digest."""
        return _one(self._outgoing("WHERE digest = ? ORDER BY number DESC LIMIT 1", digest))

    def unsent(self) -> list[Outgoing]:
        """What of ours is neither sent nor refused, first made first."""
        return self._outgoing("WHERE phase = 'sending' ORDER BY number")

    def said(self, chat_id: str, since: float) -> list[Outgoing]:
        """What of ours was made in a room since that Unix time and not refused, last made first."""
        where: LiteralString = (
            "WHERE chat_id = ? AND made_at >= ? AND phase <> 'refused' ORDER BY number DESC"
        )
        return self._outgoing(where, chat_id, since)

    def _outgoing(self, where: LiteralString, *args: Value) -> list[Outgoing]:
        return [_out(row) for row in self.tx.all(f"{_SAID} outgoing {where}", *args)]


_SAID: LiteralString = (
    "SELECT id, chat_id, digest, body, recipients, gist, made_at, tried_at, seq, since, number, "
    "phase, confirmed, owner, token, lease_until, tries, answer, error FROM"
)
_OUTGOING = tuple(field.name for field in fields(Outgoing))
_PUT: LiteralString = (
    "INSERT INTO outgoing (id, chat_id, digest, body, recipients, gist, made_at, tried_at, seq, since, "
    "number, phase, confirmed, owner, token, lease_until, tries, answer, error) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "chat_id = excluded.chat_id, digest = excluded.digest, body = excluded.body, "
    "recipients = excluded.recipients, gist = excluded.gist, made_at = excluded.made_at, "
    "tried_at = excluded.tried_at, seq = excluded.seq, since = excluded.since, "
    "number = excluded.number, phase = excluded.phase, "
    "confirmed = excluded.confirmed, owner = excluded.owner, token = excluded.token, "
    "lease_until = excluded.lease_until, tries = excluded.tries, answer = excluded.answer, "
    "error = excluded.error"
)


def _one(found: list[Outgoing]) -> Outgoing | None:
    return found[0] if found else None


def _out(row: Row) -> Outgoing:
    try:
        out = Outgoing(**{**row, "phase": Phase(row["phase"]), "confirmed": bool(row["confirmed"])})
        if out.phase is Phase.SENDING:
            _ = out.call
    except ValueError:
        raise Corrupt("it is damaged") from None  # the error would show what stands there
    return out
