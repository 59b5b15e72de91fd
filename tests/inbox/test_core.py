"""Every step with a message in every situation, and what it leaves behind."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox import core
from thenvoi_bridge.inbox.core import ATTEMPTS, HELD, LEASE, NEXT, Caller, Item, State, Step
from thenvoi_bridge.inbox.errors import AlreadyAnswered, LeaseLost, NotOpen, Underway

ME = Caller("me", NOW, alive={"me", "other"}.__contains__)
READY = Item(seq=1, id="m1", chat_id="room", sent_at="2026", message=mention("m1"), token=7)
LEASED = replace(READY, state=State.LEASED, owner="me", attempts=1, lease_until=NOW + 1)
ANSWERING = replace(LEASED, state=State.ANSWERING, digest="first")
ACKING = replace(READY, state=State.ACKING, outcome="processed", digest="first", answer='{"id": "a1"}')


def held(item: Item) -> list[Item]:
    """By me, by another, by one who died, by another whose time is up."""
    other = replace(item, owner="other")
    return [item, other, replace(item, owner="dead"), replace(other, lease_until=NOW)]


SITUATIONS = [
    READY,
    *held(LEASED),
    *held(ANSWERING),
    ACKING,
    replace(ACKING, outcome="failed", digest=None, answer=None),
    replace(ACKING, state=State.DONE),
    replace(READY, state=State.DEAD, outcome="failed"),
    replace(READY, state=State.GONE),
]
STEPS: dict[str, Callable[[Item], Item]] = {
    "take": lambda item: core.take(item, ME),
    "bury": lambda item: core.bury(item, ME),
    "release": lambda item: core.release(item, item.token, "me"),
    "begin": lambda item: core.begin(item, "second", ME),
    "answered": lambda item: core.answered(item, item.token, "me", "{}"),
    "unanswered": lambda item: core.unanswered(item, item.token, "me"),
    "end": lambda item: core.end(item, "processed", None, ME),
    "acked": lambda item: core.acked(item, item.token),
    "listed": core.listed,
    "vanish": core.vanish,
}
REFUSALS = {"lost": LeaseLost, "underway": Underway, "closed": NotOpen}

# `same` leaves the message as it is; other words are its new state, or a refusal.
TABLE = """
|            |           | leased                              | answering                             | acking           |        |        |        |
|            | ready     | mine      other dead      late      | mine     other    dead      late      | processed failed | done   | dead   | gone   |
| take       | leased    | lost      lost  leased    leased    | underway underway leased    leased    | closed    closed | closed | closed | closed |
| bury       | closed    | lost      lost  dead      dead      | underway underway dead      dead      | closed    closed | closed | closed | closed |
| release    | lost      | ready     lost  lost      lost      | closed   lost     lost      lost      | lost      lost   | lost   | lost   | lost   |
| begin      | answering | answering lost  answering answering | underway underway answering answering | closed    closed | closed | closed | closed |
| answered   | lost      | closed    lost  lost      lost      | acking   lost     lost      lost      | lost      lost   | lost   | lost   | lost   |
| unanswered | lost      | closed    lost  lost      lost      | leased   lost     lost      lost      | lost      lost   | lost   | lost   | lost   |
| end        | acking    | acking    lost  acking    acking    | underway underway acking    acking    | same      closed | same   | closed | closed |
| acked      | same      | same      same  same      same      | same     same     same      same      | done      dead   | same   | same   | same   |
| listed     | same      | same      same  same      same      | same     same     same      same      | same      same   | acking | same   | ready  |
| vanish     | gone      | gone      gone  gone      gone      | gone     gone     gone      gone      | closed    closed | closed | closed | closed |
"""  # noqa: E501

CASES = [
    pytest.param(name, item, expected, id=f"{name}-{item.state}-{item.owner or item.outcome}-{column}")
    for name, *cells in (row.replace("|", " ").split() for row in TABLE.splitlines()[3:])
    for column, (item, expected) in enumerate(zip(SITUATIONS, cells, strict=True))
]


@pytest.mark.parametrize(("name", "item", "expected"), CASES)
def test_every_step_does_in_every_situation_what_the_table_says(name: str, item: Item, expected: str) -> None:
    if refusal := REFUSALS.get(expected):
        with pytest.raises(refusal, match="m1"):
            STEPS[name](item)
    elif expected == "same":
        assert STEPS[name](item) == item
    else:
        assert STEPS[name](item).state == State(expected)


def test_the_table_knows_every_step_and_every_state() -> None:
    assert len(CASES) == len(STEPS) * len(SITUATIONS)
    assert {item.state for item in SITUATIONS} == set(State)
    assert {*STEPS, "processed", "failed"} == {*Step, "acked"}
    assert set(NEXT) == set(Step)


@pytest.mark.parametrize("item", SITUATIONS, ids=lambda item: f"{item.state}-{item.owner or item.outcome}")
@pytest.mark.parametrize("name", STEPS)
def test_whoever_held_a_message_that_changed_hands_can_do_nothing_more_with_it(name: str, item: Item) -> None:
    try:
        now = STEPS[name](item)
    except (LeaseLost, Underway, NotOpen):
        return
    assert (now.owner is None) == (now.state not in HELD)
    if now.owner != item.owner and item.owner:
        with pytest.raises(LeaseLost):
            core.release(now, item.token, item.owner)
        with pytest.raises(LeaseLost):
            core.answered(now, item.token, item.owner, "{}")


def test_handing_out_counts_and_holds_for_ten_minutes() -> None:
    taken = core.take(READY, ME)
    assert (taken.attempts, taken.token, taken.lease_until) == (1, 8, NOW + LEASE)
    assert not ME.may_take(taken)
    assert replace(ME, now=NOW + 600).may_take(taken)


def test_what_is_put_back_was_never_handed_out() -> None:
    back = core.release(core.take(READY, ME), 8, "me")
    assert back == replace(READY, token=8, lease_until=NOW + LEASE)


def test_a_message_handed_out_too_often_says_so_when_it_is_buried() -> None:
    spent = replace(LEASED, owner="dead", attempts=ATTEMPTS)
    assert spent.spent
    assert not replace(spent, attempts=ATTEMPTS - 1).spent
    assert core.bury(spent, ME).error == "handed out 5 times without an outcome"


def test_a_message_is_held_only_with_the_newest_token() -> None:
    with pytest.raises(LeaseLost):
        core.release(LEASED, LEASED.token - 1, "me")


@pytest.mark.parametrize("state", [State.ACKING, State.DONE])
def test_the_same_answer_again_gets_the_first_ones_result(state: State) -> None:
    with pytest.raises(AlreadyAnswered) as caught:
        core.begin(replace(ACKING, state=state), "first", ME)
    assert caught.value.answer == '{"id": "a1"}'


def test_an_answer_that_did_not_get_through_may_be_tried_again_at_once() -> None:
    again = core.begin(core.unanswered(ANSWERING, 7, "me"), "first", ME)
    assert (again.state, again.token, again.attempts) == (State.ANSWERING, 8, 1)


def test_ending_a_message_forgets_an_answer_that_never_got_through() -> None:
    ended = core.end(core.unanswered(ANSWERING, 7, "me"), "failed", "no idea", ME)
    assert (ended.outcome, ended.error, ended.digest, ended.answer) == ("failed", "no idea", None, None)


def test_an_acknowledgement_from_before_the_last_listing_is_no_news() -> None:
    again = core.listed(replace(ACKING, state=State.DONE))
    assert core.acked(again, ACKING.token) == again
    assert core.acked(again, again.token).state is State.DONE


@pytest.mark.parametrize(
    ("written", "sorts_as"),
    [
        ("2026-03-01T10:00:00.123456Z", "2026-03-01T10:00:00.123456+00:00"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000000+00:00"),
        ("2026-03-01T10:00:00", "2026-03-01T10:00:00.000000+00:00"),
        ("2026-03-01T12:00:00.5+02:00", "2026-03-01T10:00:00.500000+00:00"),
        ("0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_sort_however_they_are_written(written: str, sorts_as: str) -> None:
    message = mention("m1").model_copy(update={"inserted_at": written})
    assert core.sent_at(message) == sorts_as


def test_what_a_message_says_does_not_reach_a_log() -> None:
    item = replace(ACKING, chat_title="secret title", error="secret error", answer="secret answer")
    assert "secret" not in repr(item)
