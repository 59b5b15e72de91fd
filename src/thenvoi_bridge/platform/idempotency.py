"""Requests that may be sent again: an answer is kept with its key, in the transaction that caused it.

The semantics are those of the IETF draft "The Idempotency-Key HTTP Header Field". Only successes are kept: a
refusal rolls everything back, and the key with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from thenvoi_bridge.contract.errors import Conflict, Unprocessable
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.storage import Duplicate, Row

KEPT = 24 * 60 * 60
"""Seconds for which an answer is kept."""

SWEPT = 10
"""How many answers that are too old are deleted when one is kept: more than come, so none pile up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer as it goes out; an empty body is none. `replayed` is None without a key."""

    status: int
    body: bytes
    replayed: bool | None = None


def fingerprint(*asked: str | bytes | int | None) -> str:
    """What tells a request from another one: a digest of everything that it asks."""
    parts = [part.hex() if isinstance(part, bytes) else part for part in asked]
    return sha256(json.dumps(parts).encode()).hexdigest()


def once(change: Change, actor_id: str, key: str, request: str, run: Callable[[], Reply]) -> Reply:
    """The answer kept under an actor's key, or that of `run`, which is kept. `request` is a fingerprint.

    Raises what `run` raises, `Unprocessable` (`idempotency_key_reused`) for another request than the first
    one, and `Conflict` (`idempotency_in_progress`) where the first one has not ended.
    """
    since = clock.earlier(change.now, KEPT)
    row = change.one(
        "SELECT * FROM idempotency_keys WHERE actor_id = ? AND key = ? AND inserted_at > ?",
        actor_id, key, since,
    )  # fmt: skip
    if row is not None:
        return _again(row, request)
    reply = run()
    _sweep(change, actor_id, key, since)
    _keep(change, actor_id, key, request, reply)
    return Reply(reply.status, reply.body, replayed=False)


def _again(row: Row, request: str) -> Reply:
    if row["fingerprint"] != request:
        why = {"/Idempotency-Key": ["was used for another request"]}
        raise Unprocessable("This key belongs to another request", why, code="idempotency_key_reused")
    return Reply(row["status"], row["body"].encode(), replayed=True)


def _sweep(change: Change, actor_id: str, key: str, since: str) -> None:
    """Delete what stands in the way, and a few others, of the answers that are too old."""
    change.run(
        "DELETE FROM idempotency_keys WHERE actor_id = ? AND key = ? AND inserted_at <= ?",
        actor_id, key, since,
    )  # fmt: skip
    change.run(
        "DELETE FROM idempotency_keys WHERE (actor_id, key) IN (SELECT actor_id, key FROM idempotency_keys "
        "WHERE inserted_at <= ? ORDER BY inserted_at LIMIT ?)",
        since, SWEPT,
    )  # fmt: skip


def _keep(change: Change, actor_id: str, key: str, request: str, reply: Reply) -> None:
    try:
        change.run(
            "INSERT INTO idempotency_keys (actor_id, key, fingerprint, status, body, inserted_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            actor_id, key, request, reply.status, reply.body.decode(), change.now,
        )  # fmt: skip
    except Duplicate as exc:  # only where two transactions run at once
        raise Conflict("The first request has not ended", code="idempotency_in_progress") from exc
