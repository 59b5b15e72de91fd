"""What may happen to one message of the inbox: values in, values out; no database, no clock, no locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from thenvoi_bridge.inbox.errors import LeaseLost, NotOpen, Underway
from thenvoi_bridge.inbox.kept import Message

LEASE = 600.0
"""Seconds for which a message that was handed out is kept from everybody else, unless that is extended."""

LONGEST_LEASE = 3600.0
"""Seconds beyond which no sign of work extends that any more."""

TELLING = 20.0
"""Seconds for which an outcome is left to the process that is telling it to the platform."""

ATTEMPTS = 5
"""How often a message is handed out before it counts as one that breaks whoever takes it."""

SUSPECT = 2
"""Attempts after which a message is handed out alone, so that it cannot take innocent ones down with it."""

Outcome = Literal["processed", "failed"]
Sees = Callable[[str, str], bool]


class State(StrEnum):
    """Where a message stands. `dead` has failed for good, `gone` is no longer ours to answer."""

    READY = "ready"
    LEASED = "leased"
    ANSWERING = "answering"
    ACKING = "acking"
    DONE = "done"
    DEAD = "dead"
    GONE = "gone"


HELD = frozenset({State.LEASED, State.ANSWERING})
OPEN = HELD | {State.READY}
"""What still waits for an answer. What is `acking` has one; only the platform does not know yet."""


class Step(StrEnum):
    """What can happen to a message."""

    TAKE = "take"
    BURY = "bury"
    RELEASE = "release"
    EXTEND = "extend"
    BEGIN = "begin"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    END = "end"
    TELL = "tell"
    PROCESSED = "processed"
    FAILED = "failed"
    LISTED = "listed"
    VANISH = "vanish"
    RETRY = "retry"


_WAITING = (State.READY, State.LEASED)

NEXT: Mapping[Step, Mapping[State, State]] = {
    Step.TAKE: dict.fromkeys(_WAITING, State.LEASED),
    Step.BURY: {State.LEASED: State.ACKING},
    Step.RELEASE: {State.LEASED: State.READY},
    Step.EXTEND: {State.LEASED: State.LEASED},
    Step.BEGIN: dict.fromkeys((*_WAITING, State.DEAD), State.ANSWERING),
    Step.ANSWERED: {State.ANSWERING: State.ACKING},
    Step.UNANSWERED: {State.ANSWERING: State.LEASED},
    Step.END: dict.fromkeys((*_WAITING, State.DEAD), State.ACKING),
    Step.TELL: {State.ACKING: State.ACKING},
    Step.PROCESSED: {State.ACKING: State.DONE},
    Step.FAILED: {State.ACKING: State.DEAD},
    Step.LISTED: {State.DONE: State.ACKING, State.GONE: State.READY},
    Step.VANISH: dict.fromkeys(_WAITING, State.GONE),
    Step.RETRY: {State.DEAD: State.READY},
}
"""Every transition there is. What is being answered leaves that state with its answer and in no other way."""


@dataclass(frozen=True, slots=True)
class Item:
    """One incoming mention and how far it has got.

    `seq` is its number by arrival, `sent_at` its place in the room. `attempts` counts hand-outs, `attempt` is
    the platform's number of the last one that it was told of. `token` grows whenever the message changes
    hands, so what was held before is known to be stale. `taken_at` and `lease_until` are seconds of a clock
    that all processes of this computer share and nobody sets. `outgoing_id` is the answer.
    """

    seq: int
    id: str
    chat_id: str
    sent_at: str
    message: Message = field(repr=False)
    chat_title: str | None = field(default=None, repr=False)
    state: State = State.READY
    attempts: int = 0
    attempt: int | None = None
    owner: str | None = None
    token: int = 0
    taken_at: float = 0.0
    lease_until: float = 0.0
    outcome: Outcome | None = None
    error: str | None = field(default=None, repr=False)
    outgoing_id: str | None = None

    @property
    def order(self) -> tuple[str, str]:
        """Sorts the messages of a room as the room has them."""
        return self.sent_at, self.id

    @property
    def spent(self) -> bool:
        """Whether it was handed out often enough."""
        return self.attempts >= ATTEMPTS


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks and when (seconds), which owners still live, which rooms and senders it may know of, and
    whether it ends what others were handed (`for_all`: its hosts reach another process with each request).
    """

    id: str
    now: float
    alive: Callable[[str], bool]
    sees: Sees | None = None
    for_all: bool = False

    def may_see(self, item: Item) -> bool:
        """Whether it is of a room and a sender that are allowed."""
        return self.sees is None or self.sees(item.chat_id, item.message.sender_id)

    def is_free(self, owner: str | None, until: float) -> bool:
        """Whether nobody holds it who lives, and whose time has not run out."""
        return until <= self.now or owner is None or not self.alive(owner)

    def may_take(self, item: Item) -> bool:
        """Whether it waits for an answer and can be handed out."""
        if item.state is State.LEASED:
            return self.is_free(item.owner, item.lease_until)
        return item.state is State.READY

    def may_tell(self, item: Item) -> bool:
        """Whether it is for this caller to tell the platform its outcome."""
        return item.owner == self.id or self.is_free(item.owner, item.lease_until)


def is_unheld(item: Item, alive: Callable[[str], bool]) -> bool:
    """Whether it waits for an answer and no living owner holds it, however long ago it was handed out."""
    held = item.owner is not None and alive(item.owner)
    return item.state is State.READY or (item.state is State.LEASED and not held)


def take(item: Item, by: Caller) -> Item:
    """Hand it out. Raises `LeaseLost` or `Underway` while somebody holds it, else `NotOpen`."""
    _refuse_held(item, by)
    return replace(_hold(_go(item, Step.TAKE), by, LEASE), attempts=item.attempts + 1, taken_at=by.now)


def bury(item: Item, by: Caller) -> Item:
    """Give it up after too many attempts. Raises `LeaseLost` or `Underway` while held, else `NotOpen`."""
    _refuse_held(item, by)
    error = f"handed out {item.attempts} times without an outcome"
    return replace(_drop(_go(item, Step.BURY)), outcome="failed", error=error)


def release(item: Item, token: int, owner: str) -> Item:
    """Put it back as if it had not been handed out. Raises `LeaseLost`, `NotOpen`."""
    _guard(item, token, owner)
    return replace(_go(item, Step.RELEASE), owner=None, attempts=max(0, item.attempts - 1))


def extend(item: Item, by: Caller) -> Item:
    """Keep it for longer, as its owner shows signs of work. Raises `LeaseLost`, `NotOpen`."""
    _guard(item, item.token, by.id)
    until = min(by.now + LEASE, item.taken_at + LONGEST_LEASE)
    return replace(_go(item, Step.EXTEND), lease_until=max(until, item.lease_until))


def begin(item: Item, outgoing_id: str, by: Caller) -> Item:
    """Let this be its answer, handed out or not.

    Raises `LeaseLost` while another owner holds it, `Underway` while an answer is being sent, `NotOpen` when
    it has ended otherwise.
    """
    _claim(item, by)
    begun = _hold(_go(item, Step.BEGIN), by, LEASE)
    return replace(begun, outgoing_id=outgoing_id, taken_at=by.now, outcome=None, error=None)


def answered(item: Item, by: Caller) -> Item:
    """Its answer is out: the platform is to be told that it is processed. Raises `NotOpen`."""
    return replace(_hold(_go(item, Step.ANSWERED), by, TELLING), outcome="processed")


def unanswered(item: Item, by: Caller) -> Item:
    """Its answer was refused: whoever was to answer it holds it for another try. Raises `NotOpen`."""
    back = replace(_go(item, Step.UNANSWERED), outgoing_id=None)
    return replace(back, token=item.token + 1, lease_until=by.now + LEASE)


def end(item: Item, outcome: Outcome, error: str | None, by: Caller) -> Item:
    """End it without an answer; saying the same outcome again changes nothing.

    Raises `LeaseLost` while another owner holds it, `Underway` while an answer is being sent, `NotOpen` when
    it has ended otherwise.
    """
    if item.outcome == outcome:
        return item
    _claim(item, by)
    return replace(_hold(_go(item, Step.END), by, TELLING), outcome=outcome, error=error)


def tell(item: Item, by: Caller) -> Item:
    """Take it on to tell the platform its outcome. Raises `LeaseLost` while another does, `NotOpen`."""
    if not by.may_tell(item):
        raise LeaseLost(item.id)
    return _hold(_go(item, Step.TELL), by, TELLING)


def told(item: Item, token: int) -> Item:
    """Note that the platform knows the outcome. Late or repeated, it is no news."""
    if item.state is not State.ACKING or item.token != token:
        return item
    return replace(_go(item, Step.FAILED if item.outcome == "failed" else Step.PROCESSED), owner=None)


def marked(item: Item, token: int, attempt: int) -> Item:
    """Note the platform's number of the attempt that a hand-out is. Too late, it is no news."""
    return item if item.token != token else replace(item, attempt=attempt)


def listed(item: Item) -> Item:
    """Note that the platform, when asked, still calls it unprocessed.

    What was answered has to be acknowledged again, never answered again; what was gone has come back. What
    is dead here stays so, for to the platform a failed message is an unprocessed one.
    """
    if item.state not in NEXT[Step.LISTED]:
        return item
    return replace(_drop(_go(item, Step.LISTED)), attempt=None)


def vanish(item: Item) -> Item:
    """Drop it: handled elsewhere, or its room is closed to us. Raises `NotOpen`."""
    return _drop(_go(item, Step.VANISH))


def retry(item: Item) -> Item:
    """Offer what is dead once more, as if for the first time. Raises `NotOpen`."""
    return replace(_drop(_go(item, Step.RETRY)), attempts=0, outcome=None, error=None)


def _go(item: Item, step: Step) -> Item:
    state = NEXT[step].get(item.state)
    if state is None:
        raise Underway(item.id) if item.state is State.ANSWERING else NotOpen(item.id, item.state)
    return replace(item, state=state)


def _hold(item: Item, by: Caller, seconds: float) -> Item:
    return replace(item, owner=by.id, token=item.token + 1, lease_until=by.now + seconds)


def _drop(item: Item) -> Item:
    """Nobody holds it now, and whatever was under way with it is stale: a hand-out, an acknowledgement."""
    return replace(item, owner=None, token=item.token + 1, lease_until=0.0)


def _guard(item: Item, token: int, owner: str) -> None:
    if (item.token, item.owner) != (token, owner):
        raise LeaseLost(item.id)


def _claim(item: Item, by: Caller) -> None:
    if not (item.state is State.LEASED and (by.for_all or item.owner == by.id)):
        _refuse_held(item, by)


def _refuse_held(item: Item, by: Caller) -> None:
    if item.state is State.LEASED and not by.may_take(item):
        raise LeaseLost(item.id)
