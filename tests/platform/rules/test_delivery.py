"""rest.md 6.3, written out once more and independently: what every order does in every state."""

from functools import reduce
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.contract.errors import Conflict, Unprocessable
from thenvoi_bridge.contract.messages import StatusFilter
from thenvoi_bridge.platform.rules.delivery import SHOWN, Attempt, Delivery, Order, State, check_attempt

ORDERS: tuple[Order, ...] = get_args(Order)

WAYS: dict[State, tuple[Order, ...]] = {
    State.NONE: (),
    State.DELIVERED: ("deliver",),
    State.PROCESSING: ("deliver", "start"),
    State.PROCESSED: ("deliver", "start", "succeed"),
    State.FAILED: ("deliver", "start", "fail"),
}
"""How a delivery gets into each state."""

TABLE: dict[State, dict[Order, State]] = {
    State.NONE: {"deliver": State.DELIVERED, "start": State.PROCESSING},
    State.DELIVERED: {"deliver": State.DELIVERED, "start": State.PROCESSING},
    State.PROCESSING: {
        "deliver": State.PROCESSING,
        "start": State.PROCESSING,
        "succeed": State.PROCESSED,
        "fail": State.FAILED,
    },
    State.PROCESSED: {"deliver": State.PROCESSED, "start": State.PROCESSING},
    State.FAILED: {"deliver": State.FAILED, "start": State.PROCESSING},
}


def after(orders: tuple[Order, ...], start: Delivery | None = None) -> Delivery:
    """A delivery to which these orders were given, one a second."""
    steps = enumerate(orders)
    return reduce(lambda d, step: d.after(step[1], f"t{step[0]}", "why"), steps, start or Delivery())


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_in_every_state(state: State, order: Order) -> None:
    before = after(WAYS[state])
    assert before.state is state
    if order in TABLE[state]:
        assert before.after(order, "now").state is TABLE[state][order]
    else:
        with pytest.raises(Unprocessable) as refused:
            before.after(order, "now")
        assert refused.value.code == "validation_error"
        assert list(refused.value.details) == ["/processing_attempt"]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("order", ["start", "succeed", "fail"])
@pytest.mark.parametrize("tries", [0, 1, 2])
@pytest.mark.parametrize("known", [None, 0, 1, 2, 3, 4])
def test_only_who_knows_the_last_attempt_may_go_on(
    state: State, order: Order, tries: int, known: int | None
) -> None:
    before = after(WAYS[state], after(("start", "fail") * tries))
    last = tries + WAYS[state].count("start")
    said = ""
    if known is not None and known != last:
        said = "attempt_superseded"
    if known is not None and (before.state, order) == (State.PROCESSED, "start"):
        said = "already_processed"
    if not said:
        return check_attempt(before, order, known)
    with pytest.raises(Conflict) as refused:
        check_attempt(before, order, known)
    assert refused.value.code == said


def test_nobody_told_means_nothing_to_show() -> None:
    assert Delivery().shown() == {
        "status": "none",
        "delivered_at": None,
        "processed_at": None,
        "current_attempt": None,
        "attempts": [],
    }


def test_a_processed_message_says_success_where_its_entry_says_processed() -> None:
    assert after(("deliver", "start", "succeed")).shown() == {
        "status": "processed",
        "delivered_at": "t0",
        "processed_at": "t2",
        "current_attempt": 1,
        "attempts": [
            {
                "attempt_number": 1,
                "status": "success",
                "started_at": "t1",
                "completed_at": "t2",
                "error": None,
            }
        ],
    }


def test_a_failed_attempt_keeps_its_reason() -> None:
    assert after(("start", "fail")).attempts == (Attempt(1, "failed", "t0", "t1", "why"),)


def test_an_attempt_that_is_overtaken_has_failed() -> None:
    assert after(("start", "start")).attempts == (
        Attempt(1, "failed", "t0", "t1", "superseded"),
        Attempt(2, "processing", "t1"),
    )


def test_starting_again_opens_what_was_processed() -> None:
    again = after(("start", "succeed", "start"))
    assert again.processed_at is None
    assert again.attempts == (Attempt(1, "success", "t0", "t1"), Attempt(2, "processing", "t2"))


def test_the_first_delivery_is_the_one_that_is_remembered() -> None:
    assert after(("deliver", "deliver", "start", "deliver")).delivered_at == "t0"


@given(st.lists(st.sampled_from(ORDERS)))
def test_whatever_is_ordered_the_attempts_tell_one_story(orders: list[Order]) -> None:
    delivery = Delivery()
    for nth, order in enumerate(orders):
        if order in TABLE[delivery.state]:
            delivery = delivery.after(order, f"t{nth}", "why")
    attempts = delivery.attempts
    assert [a.attempt_number for a in attempts] == list(range(1, len(attempts) + 1))
    assert [a for a in attempts[:-1] if a.status == "processing" or a.completed_at is None] == []
    assert (delivery.state is State.PROCESSING) == bool(attempts and attempts[-1].status == "processing")
    assert (delivery.state is State.PROCESSED) == (delivery.processed_at is not None)
    assert delivery.shown()["current_attempt"] == (len(attempts) or None)


@pytest.mark.parametrize(
    ("filter", "states"),
    [
        (None, {"none", "delivered", "processing", "failed"}),
        ("pending", {"none", "delivered", "failed"}),
        ("processing", {"processing"}),
        ("processed", {"processed"}),
        ("failed", {"failed"}),
        ("all", {"none", "delivered", "processing", "processed", "failed"}),
    ],
)
def test_each_filter_shows_its_states(filter: StatusFilter | None, states: set[str]) -> None:
    assert SHOWN[filter] == states


def test_every_filter_has_its_states() -> None:
    assert set(SHOWN) == {None, *get_args(StatusFilter)}
