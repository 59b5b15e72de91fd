"""The rows that say who lives, who leads and who has changed what, on a Postgres that many replicas share.

One function for each thing to do, within a transaction. None waits for another replica's turn.
"""

from __future__ import annotations

import time
from typing import LiteralString, NamedTuple

from thenvoi_bridge.storage import Tx

LEASE = 6.0
"""Seconds for which a replica counts as alive, and leads, without a sign of life."""

LONG_DEAD = 3600.0
"""Seconds after which the row of one that died is thrown away."""

LONG_PAST = 100_000
"""Turns after which a note of a change is; whoever has missed so many looks at everything anyway."""


class Change(NamedTuple):
    """That an owner has changed the inbox of an identity; numbers grow with every change."""

    identity: str
    owner: str
    number: int


_NOW: LiteralString = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"
_LIVE: LiteralString = (
    f"INSERT INTO owners (id, identity, until) VALUES (?, ?, {_NOW} + ?) "
    "ON CONFLICT (id) DO UPDATE SET until = excluded.until"
)
_RENEW: LiteralString = (
    f"UPDATE leads SET until = {_NOW} + ? WHERE identity = ? AND owner = ? RETURNING epoch"
)
# Looked for first, for an insert would wait for whoever is at the row.
_FIRST: LiteralString = (
    "INSERT INTO leads (identity, epoch, until) SELECT ?, 0, 0 "
    "WHERE NOT EXISTS (SELECT 1 FROM leads WHERE identity = ?) ON CONFLICT DO NOTHING"
)
# A row that somebody is at is passed over: he may have stopped half-way, and there is another try soon.
_TAKE: LiteralString = (
    f"UPDATE leads SET owner = ?, epoch = epoch + 1, until = {_NOW} + ? WHERE identity IN "
    f"(SELECT identity FROM leads WHERE identity = ? AND until <= {_NOW} FOR UPDATE SKIP LOCKED) "
    "RETURNING epoch"
)
_ENTER: LiteralString = (
    "SELECT set_config('search_path', ?, true) AS path, "
    f"ARRAY(SELECT id FROM owners WHERE identity = ? AND until > {_NOW}) AS living, "
    "(SELECT epoch FROM leads WHERE identity = ? AND owner = ?) AS epoch"
)


def offset(tx: Tx) -> float:
    """What to add to `time.monotonic` for the clock of the database."""
    before = time.monotonic()
    row = tx.one(f"SELECT {_NOW} AS now")
    assert row
    return float(row["now"]) - (before + time.monotonic()) / 2


def begin(tx: Tx, identity: str, owner: str) -> int | None:
    """Live, and lead if nobody does; the epoch then. The long dead are forgotten."""
    tx.run(f"DELETE FROM owners WHERE until < {_NOW} - ?", LONG_DEAD)
    tx.run("DELETE FROM changes WHERE number < (SELECT MAX(number) FROM changes) - ?", LONG_PAST)
    live(tx, identity, owner)
    tx.run(_FIRST, identity, identity)
    return take(tx, identity, owner)


def live(tx: Tx, identity: str, owner: str) -> None:
    """Live for a while from now on."""
    tx.run(_LIVE, owner, identity, LEASE)


def end(tx: Tx, identity: str, owner: str) -> None:
    """Live and lead no more."""
    give(tx, identity, owner)
    tx.run("DELETE FROM owners WHERE id = ?", owner)


def renew(tx: Tx, identity: str, owner: str) -> int | None:
    """Lead for a while from now on; the epoch, or None if somebody else leads."""
    row = tx.one(_RENEW, LEASE, identity, owner)
    return int(row["epoch"]) if row else None


def take(tx: Tx, identity: str, owner: str) -> int | None:
    """Lead, if nobody does; the epoch then."""
    row = tx.one(_TAKE, owner, LEASE, identity)
    return int(row["epoch"]) if row else None


def give(tx: Tx, identity: str, owner: str) -> None:
    """Lead no more."""
    tx.run("UPDATE leads SET owner = NULL, until = 0 WHERE identity = ? AND owner = ?", identity, owner)


def free(tx: Tx) -> set[str]:
    """The identities for which nobody leads."""
    return {row["identity"] for row in tx.all(f"SELECT identity FROM leads WHERE until <= {_NOW}")}


def changed_since(tx: Tx, number: int) -> list[Change]:
    """What has changed after that number."""
    rows = tx.all("SELECT identity, owner, number FROM changes WHERE number > ? ORDER BY number", number)
    return [Change(**row) for row in rows]


def note_change(tx: Tx, identity: str, owner: str) -> None:
    """Note that an owner has changed an inbox; part of the turn in which that was done."""
    # Turns are committed one after the other, so nobody can see a number before all those below it.
    tx.run(
        "INSERT INTO changes (identity, owner, number) SELECT ?, ?, number FROM turns "
        "ON CONFLICT (identity, owner) DO UPDATE SET number = excluded.number",
        identity,
        owner,
    )


def enter(tx: Tx, path: str, identity: str, owner: str) -> tuple[frozenset[str], int | None]:
    """Turn to the tables of an identity; who lives there, and the epoch if this owner leads."""
    row = tx.one(_ENTER, path, identity, identity, owner)
    assert row
    return frozenset(row["living"]), row["epoch"]
