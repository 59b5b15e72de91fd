"""What happens to the messages that came in, one function for each transaction; pure but for the rows.

`store` runs each in a transaction of its own. A function raises before it has changed anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from thenvoi_bridge.inbox import core
from thenvoi_bridge.inbox.core import Caller, Item, Outcome, State
from thenvoi_bridge.inbox.errors import InboxError, LeaseLost, Unknown
from thenvoi_bridge.inbox.rows import Rows

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import ChatMessage


def put(rows: Rows, messages: Iterable[ChatMessage], titles: Mapping[str, str | None]) -> int:
    """Keep what was pushed; return how much of it was new. What is known stays: a push may be late."""
    return sum(rows.insert(message, titles.get(message.chat_room_id)) for message in messages)


def note_listed(rows: Rows, listed: Sequence[ChatMessage], title: str | None) -> int:
    """Keep what the platform calls unprocessed, when asked; return how much of it was new."""
    new = {message.id for message in listed if rows.insert(message, title)}
    for item in rows.find(message.id for message in listed if message.id not in new):
        rows.update(item, core.listed(item))
    return len(new)


def sweep(
    rows: Rows, by: Caller, chat_id: str, listed: Sequence[ChatMessage], since: int, title: str | None
) -> int:
    """Keep a complete listing of a room's unprocessed messages; return how many were new.

    What had arrived by number `since`, waits unheld and is not listed was handled elsewhere: gone.
    """
    new = note_listed(rows, listed, title)
    ids = {message.id for message in listed}
    for item in rows.waiting(chat_id, since):
        if item.id not in ids and core.is_unheld(item, by.alive):
            rows.update(item, core.vanish(item))
    return new


def drop_room(rows: Rows, chat_id: str) -> int:
    """Note that we are no longer in a room; return how many messages are gone with it.

    An answer that is being sent is left to end by itself.
    """
    waiting = rows.waiting(chat_id, rows.seq())
    going = [item for item in waiting if item.state is not State.ANSWERING]
    return len([rows.update(item, core.vanish(item)) for item in going])


def next_room(rows: Rows, by: Caller, chat_id: str | None, but: Collection[str] = ()) -> str | None:
    """The room that has waited longest of those that can give something, or `chat_id` if that can; none of
    those in `but`.

    What is held, by this process or another living one, keeps its room: what comes next would overtake it.
    What the caller may not see keeps nothing back.
    """
    busy = {*but, *(item.chat_id for item in rows.held() if not by.may_take(item))}
    free = (room for room in rows.rooms() if room not in busy and chat_id in (None, room))
    return next((room for room in free if by.sees is None or any(_seen(rows, by, room))), None)


def lease(
    rows: Rows, by: Caller, chat_id: str | None, limit: int, only: Collection[str] | None = None
) -> list[Item]:
    """Hand out up to `limit` messages of one room, the oldest first, and of those in `only` if that is given.

    A message handed out `core.ATTEMPTS` times in vain is given up, to be told to the platform as failed.
    """
    for item in rows.held():
        if by.may_take(item) and by.may_see(item) and item.spent:
            rows.update(item, core.bury(item, by))
    room = next_room(rows, by, chat_id)
    oldest = _oldest(rows, by, room, limit, only) if room else []
    alone = any(item.attempts >= core.SUSPECT for item in oldest[:1])
    return [rows.update(item, core.take(item, by)) for item in oldest[: 1 if alone else limit]]


def release(rows: Rows, by: Caller, items: Iterable[Item]) -> None:
    """Put back what was handed out and not seen, as if it never was; passes over what was lost since."""
    for held in items:
        for item in rows.find([held.id]):
            with suppress(InboxError):
                rows.update(item, core.release(item, held.token, by.id))


def release_all(rows: Rows, by: Caller) -> None:
    """Put back whatever this process was handed and has not begun to answer: it ends."""
    for item in _mine(rows, by):
        rows.update(item, core.release(item, item.token, by.id))


def release_taken(rows: Rows, by: Caller) -> None:
    """Put back whatever this process was handed at that very moment."""
    for item in _mine(rows, by):
        if item.taken_at == by.now:
            rows.update(item, core.release(item, item.token, by.id))


def extend(rows: Rows, by: Caller) -> None:
    """Keep what this process was handed for longer: whoever has it is at work."""
    for item in _mine(rows, by):
        rows.update(item, core.extend(item, by))


def marked(rows: Rows, item: Item, attempt: int) -> None:
    """Note the platform's number of the attempt that a hand-out is."""
    for now in rows.find([item.id]):
        rows.update(now, core.marked(now, item.token, attempt))


def end(rows: Rows, by: Caller, ids: Collection[str], outcome: Outcome, error: str | None) -> list[Item]:
    """End messages without an answer. Raises `Unknown` and what `core.end` does."""
    ended = [(item, core.end(item, outcome, error, by)) for item in get(rows, by, ids)]
    return [rows.update(*each) for each in ended]


def in_hand(rows: Rows, by: Caller) -> set[str]:
    """The rooms of which this process holds something that it was handed or is answering."""
    return {item.chat_id for item in rows.held() if item.owner == by.id}


def retry(rows: Rows, ids: Collection[str]) -> list[Item]:
    """Offer dead messages once more. Raises `Unknown`, `NotOpen`."""
    alive = [(item, core.retry(item)) for item in rows.get(ids)]
    return [rows.update(*each) for each in alive]


def to_tell(rows: Rows, by: Caller) -> list[Item]:
    """Take on the outcomes that the platform does not know and nobody else is telling it."""
    return [rows.update(item, core.tell(item, by)) for item in rows.acking() if by.may_tell(item)]


def told(rows: Rows, item: Item) -> Item:
    """Note that the platform was told, and return what the message is now. Once more is harmless."""
    (now,) = rows.get([item.id])
    return rows.update(now, core.told(now, item.token))


def vanish(rows: Rows, by: Caller, items: Iterable[Item]) -> None:
    """Note that what was handed out here a moment ago turned out to be handled elsewhere."""
    for held in items:
        for item in rows.find([held.id]):
            with suppress(InboxError):
                if (item.token, item.owner) != (held.token, by.id):
                    raise LeaseLost(item.id)
                rows.update(item, core.vanish(item))


def get(rows: Rows, by: Caller, ids: Collection[str]) -> list[Item]:
    """The messages with these ids, as their room has them.

    Raises `Unknown` if one is missing, or is none that the caller may see.
    """
    items = rows.get(ids)
    if hidden := tuple(item.id for item in items if not by.may_see(item)):
        raise Unknown(hidden)
    return items


def _seen(rows: Rows, by: Caller, room: str) -> Iterator[Item]:
    """What waits for an answer in a room and is for the caller to see, held or not."""
    return (item for item in rows.waiting(room, rows.seq()) if by.may_see(item))


def _oldest(rows: Rows, by: Caller, room: str, limit: int, only: Collection[str] | None) -> list[Item]:
    """What can be handed out of a room, or of these, as the room has it."""
    if only is None and by.sees is None:
        return rows.oldest(room, limit)
    there = _seen(rows, by, room) if only is None else filter(by.may_see, rows.find(only))
    free = (item for item in there if item.chat_id == room and by.may_take(item))
    return sorted(free, key=lambda item: item.order)


def _mine(rows: Rows, by: Caller) -> list[Item]:
    return [item for item in rows.held() if (item.state, item.owner) == (State.LEASED, by.id)]
