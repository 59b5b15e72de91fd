"""One family of errors, split by what the caller does next.

The platform raises them and answers with `status` and the envelope; the REST client reads the envelope and
raises them again. Every message may be shown to a person or a model: no keys, no paths, no tracebacks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar


class ThenvoiError(Exception):
    """Base of everything that can go wrong between the two halves.

    `message` is for people, `code` for programs, `request_id` finds the request in the platform's log.
    `foreign`: message and details are as the other half wrote them, who may have put anybody's words there.
    """

    status: ClassVar[int] = 500
    foreign: bool = False
    code: str = "internal_error"
    default: ClassVar[str] = "Something went wrong on the platform"

    def __init__(
        self,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
        *,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default
        self.details = dict(details or {})
        self.request_id = request_id
        self.code = code or self.code

    @property
    def ours(self) -> str:
        """The message, or what stands for it in our own words if others wrote it."""
        return self.default if self.foreign else self.message

    def __str__(self) -> str:
        """What may stand in a log."""
        return self.ours


class BadRequest(ThenvoiError):
    """Mend the request: its form is wrong, or it has a property nobody knows."""

    status, code, default = 400, "bad_request", "The request could not be understood"


class Unauthorized(ThenvoiError):
    """Bring a valid credential."""

    status, code, default = 401, "unauthorized", "Missing or invalid credentials"


class Forbidden(ThenvoiError):
    """Do not try again: the role, the kind of key, the plan or the quota does not allow it.

    Quotas answer `limit_reached` since 2026-02-24 (seed); 429 is for rates and loops.
    """

    status, code, default = 403, "forbidden", "Not allowed"


class NotFound(ThenvoiError):
    """Missing, or not yours to see; the two answers are the same on purpose."""

    status, code, default = 404, "not_found", "Not found"


class Conflict(ThenvoiError):
    """It is already so."""

    status, code, default = 409, "conflict", "Already done"


class Unprocessable(ThenvoiError):
    """Mend the values. `details` maps JSON Pointers to lists of what is wrong there."""

    status, code, default = 422, "validation_error", "Validation failed"


class RateLimited(ThenvoiError):
    """Wait `retry_after` seconds, then try again."""

    status, code, default = 429, "rate_limited", "Too many requests"
    retry_after: float = 1.0


class AgentLoop(RateLimited):
    """Stop answering this agent; anything else may go on. An extension of this project's platform."""

    code, default = "agent_loop", "These agents answer each other without end"


class Unavailable(ThenvoiError):
    """Try again later: the platform cannot serve now (502, 503, 504) or broke (another 5xx)."""

    status, code, default = 503, "unavailable", "The platform is not available right now"


class Unreachable(ThenvoiError):
    """No connection: the request was certainly not applied."""

    code, default = "unreachable", "The platform cannot be reached"


class OutcomeUnknown(ThenvoiError):
    """The connection broke after the request was sent: it may or may not have been applied."""

    code, default = "outcome_unknown", "The connection broke before the platform answered"


class BrokenAnswer(ThenvoiError):
    """The platform answered something the contract does not know, or too much of it."""

    code, default = "broken_answer", "The platform's answer does not fit the contract"


_ANSWERED = (BadRequest, Unauthorized, Forbidden, NotFound, Conflict, Unprocessable, RateLimited, Unavailable)
_BY_STATUS: dict[int, type[ThenvoiError]] = {kind.status: kind for kind in _ANSWERED}
_BY_CODE: dict[tuple[int, object], type[ThenvoiError]] = {(429, AgentLoop.code): AgentLoop}


def pause_asked(headers: Mapping[str, str], longest: float) -> float | None:
    """The seconds of a Retry-After, a number or a date (RFC 9110, 10.2.3), believed up to `longest`.

    None if there is none. A date is measured against the answer's own: this computer's clock may be off.
    """
    text = headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        date = _epoch(text)
        if date is None:
            return None
        seconds = date - (_epoch(headers.get("Date", "")) or time.time())
    return min(longest, max(0.0, seconds))


def error_envelope(error: ThenvoiError, request_id: str) -> dict[str, Any]:
    """The body of every non-2xx answer. Published clients fail to parse one without `request_id`."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "request_id": request_id,
            "details": error.details,
        }
    }


def error_from(status: int, body: object) -> ThenvoiError:
    """The error an HTTP answer stands for, however little of the envelope it kept; a foreign one.

    Its code and request id are passed over where they are no names.
    """
    inner = body.get("error") if isinstance(body, dict) else None
    said: dict[str, Any] = inner if isinstance(inner, dict) else {}
    usual = _BY_STATUS.get(status, Unavailable if status >= 500 else BadRequest)
    kind = _BY_CODE.get((status, _text(said.get("code"))), usual)
    details = said.get("details")
    error = kind(
        _text(said.get("message")),
        details if isinstance(details, dict) else None,
        code=_name(said.get("code")),
        request_id=_name(said.get("request_id")),
    )
    error.foreign = True
    return error


def _epoch(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _name(value: object) -> str | None:
    """The value if it is one word, in which nobody can say anything."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.:-]{1,64}", value, re.ASCII) else None
