"""Request headers that are extensions of this platform: what they look like and which calls take them.

Any other call passes over them, so that no request of a published client reads differently here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.call import Json, Route
from thenvoi_bridge.contract.errors import BadRequest

REPLAYED = "Idempotency-Replayed"
"""Answers a key that was honoured: `true` where the answer is the one of an earlier request."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header that some calls take. `schema` and `meaning` are what the OpenAPI document says of it."""

    name: str
    pattern: str
    schema: Json
    meaning: str
    taken_by: Callable[[type[Call[Any]], Route], bool]

    def of(self, kind: type[Call[Any]], route: Route, headers: Headers) -> str | None:
        """The value a request brings, None without one. Raises `BadRequest` for one that is malformed.

        Lines of the same name are one value with commas (RFC 9110, 5.3), so that none is passed over.
        """
        if not self.taken_by(kind, route) or not (lines := headers.getlist(self.name)):
            return None
        value = ", ".join(lines)
        if not re.fullmatch(self.pattern, value):
            raise BadRequest(f"Malformed {self.name}", {f"/{self.name}": ["is malformed"]})
        return value


_KEY = r"[!-~]([ -~]{0,253}[!-~])?"

IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    _KEY,
    {"type": "string", "pattern": f"^{_KEY}$"},
    "Makes it safe to send this again: for 24 hours the same request of the same caller with the same key "
    "gets the first answer again, and nothing else happens. Another request with the key is refused with "
    "422 `idempotency_key_reused`. A refusal leaves the key free.",
    lambda kind, route: route.method == "POST" and not kind.route.secret,
)
"""Not taken where the answer holds a secret, which is kept nowhere."""

IF_ATTEMPT = Header(
    "If-Attempt",
    r"0|[1-9][0-9]{0,8}",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "Refuse this with 409 `attempt_superseded` unless this is the number of the last attempt, 0 where there "
    "is none. `processing` is refused with 409 `already_processed`, too, instead of opening what is done.",
    lambda kind, _: kind.group() == "lifecycle",
)

HEADERS = (IDEMPOTENCY_KEY, IF_ATTEMPT)


def attempt_of(kind: type[Call[Any]], route: Route, headers: Headers) -> int | None:
    """The attempt that the caller takes for the last one, None if it does not say. Raises `BadRequest`."""
    value = IF_ATTEMPT.of(kind, route, headers)
    return None if value is None else int(value)
