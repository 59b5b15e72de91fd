"""Every step with a message in every situation, and what it leaves behind."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest

from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox import core, times
from thenvoi_bridge.inbox.core import (
    ATTEMPTS,
    LEASE,
    LONGEST_LEASE,
    NEXT,
    TELLING,
    Caller,
    Item,
    State,
    Step,
)
from thenvoi_bridge.inbox.errors import LeaseLost, NotOpen, Underway

ME = Caller("me", NOW, alive={"me", "other"}.__contains__)
OTHER = replace(ME, id="other")
READY = Item(seq=1, id="m1", chat_id="room", sent_at="2026", message=mention("m1"), token=7)
LEASED = replace(READY, state=State.LEASED, owner="me", attempts=1, taken_at=NOW - 9, lease_until=NOW + 1)
ANSWERING = replace(LEASED, state=State.ANSWERING, outgoing_id="a1")
ACKING = replace(ANSWERING, state=State.ACKING, outcome="processed")
FREE = replace(ACKING, owner=None, lease_until=0.0)
DONE = replace(ACKING, state=State.DONE, owner=None)
DEAD = replace(DONE, state=State.DEAD, outcome="failed", error="no idea", outgoing_id=None)
GONE = replace(READY, state=State.GONE)


def held(item: Item) -> list[Item]:
    """By me, by another, by one who died, by another whose time is up."""
    other = replace(item, owner="other")
    return [item, other, replace(item, owner="dead"), replace(other, lease_until=NOW)]


SITUATIONS = [
    READY,
    *held(LEASED),
    replace(LEASED, lease_until=NOW),
    *held(ANSWERING),
    *held(ACKING),
    FREE,
    replace(FREE, outcome="failed", error="no idea", outgoing_id=None),
    DONE,
    DEAD,
    GONE,
]
STEPS: dict[str, Callable[[Item], Item]] = {
    "take": lambda item: core.take(item, ME),
    "bury": lambda item: core.bury(item, ME),
    "release": lambda item: core.release(item, item.token, "me"),
    "extend": lambda item: core.extend(item, ME),
    "begin": lambda item: core.begin(item, "a2", ME),
    "answered": lambda item: core.answered(item, ME),
    "unanswered": lambda item: core.unanswered(item, ME),
    "end": lambda item: core.end(item, "processed", None, ME),
    "give_up": lambda item: core.end(item, "failed", "a reason", ME),
    "tell": lambda item: core.tell(item, ME),
    "told": lambda item: core.told(item, item.token),
    "listed": core.listed,
    "vanish": core.vanish,
    "retry": core.retry,
}
REFUSALS = {"lost": LeaseLost, "underway": Underway, "closed": NotOpen}

# `same` leaves the message as it is; other words are its new state, or a refusal.
TABLE = """
|            |           | leased                                         | answering                           | acking: processed                  | failed |        |           |        |
|            | ready     | mine      other  dead      late      mine+late | mine     other    dead     late     | mine   other  dead   late   nobody | nobody | done   | dead      | gone   |
| take       | leased    | lost      lost   leased    leased    leased    | underway underway underway underway | closed closed closed closed closed | closed | closed | closed    | closed |
| bury       | closed    | lost      lost   acking    acking    acking    | underway underway underway underway | closed closed closed closed closed | closed | closed | closed    | closed |
| release    | lost      | ready     lost   lost      lost      ready     | underway lost     lost     lost     | closed lost   lost   lost   lost   | lost   | lost   | lost      | lost   |
| extend     | lost      | leased    lost   lost      lost      leased    | underway lost     lost     lost     | closed lost   lost   lost   lost   | lost   | lost   | lost      | lost   |
| begin      | answering | answering lost   answering answering answering | underway underway underway underway | closed closed closed closed closed | closed | closed | answering | closed |
| answered   | closed    | closed    closed closed    closed    closed    | acking   acking   acking   acking   | closed closed closed closed closed | closed | closed | closed    | closed |
| unanswered | closed    | closed    closed closed    closed    closed    | leased   leased   leased   leased   | closed closed closed closed closed | closed | closed | closed    | closed |
| end        | acking    | acking    lost   acking    acking    acking    | underway underway underway underway | same   same   same   same   same   | closed | same   | acking    | closed |
| give_up    | acking    | acking    lost   acking    acking    acking    | underway underway underway underway | closed closed closed closed closed | same   | closed | same      | closed |
| tell       | closed    | closed    lost   closed    closed    closed    | underway lost     underway underway | acking lost   acking acking acking | acking | closed | closed    | closed |
| told       | same      | same      same   same      same      same      | same     same     same     same     | done   done   done   done   done   | dead   | same   | same      | same   |
| listed     | same      | same      same   same      same      same      | same     same     same     same     | same   same   same   same   same   | same   | acking | same      | ready  |
| vanish     | gone      | gone      gone   gone      gone      gone      | underway underway underway underway | closed closed closed closed closed | closed | closed | closed    | closed |
| retry      | closed    | closed    closed closed    closed    closed    | underway underway underway underway | closed closed closed closed closed | closed | closed | ready     | closed |
"""  # noqa: E501

CASES = [
    (name, item, expected)
    for name, *cells in (row.replace("|", " ").split() for row in TABLE.splitlines()[3:])
    for item, expected in zip(SITUATIONS, cells, strict=True)
]


def taken() -> Iterator[tuple[str, Item, Item]]:
    """The steps that change something: their name, the message before and after."""
    for name, item, expected in CASES:
        if expected not in {"same", *REFUSALS}:
            yield name, item, STEPS[name](item)


@pytest.mark.parametrize(
    ("name", "item", "expected"), CASES, ids=lambda case: case.state if isinstance(case, Item) else None
)
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
    assert set(NEXT) == set(Step)


def test_there_are_no_transitions_but_those_of_the_table() -> None:
    found: dict[Step, dict[State, State]] = {}
    for name, item, now in taken():
        step = "end" if name == "give_up" else name
        step = {"done": "processed", "dead": "failed"}[now.state] if name == "told" else step
        assert found.setdefault(Step(step), {}).setdefault(item.state, now.state) == now.state
    assert found == NEXT


def test_what_is_being_answered_is_left_with_its_answer_or_its_refusal_alone() -> None:
    leaving = {name for name, item, _ in taken() if item.state is State.ANSWERING}
    assert leaving == {"answered", "unanswered"}


# Whether it has an owner, which outcomes it may have, whether it may and must have an answer of ours.
LOOKS: dict[State, tuple[set[bool], set[str | None], set[bool]]] = {
    State.READY: ({False}, {None}, {False}),
    State.LEASED: ({True}, {None}, {False}),
    State.ANSWERING: ({True}, {None}, {True}),
    State.ACKING: ({True, False}, {"processed", "failed"}, {True, False}),
    State.DONE: ({False}, {"processed"}, {True, False}),
    State.DEAD: ({False}, {"failed"}, {False}),
    State.GONE: ({False}, {None}, {False}),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_message_looks_like_its_state_whatever_happened_to_it(name: str) -> None:
    for item in [*SITUATIONS, *(now for step, _, now in taken() if step == name)]:
        owned, outcomes, answered = LOOKS[item.state]
        assert (item.owner is not None) in owned
        assert item.outcome in outcomes
        assert (item.outgoing_id is not None) in answered


@pytest.mark.parametrize("name", [name for name in STEPS if name not in {"release", "extend", "told"}])
def test_whatever_happens_to_a_message_what_was_under_way_with_it_is_stale(name: str) -> None:
    steps = [(item, now) for step, item, now in taken() if step == name]
    assert steps
    for item, now in steps:
        assert now.token == item.token + 1
        assert core.told(now, item.token) == now
        assert core.marked(now, item.token, 3) == now
        with pytest.raises(LeaseLost):
            core.release(now, item.token, item.owner or "me")


def test_a_message_keeps_what_it_was_when_it_came() -> None:
    for _, item, now in taken():
        assert (now.seq, now.id, now.chat_id, now.sent_at) == (1, "m1", "room", "2026")
        assert now.message is item.message


# Handing out


@pytest.mark.parametrize("item", [READY, replace(LEASED, owner="dead"), replace(LEASED, lease_until=NOW)])
def test_handing_out_counts_and_holds_for_ten_minutes(item: Item) -> None:
    taken = core.take(item, ME)
    assert (taken.owner, taken.attempts, taken.token) == ("me", item.attempts + 1, 8)
    assert (taken.taken_at, taken.lease_until) == (NOW, NOW + LEASE) == (NOW, NOW + 600)
    assert not replace(OTHER, now=NOW + 599).may_take(taken)
    assert replace(OTHER, now=NOW + 600).may_take(taken)
    assert replace(OTHER, alive={"other"}.__contains__).may_take(taken)


def test_what_is_put_back_was_never_handed_out() -> None:
    back = core.release(core.take(READY, ME), 8, "me")
    assert back == replace(READY, token=8, taken_at=NOW, lease_until=NOW + LEASE)
    assert OTHER.may_take(back)


def test_what_was_answered_without_being_handed_out_has_no_hand_out_to_take_back() -> None:
    refused = core.unanswered(core.begin(READY, "a1", ME), ME)
    assert core.release(refused, refused.token, "me").attempts == 0


def test_one_whose_hosts_reach_another_process_each_time_ends_and_answers_what_any_was_handed() -> None:
    theirs = core.take(READY, OTHER)
    for_all = replace(ME, for_all=True)
    assert core.begin(theirs, "a1", for_all).state is State.ANSWERING
    assert core.end(theirs, "processed", None, for_all).owner == ME.id
    for step in (core.take, core.bury):
        with pytest.raises(LeaseLost):
            step(theirs, for_all)
    with pytest.raises(Underway):
        core.begin(core.begin(theirs, "a1", OTHER), "a2", for_all)


def test_a_message_handed_out_too_often_has_failed_and_says_so() -> None:
    spent = replace(LEASED, owner="dead", attempts=ATTEMPTS)
    assert spent.spent
    assert not replace(spent, attempts=ATTEMPTS - 1).spent
    buried = core.bury(spent, ME)
    assert (buried.state, buried.outcome, buried.owner) == (State.ACKING, "failed", None)
    assert buried.error == "handed out 5 times without an outcome"
    assert OTHER.may_tell(buried)
    assert core.told(buried, buried.token).state is State.DEAD


@pytest.mark.parametrize(("token", "owner"), [(6, "me"), (8, "me"), (7, "other")])
def test_a_message_is_put_back_only_by_its_holder_with_the_newest_token(token: int, owner: str) -> None:
    with pytest.raises(LeaseLost):
        core.release(LEASED, token, owner)


# Keeping it


@pytest.mark.parametrize(
    ("after", "until"),
    [
        (0, LEASE),  # nothing is won, nothing is lost
        (1, 1 + LEASE),
        (LEASE, 2 * LEASE),
        (LONGEST_LEASE - LEASE, LONGEST_LEASE),
        (LONGEST_LEASE - 1, LONGEST_LEASE),
    ],
)
def test_work_extends_a_lease_to_an_hour_at_most(after: float, until: float) -> None:
    taken = core.take(READY, ME)
    kept = core.extend(taken, replace(ME, now=NOW + after))
    assert kept == replace(taken, lease_until=NOW + until)


def test_a_lease_that_an_hour_has_ended_is_not_extended_any_more() -> None:
    taken = replace(core.take(READY, ME), lease_until=NOW + LONGEST_LEASE)
    late = replace(ME, now=NOW + LONGEST_LEASE + 1)
    assert core.extend(taken, late) == taken
    assert replace(late, id="other").may_take(taken)
    assert LONGEST_LEASE == 3600


def test_extending_never_shortens() -> None:
    refused = core.unanswered(core.begin(READY, "a1", ME), replace(ME, now=NOW + LONGEST_LEASE))
    kept = core.extend(refused, replace(ME, now=NOW + LONGEST_LEASE))
    assert kept.lease_until == NOW + LONGEST_LEASE + LEASE


# Answering


@pytest.mark.parametrize(
    "item",
    [READY, LEASED, replace(LEASED, owner="dead"), replace(LEASED, owner="other", lease_until=NOW), DEAD],
)
def test_an_answer_is_noted_with_its_message_before_it_is_sent(item: Item) -> None:
    begun = core.begin(item, "a2", ME)
    assert (begun.owner, begun.outgoing_id, begun.token) == ("me", "a2", 8)
    assert (begun.taken_at, begun.lease_until) == (NOW, NOW + LEASE)
    assert (begun.outcome, begun.error, begun.attempts) == (None, None, item.attempts)


@pytest.mark.parametrize("by", [ME, OTHER], ids=lambda by: by.id)
def test_whoever_got_an_answer_out_tells_the_platform_for_a_while(by: Caller) -> None:
    out = core.answered(ANSWERING, by)
    assert (out.outcome, out.error, out.outgoing_id) == ("processed", None, "a1")
    assert (out.owner, out.lease_until) == (by.id, NOW + TELLING) == (by.id, NOW + 20)
    assert replace(ME, id="third", now=NOW + 20).may_tell(out)
    assert not replace(ME, id="third", now=NOW + 19).may_tell(out)


@pytest.mark.parametrize("by", [ME, OTHER], ids=lambda by: by.id)
def test_whoever_was_to_answer_has_another_try_though_another_learned_of_the_refusal(by: Caller) -> None:
    back = core.unanswered(ANSWERING, by)
    assert back == replace(LEASED, token=8, lease_until=NOW + LEASE)
    assert core.begin(back, "a2", ME).state is State.ANSWERING
    with pytest.raises(LeaseLost):
        core.begin(back, "a2", OTHER)


def test_a_refused_answer_of_somebody_who_died_leaves_the_message_free() -> None:
    back = core.unanswered(replace(ANSWERING, owner="dead"), ME)
    assert ME.may_take(back)


# Ending and telling


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        *product([READY, LEASED, replace(LEASED, owner="dead")], ["processed", "failed"]),
        (DEAD, "processed"),
    ],
)
def test_whoever_ends_a_message_tells_the_platform_for_a_while(item: Item, outcome: core.Outcome) -> None:
    ended = core.end(item, outcome, "a reason", ME)
    assert (ended.outcome, ended.error, ended.outgoing_id) == (outcome, "a reason", None)
    assert (ended.owner, ended.lease_until) == ("me", NOW + TELLING)
    with pytest.raises(LeaseLost):
        core.tell(ended, OTHER)


def test_the_same_outcome_with_another_reason_changes_nothing() -> None:
    ended = core.end(READY, "failed", "a reason", ME)
    assert core.end(ended, "failed", "another", ME) == ended


def test_whoever_takes_on_telling_makes_the_one_before_late() -> None:
    mine = core.tell(FREE, ME)
    assert (mine.owner, mine.token, mine.lease_until) == ("me", 8, NOW + TELLING)
    theirs = core.tell(mine, replace(OTHER, now=NOW + TELLING))
    assert core.told(theirs, mine.token) == theirs
    assert core.told(theirs, theirs.token) == replace(theirs, state=State.DONE, owner=None)


def test_once_told_is_told() -> None:
    done = core.told(ACKING, ACKING.token)
    assert core.told(done, done.token) == done


def test_an_acknowledgement_from_before_the_last_listing_is_no_news() -> None:
    again = core.listed(DONE)
    assert core.told(again, DONE.token) == again
    assert core.told(again, again.token).state is State.DONE


# What the platform says of it


@pytest.mark.parametrize("item", SITUATIONS, ids=lambda item: f"{item.state}-{item.owner or item.outcome}")
def test_the_platforms_number_of_a_hand_out_is_kept_unless_it_comes_too_late(item: Item) -> None:
    assert core.marked(item, item.token, 3) == replace(item, attempt=3)
    assert core.marked(item, item.token - 1, 3) == item


@pytest.mark.parametrize("item", [DONE, GONE])
def test_what_is_listed_again_has_no_attempt_and_nobody_who_holds_it(item: Item) -> None:
    again = core.listed(replace(item, attempt=3))
    assert (again.attempt, again.owner, again.lease_until) == (None, None, 0.0)
    assert (again.outcome, again.outgoing_id) == (item.outcome, item.outgoing_id)
    assert OTHER.may_tell(again) if item is DONE else OTHER.may_take(again)


def test_what_failed_and_is_tried_again_is_as_if_for_the_first_time() -> None:
    again = core.retry(replace(DEAD, attempts=ATTEMPTS))
    assert again == replace(READY, token=8, taken_at=DEAD.taken_at)
    assert (again.attempts, again.outcome, again.error) == (0, None, None)


@pytest.mark.parametrize(
    ("item", "unheld"),
    [
        (READY, True),
        (LEASED, False),
        (replace(LEASED, owner="other", lease_until=NOW), False),  # however long ago
        (replace(LEASED, owner="dead"), True),
        (replace(ANSWERING, owner="dead"), False),
        (FREE, False),
        (DEAD, False),
    ],
    ids=lambda case: f"{case.state}-{case.owner}" if isinstance(case, Item) else None,
)
def test_what_nobody_holds_who_lives(item: Item, unheld: bool) -> None:
    assert core.is_unheld(item, ME.alive) is unheld


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
    assert times.sent_at(message) == sorts_as


def test_what_a_message_says_does_not_reach_a_log() -> None:
    item = replace(DEAD, chat_title="secret title", error="secret error")
    assert "secret" not in repr(item)
