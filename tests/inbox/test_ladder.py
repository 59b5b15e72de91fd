"""Whose turn it is to show a message: every rung against every other, over time."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import pytest

from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox.core import LEASE, Caller, Item, State, take
from thenvoi_bridge.inbox.ladder import ESCALATE, Rung, Shown, is_due

WALL = 1_800_000_000.0
ME = Caller("me", NOW, lambda owner: owner in ("me", "other"))
MESSAGE = mention("m1")
READY = Item(1, "m1", "room", MESSAGE.inserted_at, MESSAGE)


def due(
    rung: Rung,
    *shown: Shown,
    item: Item = READY,
    session: str = "mine",
    by: Caller = ME,
    wall: float = WALL,
) -> bool:
    return is_due(item, shown, rung, session, by, wall)


def above(rung: Rung) -> Iterable[Rung]:
    return [*Rung][: [*Rung].index(rung)]


@pytest.mark.parametrize("rung", Rung)
def test_what_nobody_was_shown_is_due_everywhere(rung: Rung) -> None:
    assert due(rung)


@pytest.mark.parametrize("rung", Rung)
def test_a_session_is_shown_it_once_on_a_rung_however_long_ago_that_was(rung: Rung) -> None:
    for ago in (0, ESCALATE, 1e6, -1e6):
        assert not due(rung, Shown(rung, "mine", WALL - ago))


@pytest.mark.parametrize("rung", Rung)
def test_another_session_is_shown_it_on_the_same_rung_at_once(rung: Rung) -> None:
    assert due(rung, Shown(rung, "another", WALL))


@pytest.mark.parametrize(("higher", "lower"), [*product(Rung, Rung)], ids=str)
def test_a_lower_rung_waits_until_the_higher_one_has_shown_it_in_vain(higher: Rung, lower: Rung) -> None:
    waits = higher in above(lower)
    for session in ("another", "anybody"):
        assert due(lower, Shown(higher, session, WALL)) is not waits
        assert due(lower, Shown(higher, session, WALL - ESCALATE + 0.1)) is not waits
        assert due(lower, Shown(higher, session, WALL - ESCALATE))


def test_the_last_of_several_rungs_to_show_it_counts() -> None:
    long_ago, just_now = Shown(Rung.CHANNEL, "a", WALL - 99), Shown(Rung.HOOK, "b", WALL - 1)
    assert not due(Rung.FEED, long_ago, just_now)
    assert due(Rung.WAIT, long_ago, just_now)


def test_a_clock_that_was_set_back_keeps_nothing_from_anybody() -> None:
    assert due(Rung.FEED, Shown(Rung.CHANNEL, "a", WALL + 3600))


@pytest.mark.parametrize("rung", Rung)
def test_what_somebody_has_in_hand_is_due_nowhere_until_he_is_dead_or_late(rung: Rung) -> None:
    held = take(READY, replace(ME, id="other"))
    assert not due(rung, item=held)
    assert due(rung, item=held, by=replace(ME, alive=lambda _: False))
    assert due(rung, item=held, by=replace(ME, now=NOW + LEASE))


@pytest.mark.parametrize("state", sorted({*State} - {State.READY, State.LEASED}), ids=str)
def test_what_is_being_answered_or_has_ended_is_due_nowhere(state: State) -> None:
    assert not any(due(rung, item=replace(READY, state=state)) for rung in Rung)
