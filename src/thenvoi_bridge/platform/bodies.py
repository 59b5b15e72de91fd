"""Reading what a request brings: how much, how deep, and whether it can be kept at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pydantic_core import from_json
from starlette.requests import Request

from thenvoi_bridge.contract.call import Json
from thenvoi_bridge.contract.errors import BadRequest, ThenvoiError, Unprocessable

VALUES = 20_000
"""The most values in a body: as objects they take far more room and time than as bytes."""

MOST = 2**63 - 1
"""The largest whole number that others than Python read as it was written."""

NUL = "\0"
"""The one character that Postgres cannot keep in a text."""


class TooLarge(ThenvoiError):
    """Send less."""

    status, code, default = 413, "payload_too_large", "The body is too large"


async def whole(request: Request, limit: int) -> bytes:
    """The body of a request. Raises `TooLarge` beyond `limit` bytes, without having read them all."""
    parts: list[bytes] = []
    size = int(request.headers.get("content-length", "0") or 0)
    if size <= limit:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                break
            parts.append(part)
    if size > limit:
        raise TooLarge(f"The body is larger than {limit} bytes")
    return b"".join(parts)


def parsed(body: bytes, depth: int) -> Json | None:
    """The object in a body, None if it is empty. Raises `BadRequest`."""
    if not body.strip():
        return None
    if _values(body) > VALUES:
        raise BadRequest(f"The body has more than {VALUES} values")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as exc:
        raise BadRequest("The body is not JSON") from exc
    if not _is_readable(value, depth):
        raise BadRequest("The body is nested too deeply, or has a number or character that cannot be kept")
    if not isinstance(value, dict):
        raise BadRequest("The body is not a JSON object")
    return value


def checked_query(query: Mapping[str, str]) -> Mapping[str, str]:
    """The query, if it can be kept. Raises `Unprocessable`."""
    for name, value in query.items():
        if NUL in name or NUL in value:
            raise Unprocessable(
                details={f"/{name}".replace(NUL, ""): ["has a character that cannot be kept"]}
            )
    return query


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)  # takes every quote once, closed or not


def _values(body: bytes) -> int:
    """About how many values there are in a body, told by its punctuation."""
    bare = _STRING.sub(b"", body)
    return bare.count(b",") + bare.count(b"[") + bare.count(b"{")


def _is_readable(value: object, depth: int) -> bool:
    """Whether everybody who gets to see the value can read it, and every database can keep it.

    Goes level by level, for a body may hold hundreds of thousands of values.
    """
    level: list[object] = [value]
    while level:
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict | list):
                inner += [*one, *one.values()] if isinstance(one, dict) else one
                if depth <= 0:
                    return False
            elif not _is_plain(one):
                return False
        level, depth = inner, depth - 1
    return True


def _is_plain(value: object) -> bool:
    match value:
        case str():
            return NUL not in value
        case float():
            return math.isfinite(value)
        case int():
            return -MOST <= value <= MOST
    return True
