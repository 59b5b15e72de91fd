from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.platform.town import is_time
from thenvoi_bridge.platform import clock

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=ZONES)
SAFE = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 1, 10, tzinfo=UTC), "2026-03-01T10:00:00.000000Z"),
        (datetime(2026, 3, 1, 10, 0, 0, 123456, UTC), "2026-03-01T10:00:00.123456Z"),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:00:00.000000Z"),
        (datetime(500, 1, 1, tzinfo=UTC), "0500-01-01T00:00:00.000000Z"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), "0001-01-01T00:00:00.000000Z"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_microseconds(moment: datetime, text: str) -> None:
    assert clock.stamp(moment) == text


@given(MOMENTS)
def test_every_moment_can_be_written(moment: datetime) -> None:
    assert is_time(clock.stamp(moment))


@given(SAFE, SAFE)
def test_times_as_text_sort_like_times(one: datetime, other: datetime) -> None:
    assert (clock.stamp(one) < clock.stamp(other)) == (one < other)


def test_now_is_between_before_and_after() -> None:
    before = clock.stamp(datetime.now(UTC))
    assert before <= clock.now() <= clock.stamp(datetime.now(UTC))


@pytest.mark.parametrize(
    ("earlier", "moment", "later"),
    [
        ("2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:00.000001Z", "2026-03-01T10:00:00.000001Z"),
        ("2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:00.000001Z"),
        ("2026-12-31T23:59:59.999999Z", "2020-01-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z"),
    ],
    ids=["the clock went on", "the clock stood still", "the clock went back"],
)
def test_what_comes_later_has_a_later_time(earlier: str, moment: str, later: str) -> None:
    assert clock.later_than(earlier, moment) == later
