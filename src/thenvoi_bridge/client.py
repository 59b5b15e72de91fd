"""The REST client: `await client(call)` for every call of the contract; not the socket, and no paging.

It decides what may be sent again, and when.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar
from uuid import uuid4

from pydantic_core import from_json

from thenvoi_bridge import tracing
from thenvoi_bridge.contract.call import Call, Route
from thenvoi_bridge.contract.errors import (
    AgentLoop,
    BadRequest,
    BrokenAnswer,
    Conflict,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ThenvoiError,
    Unauthorized,
    Unavailable,
    Unprocessable,
    Unreachable,
    error_from,
    pause_asked,
)
from thenvoi_bridge.errands import Errand, Messenger, Reply
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.metering.table import REST_REQUESTS
from thenvoi_bridge.pauses import Clock, Gate

A = TypeVar("A")

LONGEST_PAUSE = 300.0
"""Seconds for which a Retry-After is believed at most."""

_FIRST_PAUSE, _LAST_PAUSE = 0.5, 8.0  # seconds; the pauses before repetitions double from one to the other


class _Garbled(BrokenAnswer):
    """What came as a success is not even JSON; a proxy may have put it there, and the next may be whole."""


_PASSING = (Unreachable, RateLimited, Unavailable, OutcomeUnknown, _Garbled)
_NOT_APPLIED = (Unreachable, RateLimited)

_JUDGED = (BadRequest, NotFound, Conflict, Unprocessable)
"""What is said of a request only after its key was looked at, so that no earlier one was applied."""

_KEY = re.compile(r"[!-~]*")  # what else gets into a header comes back out in the library's error texts

_log = logging.getLogger(__name__)


class Client:
    """Speaks the platform's REST API as the owner of one key; any number of calls at a time.

    `connect_timeout` bounds the making of a connection, `timeout` one request as a whole, and `patience` the
    time from the start of a call to its last repetition, all in seconds; `attempts` counts requests. Nothing
    happens before the first call. Close it with `aclose` or as a context manager. A key that cannot stand in
    a header is Unauthorized.

    `honours_keys` says whether the platform takes `Idempotency-Key`, None while it has not answered one: this
    project's does, and says so in `Idempotency-Replayed`; others are not known to.
    """

    honours_keys: bool | None = None

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        connect_timeout: float = 5.0,
        timeout: float = 10.0,
        patience: float = 20.0,
        attempts: int = 5,
        clock: Clock | None = None,
        meter: Meter = UNMETERED,
    ) -> None:
        if not _KEY.fullmatch(key):
            raise Unauthorized("The key has characters that no key has")
        self.base_url = base_url
        self._patience = patience
        self._attempts = attempts
        self._clock = clock or Clock()
        self._gate, self.meter = Gate(self._clock), meter
        self._messenger = Messenger(base_url, key, connect_timeout=connect_timeout, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; calls still under way fail."""
        await self._messenger.aclose()

    async def __call__(self, call: Call[A], *, key: str | None = None, if_attempt: int | None = None) -> A:
        """Make the call and return its answer.

        A call that may be repeated is, when the connection failed, the platform answered 429 or 5xx, or its
        answer is not even JSON; that includes any POST on a platform that honours its `Idempotency-Key`,
        which is `key` or made up. Any other is repeated only when it was certainly not applied: without a
        connection, or after a 429. `if_attempt` fences a lifecycle call where that is understood.

        Raises what the platform answered (`contract.errors`); `Unreachable` without a connection;
        `OutcomeUnknown` when the request may have been applied although its answer is lost, or is a 5xx that
        does not exclude it; `RateLimited` at once when the pause asked for exceeds the patience left;
        `BrokenAnswer` for a redirect, too long an answer, or one that does not fit the contract.
        """
        errand = Errand(call.snake_name(), call.route, call.to_wire(), _key_for(call.route, key), if_attempt)

        def read(body: bytes) -> A:
            try:
                answer: A = call.read_answer(body)
            except BrokenAnswer as exc:
                raise exc if _json(body) is not None else _Garbled() from exc
            return answer

        return await self._persist(errand, read)

    async def _persist(self, errand: Errand, read: Callable[[bytes], A]) -> A:
        deadline, pauses, doubt = self._clock.now() + self._patience, self._pauses(), False
        while True:
            pause = next(pauses, None)
            try:
                return read(await self._send(errand, deadline))
            except ThenvoiError as exc:
                if pause is None or not self._again(errand, exc, pause, deadline):
                    if doubt and not isinstance(exc, _JUDGED):
                        raise OutcomeUnknown() from exc  # an earlier request may have been applied
                    raise
                doubt |= errand.key is not None and not isinstance(exc, _NOT_APPLIED)
                route = errand.route
                _log.info("%s %s: %s, again in %.1f s", route.method, route.template, exc.code, pause)
            await self._clock.sleep(pause)

    def _again(self, errand: Errand, exc: ThenvoiError, pause: float, deadline: float) -> bool:
        if isinstance(exc, AgentLoop) or not isinstance(exc, _PASSING):
            return False  # waiting would only keep the loop going
        again = self._may_repeat(errand) or isinstance(exc, _NOT_APPLIED)
        return again and max(self._clock.now() + pause, self._gate.opens_at) <= deadline

    def _may_repeat(self, errand: Errand) -> bool:
        return errand.route.may_repeat or (errand.key is not None and self.honours_keys is True)

    def _pauses(self) -> Iterator[float]:
        for nth in range(self._attempts - 1):
            yield random.uniform(0, min(_LAST_PAUSE, _FIRST_PAUSE * 2**nth))  # noqa: S311 - no secret

    async def _send(self, errand: Errand, deadline: float) -> bytes:
        await self._gate.passage(deadline)
        reply = await self._exchange(errand)
        if not 200 <= reply.status < 300:
            raise self._refusal(reply, errand.route.may_repeat)
        if errand.key is not None and _json(reply.body) is not None:  # else a proxy may have answered
            self.honours_keys = "Idempotency-Replayed" in reply.headers
        return reply.body

    async def _exchange(self, errand: Errand) -> Reply:
        """One request and its answer: a part of the trace, and counted."""
        route, status = errand.route, "none"
        with tracing.request(errand.name, "client", route.method, route.template) as part:
            try:
                reply = await self._messenger.run(errand)
                status = part.answered(reply.status)
            finally:
                self.meter.add(REST_REQUESTS, errand.name, status)
        return reply

    def _refusal(self, reply: Reply, may_repeat: bool) -> ThenvoiError:
        status = reply.status
        if status < 400:
            return BrokenAnswer("The platform redirects elsewhere, which is not followed: check the base URL")
        error = error_from(status, _json(reply.body))
        pause = pause_asked(reply.headers, LONGEST_PAUSE)
        if isinstance(error, RateLimited):
            error.retry_after = pause if pause is not None else RateLimited.retry_after
            pause = None if isinstance(error, AgentLoop) else error.retry_after
        if status in (429, 503) and pause is not None:
            self._gate.shut(pause)
        if status >= 500 and status != 503 and not may_repeat:
            # A proxy that lost patience, or a fault after the commit: "try again later" would send it twice.
            return OutcomeUnknown(request_id=error.request_id)
        return error


def _key_for(route: Route, given: str | None) -> str | None:
    """The key of a request that must not be applied twice. Platforms that do not know it pass over it."""
    if given is not None or route.may_repeat or route.secret or route.method != "POST":
        return given
    return str(uuid4())


def _json(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None
