"""How far one recipient has come with one message: the states, and what each order does to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from thenvoi_bridge.contract.errors import Conflict, Unprocessable
from thenvoi_bridge.contract.messages import StatusFilter


class State(StrEnum):
    """`none`: nobody was told yet. Only `processed` ends a message (seed, message processing)."""

    NONE = "none"
    DELIVERED = "delivered"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


Order = Literal["deliver", "start", "succeed", "fail"]

TABLE: dict[tuple[State, Order], State] = {
    (State.NONE, "deliver"): State.DELIVERED,
    (State.DELIVERED, "deliver"): State.DELIVERED,
    (State.PROCESSING, "deliver"): State.PROCESSING,
    (State.PROCESSED, "deliver"): State.PROCESSED,
    (State.FAILED, "deliver"): State.FAILED,
    **{(state, "start"): State.PROCESSING for state in State},
    (State.PROCESSING, "succeed"): State.PROCESSED,
    (State.PROCESSING, "fail"): State.FAILED,
}
"""What is not here is refused with 422: there is no open attempt to close."""

SHOWN: dict[StatusFilter | None, frozenset[State]] = {
    None: frozenset(State) - {State.PROCESSED},
    "pending": frozenset({State.NONE, State.DELIVERED, State.FAILED}),
    "processing": frozenset({State.PROCESSING}),
    "processed": frozenset({State.PROCESSED}),
    "failed": frozenset({State.FAILED}),
    "all": frozenset(State),
}
"""Which states a `status` filter of the message list shows. None is the filter nobody gave."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a message. `status` says `success` where the delivery says `processed`."""

    attempt_number: int
    status: Literal["processing", "success", "failed"]
    started_at: str
    completed_at: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The entry of one recipient in `metadata.delivery_status`."""

    state: State = State.NONE
    delivered_at: str | None = None
    processed_at: str | None = None
    attempts: tuple[Attempt, ...] = ()

    def after(self, order: Order, now: str, error: str | None = None) -> Delivery:
        """The delivery once `order` was given. Raises `Unprocessable` where the table has no way."""
        state = TABLE.get((self.state, order))
        if state is None:
            raise Unprocessable("There is no open attempt", {"/processing_attempt": ["is not open"]})
        return _EFFECTS[order](replace(self, state=state), now, error)

    def shown(self) -> dict[str, Any]:
        """As the contract writes it."""
        attempts = [{name: getattr(a, name) for name in Attempt.__slots__} for a in self.attempts]
        return {
            "status": self.state.value,
            "delivered_at": self.delivered_at,
            "processed_at": self.processed_at,
            "current_attempt": len(attempts) or None,
            "attempts": attempts,
        }


def check_attempt(delivery: Delivery, order: Order, known: int | None) -> None:
    """Raise `Conflict` where the last attempt is not `known`, the one the caller goes by; 0 stands for none.

    What is processed is not started again then (`already_processed`). None is a caller who goes by nothing.
    """
    if known is None:
        return
    if order == "start" and delivery.state is State.PROCESSED:
        raise Conflict("This message is processed already", code="already_processed")
    if known != len(delivery.attempts):
        why = {"/If-Attempt": [f"is not {len(delivery.attempts)}, the number of the last attempt"]}
        raise Conflict("This is not the last attempt", why, code="attempt_superseded")


def _delivered(delivery: Delivery, now: str, _: str | None) -> Delivery:
    return replace(delivery, delivered_at=delivery.delivered_at or now)


def _started(delivery: Delivery, now: str, _: str | None) -> Delivery:
    overtaken = _closed(delivery.attempts, "failed", now, "superseded")
    fresh = Attempt(len(overtaken) + 1, "processing", now)
    return replace(delivery, attempts=(*overtaken, fresh), processed_at=None)


def _succeeded(delivery: Delivery, now: str, _: str | None) -> Delivery:
    return replace(delivery, attempts=_closed(delivery.attempts, "success", now), processed_at=now)


def _failed(delivery: Delivery, now: str, error: str | None) -> Delivery:
    return replace(delivery, attempts=_closed(delivery.attempts, "failed", now, error))


def _closed(
    attempts: tuple[Attempt, ...], status: Literal["success", "failed"], now: str, error: str | None = None
) -> tuple[Attempt, ...]:
    """The attempts with the last one closed, if it was open."""
    if not attempts or attempts[-1].status != "processing":
        return attempts
    return (*attempts[:-1], replace(attempts[-1], status=status, completed_at=now, error=error))


_EFFECTS = {"deliver": _delivered, "start": _started, "succeed": _succeeded, "fail": _failed}
