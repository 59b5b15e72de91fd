"""What may happen to one message of ours on its way out: recorded before it is sent, and sent once.

Between the record and the platform's answer there is a moment in which nobody can tell whether it was sent.
Nothing leaves that moment by guessing: see `Outgoing.tries`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from thenvoi_bridge.inbox.core import Caller
from thenvoi_bridge.inbox.errors import LeaseLost, Underway

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import SendMessage

SENDING = 60.0
"""Seconds for which a message is left to the process that is sending it; longer than any one try takes."""

WINDOW = 120.0
"""Seconds in which the same text to the same people of a room is the same message, said twice by mistake."""

_ANSWERS = UUID("6c1f2d0e-6f0c-4a43-9f4b-0a1d6d1c7b52")


class Phase(StrEnum):
    """How far it is. Only what is `refused` did certainly not reach the room."""

    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of ours. `id` is its Idempotency-Key, `digest` what tells an order from another one, and
    `number` its place among all of them.

    `body` is the call as JSON, byte for byte what every try sends; `answer` is the platform's, as JSON.
    `tries` counts those begun, so while it is not sent, the last of them may or may not have reached the
    platform; with none it waits for earlier ones of its room. `made_at` and `tried_at` are Unix times. `seq`
    is the inbox's last arrival number and `since` the room's last known time, by the platform's clock, when
    it was made.
    """

    id: str
    chat_id: str
    digest: str
    body: str = field(repr=False)
    recipients: str
    gist: str
    made_at: float
    tried_at: float
    seq: int
    since: str
    number: int
    phase: Phase = Phase.SENDING
    confirmed: bool = False
    owner: str | None = None
    token: int = 0
    lease_until: float = 0.0
    tries: int = 0
    answer: str | None = field(default=None, repr=False)
    error: str | None = field(default=None, repr=False)

    @property
    def call(self) -> SendMessage:
        """What is sent. Raises `ValueError` where that is no call."""
        from thenvoi_bridge.contract.messages import SendMessage  # whoever only looks sends nothing

        return SendMessage.model_validate_json(self.body)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants said. `digest` is the same for the same order given again, `wall` the Unix time.

    `confirmed`: it is meant, although it looks like one of a loop.
    """

    call: SendMessage
    digest: str
    wall: float
    confirmed: bool = False


def key_of_answer(message_id: str) -> str:
    """The Idempotency-Key of the answer to messages of which this is the oldest.

    It depends on nothing else, so a platform that honours keys takes one answer to a message from all the
    computers on which an agent runs, whatever they know of each other.
    """
    return str(uuid5(_ANSWERS, message_id))


def gist_of(text: str) -> str:
    """The same for texts that only differ in white space or case."""
    return hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest()[:16]


def adopt(out: Outgoing, by: Caller) -> Outgoing:
    """Take it on, since nobody who lives is at it. Raises `Underway` while somebody is."""
    if out.phase is not Phase.SENDING or not by.is_free(out.owner, out.lease_until):
        raise Underway(out.id)
    return _hold(out, by)


def attempt(out: Outgoing, token: int, by: Caller, wall: float) -> Outgoing:
    """Begin a try; to be recorded before anything is sent. `wall` is the Unix time. Raises `LeaseLost`."""
    _guard(out, token)
    return replace(_hold(out, by), tries=out.tries + 1, tried_at=wall)


def sent(out: Outgoing, token: int, answer: str) -> Outgoing:
    """It is in the room; this is what the platform said. Raises `LeaseLost`."""
    _guard(out, token)
    return replace(_let_go(out), phase=Phase.SENT, answer=answer)


def refused(out: Outgoing, token: int, error: str) -> Outgoing:
    """It is certainly not in the room. Raises `LeaseLost`."""
    _guard(out, token)
    return replace(_let_go(out), phase=Phase.REFUSED, error=error)


def put_off(out: Outgoing, token: int, until: float) -> Outgoing:
    """Nobody can tell: leave it to whoever looks next, not before `until`. Raises `LeaseLost`."""
    _guard(out, token)
    return replace(out, token=out.token + 1, lease_until=until)


def _guard(out: Outgoing, token: int) -> None:
    if (out.phase, out.token) != (Phase.SENDING, token):
        raise LeaseLost(out.id)


def _hold(out: Outgoing, by: Caller) -> Outgoing:
    return replace(out, owner=by.id, token=out.token + 1, lease_until=by.now + SENDING)


def _let_go(out: Outgoing) -> Outgoing:
    return replace(out, owner=None, token=out.token + 1, lease_until=0.0)
