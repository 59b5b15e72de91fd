"""What happens to the messages of ours, one function for each transaction; pure but for the rows.

A message is recorded before it is sent, together with what it answers. From then on it is sent once, by this
process or, should that die, by another; or it is refused, and what it was to answer is offered again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import uuid4

from thenvoi_bridge.inbox import core, loops, outgoing, protocol
from thenvoi_bridge.inbox.core import Caller, Item
from thenvoi_bridge.inbox.errors import NotOpen, SeveralRooms
from thenvoi_bridge.inbox.outgoing import Order, Outgoing, Phase
from thenvoi_bridge.inbox.rows import Rows


def before(rows: Rows, digest: str) -> Outgoing | None:
    """The same order, given before and not refused."""
    known = rows.ordered(digest)
    return known if known and known.phase is not Phase.REFUSED else None


def answer(rows: Rows, by: Caller, ids: Collection[str], order: Order) -> Outgoing:
    """Record an answer to messages of one room and the first try to send it; nobody else answers them now.

    It waits its turn, untried, while an earlier message of ours in that room is not there yet.
    Raises `Unknown`, `SeveralRooms`, what `core.begin` does, and `LoopSuspected`.
    """
    items = of_one_room(rows, by, ids)
    id = _free_key(rows, items)
    loops.check(rows, order)
    begun = [(item, core.begin(item, id, by)) for item in items]
    for each in begun:
        rows.update(*each)
    return _record(rows, by, id, order)


def say(rows: Rows, by: Caller, order: Order) -> tuple[Outgoing, bool]:
    """Record a message that answers none, and the first try; or find it, said a moment ago.

    The second value says that it was found: the same text to the same people within `outgoing.WINDOW`
    seconds, nothing of the room having been heard in between. Raises `LoopSuspected`.
    """
    known = before(rows, order.digest)
    just_now = known is not None and abs(order.wall - known.made_at) < outgoing.WINDOW
    if known and just_now and not rows.heard(known.chat_id, known.seq):
        return known, True
    loops.check(rows, order)
    return _record(rows, by, str(uuid4()), order), False


def adopt(rows: Rows, by: Caller) -> list[Outgoing]:
    """Take on whatever was not brought to its end and is nobody's now: of each room the first, for the others
    must not overtake it.
    """
    first: dict[str, Outgoing] = {}
    for out in rows.unsent():
        first.setdefault(out.chat_id, out)
    free = [out for out in first.values() if by.is_free(out.owner, out.lease_until)]
    return [rows.put_outgoing(outgoing.adopt(out, by)) for out in free]


def attempt(rows: Rows, by: Caller, out: Outgoing, wall: float) -> Outgoing:
    """Record another try, before it is made. Raises `LeaseLost`."""
    return rows.put_outgoing(outgoing.attempt(_now(rows, out), out.token, by, wall))


def sent(rows: Rows, by: Caller, out: Outgoing, said: str) -> Outgoing:
    """Keep what the platform said, and note what is answered with it. Raises `LeaseLost`."""
    new = outgoing.sent(_now(rows, out), out.token, said)
    for item in rows.answered_by(out.id):
        rows.update(item, core.answered(item, by))
    return rows.put_outgoing(new)


def refused(rows: Rows, by: Caller, out: Outgoing, error: str, *, elsewhere: bool = False) -> Outgoing:
    """Note that it is not in the room; what it was to answer is to be answered otherwise. Raises `LeaseLost`.

    `elsewhere`: because another computer has answered the first of these messages already.
    """
    new = outgoing.refused(_now(rows, out), out.token, error)
    items = rows.answered_by(out.id)
    for nth, item in enumerate(items):
        done = elsewhere and nth == 0
        rows.update(item, core.answered(item, by) if done else core.unanswered(item, by))
    return rows.put_outgoing(new)


def put_off(rows: Rows, out: Outgoing, until: float) -> Outgoing:
    """Note that nobody can tell; it is looked at again after `until`. Raises `LeaseLost`."""
    return rows.put_outgoing(outgoing.put_off(_now(rows, out), out.token, until))


def of_one_room(rows: Rows, by: Caller, ids: Collection[str]) -> list[Item]:
    """The messages with these ids, as their room has them. Raises `Unknown`, `SeveralRooms`."""
    items = protocol.get(rows, by, ids)
    if len(rooms := tuple(dict.fromkeys(item.chat_id for item in items))) > 1:
        raise SeveralRooms(rooms)
    return items


def _free_key(rows: Rows, items: Sequence[Item]) -> str:
    """The key of an answer to these. One under which something was sent cannot be used again."""
    key = outgoing.key_of_answer(items[0].id)
    known = rows.outgoing(key)
    if known and known.phase is Phase.SENT:
        raise NotOpen(items[0].id, items[0].state)
    return key


def _record(rows: Rows, by: Caller, id: str, order: Order) -> Outgoing:
    call = order.call
    waits = any(out.chat_id == call.chat_id for out in rows.unsent())
    new = Outgoing(
        id=id,
        chat_id=call.chat_id,
        digest=order.digest,
        body=call.model_dump_json(),
        recipients=" ".join(sorted(mention.id for mention in call.mentions)),
        gist=outgoing.gist_of(call.content),
        made_at=order.wall,
        tried_at=order.wall,
        seq=rows.seq(),
        since=rows.since(call.chat_id),
        number=rows.last_number() + 1,
        confirmed=order.confirmed,
        token=_token_after(rows.outgoing(id)),
    )
    return rows.put_outgoing(new if waits else outgoing.attempt(new, new.token, by, order.wall))


def _token_after(known: Outgoing | None) -> int:
    return known.token + 1 if known else 0


def _now(rows: Rows, out: Outgoing) -> Outgoing:
    now = rows.outgoing(out.id)
    assert now, "what was recorded is never deleted while it is being sent"
    return now
