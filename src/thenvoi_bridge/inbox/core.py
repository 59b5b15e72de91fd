"""What may happen to one message of the inbox: values in, values out; no database, no clock, no locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.errors import AlreadyAnswered, LeaseLost, NotOpen, Underway

LEASE = 600.0
"""Seconds for which a message that was handed out, or is being answered, is kept from everybody else."""

ATTEMPTS = 5
"""How often a message is handed out before it counts as one that breaks whoever takes it."""

SUSPECT = 2
"""Attempts after which a message is handed out alone, so that it cannot take innocent ones down with it."""

Outcome = Literal["processed", "failed"]


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
    BEGIN = "begin"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    END = "end"
    PROCESSED = "processed"
    FAILED = "failed"
    LISTED = "listed"
    VANISH = "vanish"


NEXT: Mapping[Step, Mapping[State, State]] = {
    Step.TAKE: dict.fromkeys(OPEN, State.LEASED),
    Step.BURY: dict.fromkeys(HELD, State.DEAD),
    Step.RELEASE: {State.LEASED: State.READY},
    Step.BEGIN: dict.fromkeys(OPEN, State.ANSWERING),
    Step.ANSWERED: {State.ANSWERING: State.ACKING},
    Step.UNANSWERED: {State.ANSWERING: State.LEASED},
    Step.END: dict.fromkeys(OPEN, State.ACKING),
    Step.PROCESSED: {State.ACKING: State.DONE},
    Step.FAILED: {State.ACKING: State.DEAD},
    Step.LISTED: {State.DONE: State.ACKING, State.GONE: State.READY},
    Step.VANISH: dict.fromkeys(OPEN, State.GONE),
}
"""Every transition there is."""


@dataclass(frozen=True, slots=True)
class Item:
    """One incoming mention and how far it has got.

    `seq` is its number by arrival, `sent_at` its place in the room. `attempts` counts hand-outs. `token`
    grows whenever the message changes hands, so what was held before is known to be stale. `lease_until`
    is in seconds of this computer's clock. `digest` tells answers apart; `answer` is JSON text.
    """

    seq: int
    id: str
    chat_id: str
    sent_at: str
    message: ChatMessage = field(repr=False)
    chat_title: str | None = field(default=None, repr=False)
    state: State = State.READY
    attempts: int = 0
    owner: str | None = None
    token: int = 0
    lease_until: float = 0.0
    outcome: Outcome | None = None
    error: str | None = field(default=None, repr=False)
    digest: str | None = None
    answer: str | None = field(default=None, repr=False)

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
    """Who asks and when: an owner's id, the time in seconds, and how to tell which owners still live."""

    id: str
    now: float
    alive: Callable[[str], bool]

    def may_take(self, item: Item) -> bool:
        """Whether nobody holds it: not handed out, its owner has died, or its lease has run out."""
        late = item.state in HELD and item.lease_until <= self.now
        return late or is_free(item, self.alive)


def is_free(item: Item, alive: Callable[[str], bool]) -> bool:
    """Whether it waits for an answer and no living owner holds it, however long ago it was handed out."""
    return item.state is State.READY or (item.state in HELD and not (item.owner and alive(item.owner)))


def sent_at(message: ChatMessage) -> str:
    """The message's time as text that sorts, whichever way the platform wrote it."""
    try:
        at = datetime.fromisoformat(message.inserted_at)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        return at.isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return message.inserted_at


def take(item: Item, by: Caller) -> Item:
    """Hand it out. Raises `LeaseLost` or `Underway` while somebody holds it, else `NotOpen`."""
    _refuse_held(item, by)
    return replace(_hold(_go(item, Step.TAKE), by), attempts=item.attempts + 1)


def bury(item: Item, by: Caller) -> Item:
    """Give it up after too many attempts. Raises `LeaseLost` or `Underway` while held, else `NotOpen`."""
    _refuse_held(item, by)
    error = f"handed out {item.attempts} times without an outcome"
    return replace(_go(item, Step.BURY), owner=None, error=error)


def release(item: Item, token: int, owner: str) -> Item:
    """Put it back as if it had not been handed out. Raises `LeaseLost`, `NotOpen`."""
    _guard(item, token, owner)
    return replace(_go(item, Step.RELEASE), owner=None, attempts=max(0, item.attempts - 1))


def begin(item: Item, digest: str, by: Caller) -> Item:
    """Start to answer it, handed out or not, with the answer that `digest` stands for.

    Raises `AlreadyAnswered` for the same answer again, `LeaseLost` while another owner holds it, `Underway`
    while an answer is being sent, `NotOpen` when it has ended otherwise.
    """
    if item.answer is not None and item.digest == digest:
        raise AlreadyAnswered(item.answer)
    _claim(item, by)
    return replace(_hold(_go(item, Step.BEGIN), by), digest=digest)


def answered(item: Item, token: int, owner: str, answer: str) -> Item:
    """Keep what the platform said to the answer. Raises `LeaseLost`, `NotOpen`."""
    _guard(item, token, owner)
    return replace(_go(item, Step.ANSWERED), owner=None, outcome="processed", answer=answer)


def unanswered(item: Item, token: int, owner: str) -> Item:
    """Hold it for another try: the answer was refused, or lost its way. Raises `LeaseLost`, `NotOpen`."""
    _guard(item, token, owner)
    return _go(item, Step.UNANSWERED)


def end(item: Item, outcome: Outcome, error: str | None, by: Caller) -> Item:
    """End it without an answer; saying the same outcome again changes nothing.

    Raises `LeaseLost` while another owner holds it, `Underway` while an answer is being sent, `NotOpen` when
    it has ended otherwise.
    """
    if item.outcome == outcome:
        return item
    _claim(item, by)
    return replace(_drop(_go(item, Step.END)), outcome=outcome, error=error, digest=None)


def acked(item: Item, token: int) -> Item:
    """Note that the platform knows the outcome. Late or repeated, it is no news."""
    if item.state is not State.ACKING or item.token != token:
        return item
    return _go(item, Step.FAILED if item.outcome == "failed" else Step.PROCESSED)


def listed(item: Item) -> Item:
    """Note that the platform, when asked, still calls it unprocessed.

    What was answered has to be acknowledged again, never answered again; what was gone has come back.
    """
    if item.state not in NEXT[Step.LISTED]:
        return item
    return _drop(_go(item, Step.LISTED))


def vanish(item: Item) -> Item:
    """Drop it: handled elsewhere, or its room is closed to us. Raises `NotOpen`."""
    return _drop(_go(item, Step.VANISH))


def _go(item: Item, step: Step) -> Item:
    state = NEXT[step].get(item.state)
    if state is None:
        raise NotOpen(item.id, item.state)
    return replace(item, state=state)


def _hold(item: Item, by: Caller) -> Item:
    return replace(item, owner=by.id, token=item.token + 1, lease_until=by.now + LEASE)


def _drop(item: Item) -> Item:
    """Nobody holds it now, and whatever was under way with it is stale: an answer, an acknowledgement."""
    return replace(item, owner=None, token=item.token + 1)


def _guard(item: Item, token: int, owner: str) -> None:
    if (item.token, item.owner) != (token, owner):
        raise LeaseLost(item.id)


def _claim(item: Item, by: Caller) -> None:
    if (item.state, item.owner) != (State.LEASED, by.id):
        _refuse_held(item, by)


def _refuse_held(item: Item, by: Caller) -> None:
    if item.state in HELD and not by.may_take(item):
        raise Underway(item.id) if item.state is State.ANSWERING else LeaseLost(item.id)
