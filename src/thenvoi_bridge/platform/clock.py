"""Times as the contract writes them: ISO 8601, UTC, microseconds, `Z`. As text they sort like times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def stamp(moment: datetime) -> str:
    """A moment as the contract writes it."""
    return moment.astimezone(UTC).strftime(_FORMAT)


def now() -> str:
    """The present moment."""
    return stamp(datetime.now(UTC))


def later_than(earlier: str, moment: str) -> str:
    """`moment`, or the first microsecond after `earlier` if the clock has not moved on (or went back)."""
    if moment > earlier:
        return moment
    return stamp(datetime.strptime(earlier, _FORMAT).replace(tzinfo=UTC) + timedelta(microseconds=1))
