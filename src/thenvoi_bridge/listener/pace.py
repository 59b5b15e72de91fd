"""When to try again: what each way of losing the connection means, and how long to wait after it."""

from __future__ import annotations

import math
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, InvalidProxy, InvalidStatus, ProxyError

from thenvoi_bridge.contract.errors import pause_asked

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pace:
    """Every interval of a listener, in seconds; a span is one to draw from.

    What follows each close code is what the published Python client does since 0.2, but milder for 1000 and
    1001, which end that client for good, and spread wider after 1012.
    """

    heartbeat: float = 10.0  # the platform closes after 45 s of silence (vendor docs)
    patience: float = 10.0  # with an opening, a send, and the reply to a join or a heartbeat
    closing: float = 1.0
    tick: float = 1.0
    nap: float = 5.0  # a tick that comes so much too late means that the computer slept
    backoff: Span = (0.5, 30.0)
    stable: float = 60.0  # failures are forgotten when all went well for so long
    cut: Span = (1.0, 1.5)  # after a close with 1000 or 1001
    restart: Span = (1.0, 8.0)  # after 1012, and until it is back: about a fifth come in one second
    returning: float = 60.0  # for which a platform that said 1012 is expected back
    crowd: Span = (30.0, 60.0)  # after 1013
    standby: Span = (60.0, 120.0)  # when refused, or before the first probe once another took over
    standby_longest: Span = (300.0, 600.0)  # to which that doubles from probe to probe
    contest: float = 300.0  # two cuts within so long mean that another took over
    longest: float = 300.0  # for which a Retry-After is believed


@dataclass(slots=True)
class Backoff:
    """Full jitter under a bound that doubles with every failure, until things go well for a stable time."""

    pace: Pace
    failures: int = 0
    up_at: float = math.inf

    def up(self, now: float) -> None:
        """Success; it counts once it has lasted."""
        self.up_at = now

    def down(self, now: float) -> float:
        """Failure. The seconds to wait before the next try."""
        if now - self.up_at >= self.pace.stable:
            self.failures = 0
        first, longest = self.pace.backoff
        bound = min(longest, first * 2.0**self.failures)
        self.failures = min(self.failures + 1, 32)
        self.up_at = math.inf
        return draw((0.0, bound))


@dataclass(frozen=True, slots=True)
class Ending:
    """Why there is no connection, in words for people, and the least to wait.

    `refused` is the HTTP status if the platform does not want us. `cut` means that another connection may
    have taken our place: so the platform ends the older of two sockets of one agent (clients, by their era).
    `occupied` means that it certainly has, `restarts` that the platform is soon back.
    """

    reason: str
    pause: Span = (0.0, 0.0)
    refused: int | None = None
    cut: bool = False
    occupied: bool = False
    restarts: bool = False


@dataclass(slots=True)
class Returning:
    """Expects a platform that restarts to be back soon: pauses that grew would miss that by far.

    All of its other clients wait, too, so that the pauses are spread rather than short.
    """

    pace: Pace
    until: float = -math.inf

    def after(self, end: Ending, now: float) -> Span | None:
        """The span to wait after this end, None where the platform is not expected."""
        if end.restarts:
            self.until = now + self.pace.returning
        if now >= self.until or end.refused is not None or end.cut or end.occupied:
            return None
        return longer(self.pace.restart, end.pause)


class Gone(Exception):
    """The connection is no good any more although it is open; the text says why."""


def ending(exc: Exception, pace: Pace) -> Ending:
    """What an exception of the socket means. Nothing of its text is passed on: it may show the URL."""
    match exc:
        case Gone():
            return Ending(str(exc))
        case ConnectionClosed():
            return _closed(exc.rcvd.code if exc.rcvd else 1006, pace)
        case InvalidStatus():
            return _turned_away(exc.response.status_code, exc.response.headers, pace)
        case _:
            return next((Ending(words) for kinds, words in _TROUBLES if isinstance(exc, kinds)), _NO_SOCKET)


def draw(span: Span) -> float:
    """A number of the span, all being equally likely."""
    return random.uniform(*span)  # noqa: S311 - no secret


def longer(one: Span, other: Span) -> Span:
    """A span that lies within neither's forbidden beginning."""
    return max(one[0], other[0]), max(one[1], other[1])


def _closed(code: int, pace: Pace) -> Ending:
    pauses = {1000: pace.cut, 1001: pace.cut, 1012: pace.restart, 1013: pace.crowd}
    cut = code in (1000, 1001)
    pause = pauses.get(code, (0.0, 0.0))
    return Ending(f"the connection ended (code {code})", pause, cut=cut, restarts=code == 1012)


def _turned_away(status: int, headers: Mapping[str, str], pace: Pace) -> Ending:
    if status < 300:
        return _NO_SOCKET
    least = pause_asked(headers, pace.longest) or 0.0
    asked = least, least + pace.backoff[0]
    if status == 429 or status >= 500:
        return Ending(f"the platform is busy (HTTP {status})", asked)
    if status == 409:
        return Ending("another connection of this agent is in place (HTTP 409)", asked, occupied=True)
    if status < 400:
        reason = "the platform redirects elsewhere, which is not followed"
    else:
        reason = _REFUSALS.get(status, "the platform does not open its socket")
    return Ending(f"{reason} (HTTP {status})", longer(pace.standby, asked), refused=status)


_TROUBLES = (  # the first that fits, since some are kinds of OSError
    (TimeoutError, "the platform does not answer"),
    (ssl.SSLError, "the connection cannot be made secure"),
    (ImportError, "a SOCKS proxy is set, which needs the package python-socks"),
    ((ProxyError, InvalidProxy), "the proxy does not let us through"),
    ((OSError, UnicodeError), "the platform cannot be reached"),
)
_NO_SOCKET = Ending("what answers at the platform's address is no WebSocket")  # a hotel's log-in page, say
_REFUSALS = {
    # 401 can only come from a proxy: the platform says 403 to every key it does not like (clients).
    401: "the key is rejected",
    403: "the key is rejected",
    404: "there is no socket at the platform's address",
}
