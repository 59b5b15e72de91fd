"""Times as the contract writes them: ISO 8601, UTC, microseconds, `Z`. As text they sort like times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def stamp(moment: datetime) -> str:
    """A moment as the contract writes it."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # within hours of the first or the last day there is, where they mean nothing
        utc = moment.replace(tzinfo=UTC)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def now() -> str:
    """The present moment."""
    return stamp(datetime.now(UTC))


def later_than(earlier: str, moment: str) -> str:
    """`moment`, or the first microsecond after `earlier` if the clock has not moved on (or went back)."""
    if moment > earlier:
        return moment
    return stamp(datetime.fromisoformat(earlier) + timedelta(microseconds=1))


def earlier(moment: str, seconds: float) -> str:
    """The moment that many seconds before."""
    return stamp(datetime.fromisoformat(moment) - timedelta(seconds=seconds))
