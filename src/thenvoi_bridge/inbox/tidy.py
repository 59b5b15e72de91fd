"""How large an inbox grows: what is not taken for want of room, and what is thrown away of what has ended.

What is not taken stays with the platform, unprocessed. Of each room the oldest are taken, and nothing that is
pushed while something older is missing, so what is here is the beginning of what is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, LiteralString

from thenvoi_bridge.inbox import protocol
from thenvoi_bridge.inbox.core import Caller, State
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.inbox.times import sent_at
from thenvoi_bridge.storage import Corrupt

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import ChatMessage

MOST, LOW = 50_000, 45_000
"""Open messages at which no more are taken, and those below which they are again."""

MOST_BYTES, LOW_BYTES = 512 * 2**20, 448 * 2**20
"""Bytes of the file, less what is free in it, likewise; on Postgres, characters of the open messages."""

TEXTS = 86_400.0
"""Seconds for which what has ended keeps its text, unless room is wanted."""

RECORDS = 30 * 86_400.0
"""Seconds for which the rest of it is kept, and the text of what has failed for good."""

SOME = 500
"""Rows that one transaction tidies, so that nobody waits for long."""

REMOVED = "(The text was removed: the message had ended.)"


def put(rows: Table, messages: Iterable[ChatMessage], titles: Mapping[str, str | None]) -> int:
    """Keep what was pushed, as far as there is room; return how much of it was new."""
    taken, (room, _) = 0, _room_from_now_on(rows)
    for message in _unknown(rows, messages):
        if room > taken and not _is_behind(rows, message.chat_room_id):
            taken += protocol.put(rows, [message], titles)
        else:
            _leave(rows, message, full=room <= taken)
    return taken


def sweep(
    rows: Table, by: Caller, chat_id: str, listed: Sequence[ChatMessage], since: int, title: str | None
) -> int:
    """Keep a complete listing of a room's unprocessed messages, as far as there is room; return the new."""
    new = sorted(_unknown(rows, listed), key=lambda message: (sent_at(message), message.id))
    left = new[_how_many(new, *_room_from_now_on(rows)) :]
    leaving = {message.id for message in left}
    taken = protocol.sweep(rows, by, chat_id, [m for m in listed if m.id not in leaving], since, title)
    if left:
        _leave(rows, left[-1], full=True)
    else:
        _catch_up(rows, chat_id, {message.id for message in listed})
    return taken


def drop_room(rows: Table, chat_id: str) -> int:
    """Note that we are no longer in a room; return how many messages are gone with it."""
    rows.tx.run("DELETE FROM behind WHERE chat_id = ?", chat_id)
    return protocol.drop_room(rows, chat_id)


def to_sweep(rows: Table) -> set[str]:
    """The rooms of which something was not taken, once there is room again."""
    return _behind(rows) if any(_room(rows)) else set()


def is_full(rows: Table) -> bool:
    """Whether something was not taken, and cannot be yet."""
    return rows.about(_FULL) == "yes" and not any(_room(rows))


def steps(wall: float) -> Iterator[Callable[[Table], int]]:
    """What to throw away at a Unix time: each a transaction, to be repeated until it returns 0."""
    long_ago = wall - RECORDS
    yield lambda rows: rows.tx.run(_NOTE_ENDED, wall, SOME)
    yield lambda rows: _remove_texts(rows, State.DONE, _since(rows, wall))
    yield lambda rows: _remove_texts(rows, State.DEAD, long_ago)
    yield lambda rows: rows.tx.run(_DELETE, "gone", _since(rows, wall), SOME)
    yield lambda rows: rows.tx.run(_DELETE, "done", long_ago, SOME)
    yield lambda rows: rows.tx.run(_DELETE_DEAD, long_ago, SOME)
    yield lambda rows: rows.tx.run(_REMOVE_WORDS, _since(rows, wall), SOME)
    yield lambda rows: rows.tx.run(_DELETE_WORDS, long_ago, SOME)


_FULL = "full"

_NOTE_ENDED: LiteralString = (
    "UPDATE inbox SET ended_at = ? WHERE seq IN (SELECT seq FROM inbox "
    "WHERE state IN ('done', 'dead', 'gone') AND bare IN (0, 1) AND ended_at IS NULL LIMIT ?)"
)
_WORDY: LiteralString = (
    "SELECT seq, message FROM inbox WHERE state IN ('done', 'dead', 'gone') AND state = ? "
    "AND bare = 0 AND ended_at <= ? LIMIT ?"
)
_REMOVE_TEXT: LiteralString = "UPDATE inbox SET bare = 1, message = ? WHERE seq = ?"
# The last one stays, for arrival numbers are counted on from it. What is gone may come back, text and all.
_DELETE: LiteralString = (
    "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE state IN ('done', 'dead', 'gone') "
    "AND state = ? AND bare IN (0, 1) AND ended_at <= ? AND seq < (SELECT MAX(seq) FROM inbox) LIMIT ?)"
)
# To the platform it is unprocessed: while we are in its room it would come in again, as if it were new.
_DELETE_DEAD: LiteralString = (
    "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE state IN ('done', 'dead', 'gone') "
    "AND state = 'dead' AND bare IN (0, 1) AND ended_at <= ? AND seq < (SELECT MAX(seq) FROM inbox) "
    "AND chat_id NOT IN (SELECT chat_id FROM rooms WHERE here = 1) LIMIT ?)"
)
_REMOVE_WORDS: LiteralString = (
    "UPDATE outgoing SET body = '{}' WHERE id IN (SELECT id FROM outgoing "
    "WHERE phase <> 'sending' AND body <> '{}' AND made_at <= ? LIMIT ?)"
)
_DELETE_WORDS: LiteralString = (
    "DELETE FROM outgoing WHERE id IN (SELECT id FROM outgoing WHERE made_at <= ? AND phase <> 'sending' "
    "AND NOT EXISTS (SELECT 1 FROM inbox WHERE outgoing_id = outgoing.id) LIMIT ?)"
)


def _remove_texts(rows: Table, state: State, before: float) -> int:
    wordy = rows.tx.all(_WORDY, state, before, SOME)
    return sum(rows.tx.run(_REMOVE_TEXT, _bare(row["message"]), row["seq"]) for row in wordy)


def _bare(message: str) -> str:
    try:
        return json.dumps({**json.loads(message), "content": REMOVED, "metadata": None})
    except ValueError:
        raise Corrupt("it is damaged") from None  # the error would show what stands there


def _since(rows: Table, wall: float) -> float:
    return wall if _used(rows) >= LOW_BYTES else wall - TEXTS


def _room(rows: Table) -> tuple[int, int]:
    """How many messages there is room for, and bytes; none, once it was full, until it is well below that."""
    open, used = rows.number("SELECT COUNT(*) AS number FROM waiting"), _used(rows)
    if rows.about(_FULL) == "yes" and (open >= LOW or used >= LOW_BYTES):
        return 0, 0
    room = max(0, MOST - open), max(0, MOST_BYTES - used)
    return room if all(room) else (0, 0)


def _room_from_now_on(rows: Table) -> tuple[int, int]:
    """The same, and if there is any, it is not full any more."""
    room = _room(rows)
    if any(room) and rows.about(_FULL) == "yes":
        rows.note(_FULL, "no")
    return room


def _how_many(messages: Sequence[ChatMessage], most: int, size: int) -> int:
    """For how many of these there is room."""
    return min(most, sum(end <= size for end in accumulate(len(m.content) for m in messages)))


def _unknown(rows: Table, messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    sql: LiteralString = "SELECT 1 FROM inbox WHERE id = ?"
    return [message for message in messages if rows.tx.one(sql, message.id) is None]


def _leave(rows: Table, message: ChatMessage, *, full: bool) -> None:
    """Note that a message was not taken, because it is full, or because an older one was not."""
    if full:
        rows.note(_FULL, "yes")
    rows.tx.run(
        "INSERT INTO behind (chat_id, last_id) VALUES (?, ?) "
        "ON CONFLICT (chat_id) DO UPDATE SET last_id = excluded.last_id",
        message.chat_room_id,
        message.id,
    )


def _catch_up(rows: Table, chat_id: str, listed: Collection[str]) -> None:
    """Note that everything that was listed of a room is here.

    A push that was not taken may be newer than the listing, so as long as it is not seen in one, or missed
    in two, the room stays behind.
    """
    row = rows.tx.one("SELECT last_id FROM behind WHERE chat_id = ?", chat_id)
    if row and (row["last_id"] is None or row["last_id"] in listed):
        rows.tx.run("DELETE FROM behind WHERE chat_id = ?", chat_id)
    elif row:
        rows.tx.run("UPDATE behind SET last_id = NULL WHERE chat_id = ?", chat_id)


def _behind(rows: Table) -> set[str]:
    return {row["chat_id"] for row in rows.tx.all("SELECT chat_id FROM behind")}


def _is_behind(rows: Table, chat_id: str) -> bool:
    return rows.tx.one("SELECT 1 FROM behind WHERE chat_id = ?", chat_id) is not None


def _used(rows: Table) -> int:
    return rows.number(rows.size)
