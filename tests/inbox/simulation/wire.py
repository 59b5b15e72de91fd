"""Between a process and the platform: requests that get lost or arrive late, and answers that get lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from tests.inbox.simulation.clock import Clock, Steps
from thenvoi_bridge.contract.errors import OutcomeUnknown, RateLimited, ThenvoiError, Unavailable, Unreachable

T = TypeVar("T")

TIMEOUT, PATIENCE, ATTEMPTS = 10.0, 20.0, 5
"""Seconds for one request, seconds until the last repetition, and how many requests: as `client.Client`."""

_NOT_APPLIED = (Unreachable, RateLimited)
_PASSING = (*_NOT_APPLIED, Unavailable, OutcomeUnknown)


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of requests, as shares of all; of the rest nothing special.

    `latency` is the seconds that a request or an answer takes at most, `latest` those after which one that is
    `late` arrives, counted from when its sender gave it up.
    """

    unreachable: float = 0.02
    limited: float = 0.005
    dropped: float = 0.02
    unanswered: float = 0.03
    late: float = 0.01
    latency: float = 0.5
    latest: float = 300.0


_KINDS = ("unreachable", "limited", "dropped", "unanswered", "late")


class Wire:
    """Takes requests to the platform. `writing` counts those under way that change something.

    `forgetful`: a call that was repeated ends as its last request did, though an earlier one may have been
    applied. That is wrong.
    """

    def __init__(self, clock: Clock, fates: Fates, *, forgetful: bool = False) -> None:
        self.writing = 0
        self._clock, self._fates, self._forgetful = clock, fates, forgetful
        self._weights = [*accumulate(getattr(fates, kind) for kind in _KINDS), 1.0]

    def read(self, request: Callable[[], T]) -> Steps[T]:
        """Ask for something. Raises a `ThenvoiError`."""
        return self._persist(request, Unavailable, TIMEOUT, PATIENCE, lambda: True)

    def write(
        self,
        request: Callable[[], T],
        may_repeat: Callable[[], bool] = lambda: True,
        patience: float = PATIENCE,
    ) -> Steps[T]:
        """Have something done. Raises a `ThenvoiError`."""
        return self._persist(request, OutcomeUnknown, min(TIMEOUT, patience), patience, may_repeat)

    def _persist(
        self,
        request: Callable[[], T],
        lost: type[ThenvoiError],
        timeout: float,
        patience: float,
        may_repeat: Callable[[], bool],
    ) -> Steps[T]:
        deadline, doubt = self._clock.now + patience, None
        for nth in range(ATTEMPTS):
            pause = self._clock.rng.uniform(0.0, min(8.0, 0.5 * 2**nth))
            try:
                return (yield from self._send(request, lost, timeout))
            except _PASSING as exc:
                doubt = doubt or (exc if isinstance(exc, OutcomeUnknown) else None)
                again = nth + 1 < ATTEMPTS and (isinstance(exc, _NOT_APPLIED) or may_repeat())
                if not again or self._clock.now + pause > deadline:
                    raise (None if self._forgetful else doubt) or exc from None
            yield pause
        raise AssertionError

    def _send(self, request: Callable[[], T], lost: type[ThenvoiError], timeout: float) -> Steps[T]:
        rng = self._clock.rng
        (fate,) = rng.choices((*_KINDS, "fine"), cum_weights=self._weights)
        self._clock.tally[f"requests {fate}"] += 1
        if fate in _REFUSED:
            yield rng.random()
            raise _REFUSED[fate]
        if fate == "dropped":
            yield rng.random() * timeout
            raise lost
        arrival, delay = _Arrival(request), rng.random() * self._fates.latency
        if fate == "late":
            delay = timeout + rng.random() * self._fates.latest
        self._dispatch(arrival, delay, writes=lost is OutcomeUnknown)
        if fate != "fine":
            yield timeout if fate == "late" else delay + rng.random() * (timeout - delay)
            raise lost
        yield delay
        return arrival.answer()

    def _dispatch(self, arrival: _Arrival[T], delay: float, *, writes: bool) -> None:
        """Have a request arrive, whether or not its sender still lives."""
        self.writing += writes

        def come() -> None:
            self.writing -= writes
            arrival.come()

        self._clock.after(delay, come)


_REFUSED = {"unreachable": Unreachable, "limited": RateLimited}


class _Arrival(Generic[T]):
    """A request on its way, and what the platform says to it."""

    def __init__(self, request: Callable[[], T]) -> None:
        self._request = request
        self._said: list[T] = []
        self._refusal: ThenvoiError | None = None

    def come(self) -> None:
        try:
            self._said.append(self._request())
        except ThenvoiError as exc:
            self._refusal = exc

    def answer(self) -> T:
        if self._refusal:
            raise self._refusal
        return self._said[0]
