"""When two agents have to be silent, at every edge: how many texts, how old, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.contract.errors import RateLimited
from thenvoi_bridge.platform.clock import stamp
from thenvoi_bridge.platform.rules.loops import check_turns, seconds_to_wait

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def ago(*seconds: float) -> list[str]:
    """The times that many seconds before now."""
    return [stamp(NOW - timedelta(seconds=each)) for each in seconds]


def wait(*seconds: float, most: int) -> int | None:
    """How long to be silent after texts that many seconds before now."""
    return seconds_to_wait(ago(*seconds), stamp(NOW), most)


@pytest.mark.parametrize(
    ("texts", "most", "silent"),
    [
        (0, 1, None),
        (1, 1, 590),
        (1, 2, None),
        (2, 2, 590),
        (29, 30, None),
        (30, 30, 590),
        (0, 0, None),
        (1, 0, None),
        (1000, 0, None),
    ],
)
def test_as_many_texts_as_may_be_are_enough_and_0_is_any_number(
    texts: int, most: int, silent: int | None
) -> None:
    assert wait(*[10] * texts, most=most) == silent


@pytest.mark.parametrize(
    ("age", "silent"),
    [
        (0, 600),
        (0.000001, 600),
        (0.999999, 600),
        (1, 599),
        (1.000001, 599),
        (599, 1),
        (599.000001, 1),
        (599.999999, 1),
        (600, None),
        (600.000001, None),
        (86400, None),
        (-0.5, 601),
    ],
    ids=str,
)
def test_a_text_counts_until_it_is_ten_minutes_old_and_the_wait_is_whole_seconds(
    age: float, silent: int | None
) -> None:
    assert wait(age, most=1) == silent


@pytest.mark.parametrize(
    ("ages", "most", "silent"),
    [
        ((100, 200), 2, 400),
        ((200, 100), 2, 400),
        ((100, 200, 300), 2, 400),
        ((300, 100, 200), 2, 400),
        ((100, 200, 300), 1, 500),
        ((100, 600), 2, None),
        ((100, 200, 600, 700), 2, 400),
        ((100, 200, 600, 700), 3, None),
    ],
    ids=str,
)
def test_the_wait_is_for_the_text_that_has_to_be_forgotten(
    ages: tuple[float, ...], most: int, silent: int | None
) -> None:
    assert wait(*ages, most=most) == silent


@given(st.lists(st.floats(-1, 700), max_size=40), st.integers(1, 35))
def test_whoever_waits_as_told_may_go_on_and_not_a_second_sooner(ages: list[float], most: int) -> None:
    turns = ago(*ages)
    told = seconds_to_wait(turns, stamp(NOW), most)
    if told is None:
        return
    assert told >= 1
    assert seconds_to_wait(turns, stamp(NOW + timedelta(seconds=told)), most) is None
    sooner = NOW + timedelta(seconds=told - 1, microseconds=-1)
    assert seconds_to_wait(turns, stamp(sooner), most) is not None


def test_agents_that_may_go_on_are_not_refused() -> None:
    check_turns({}, stamp(NOW), 2)
    check_turns({"ann/muse": ago(1), "bob/rover": ago(1, 600)}, stamp(NOW), 2)
    check_turns({"ann/muse": ago(1, 2, 3)}, stamp(NOW), 0)


def test_a_refusal_names_those_who_went_too_far_and_the_longest_wait() -> None:
    turns = {"ann/muse": ago(100, 200), "bob/rover": ago(1), "eve/spy": ago(50, 30, 40)}
    with pytest.raises(RateLimited) as refused:
        check_turns(turns, stamp(NOW), 2)
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "agent_loop", 560)
    assert str(refused.value) == (
        "Not sent: you and ann/muse, eve/spy have sent each other 2 messages in 10 minutes without a person "
        "writing in this room. A person's message here lets you go on at once; otherwise wait 560 seconds."
    )
