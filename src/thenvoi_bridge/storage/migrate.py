"""Brings a database to the shape the code expects, by numbered SQL files. There is no way back down."""

import re
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from typing import NamedTuple

from thenvoi_bridge.storage import Database, TooNew, Tx


class Step(NamedTuple):
    """One migration file."""

    number: int
    name: str
    sql: str


class Standing(NamedTuple):
    """How far a database has come: the version it has, and the one that this program brings it to."""

    has: int
    wants: int


async def standing(db: Database, package: str) -> Standing:
    """How far the database has come with the files in `package`. Applies none. Raises as `migrate` does."""
    known = len(_steps(package))
    applied = await db.write(_applied)
    if applied > known:
        raise TooNew(
            f"This database has version {applied}, and this program knows versions up to {known}. "
            "Please upgrade the program."
        )
    return Standing(applied, known)


async def migrate(db: Database, package: str) -> int:
    """Apply what is missing of the files `0001_name.sql`, `0002_...` in `package`; return the last number.

    Each is a transaction of its own, so a failed one leaves those before it in place. Several processes may
    do this at once. Raises `TooNew` where the database is ahead of the files, `StorageError` where a file
    fails, and `ValueError` where the files are not numbered 1, 2, 3 and so on.
    """
    has, wants = await standing(db, package)
    for step in _steps(package)[has:]:
        await db.write(partial(_apply, step))
    return wants


def _applied(tx: Tx) -> int:
    tx.run(
        "CREATE TABLE IF NOT EXISTS schema_version "
        "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
    )
    row = tx.one("SELECT max(number) AS number FROM schema_version")
    return (row and row["number"]) or 0


def _apply(step: Step, tx: Tx) -> None:
    # The row goes first: whoever inserts it applies the file, and others find it there, or wait for it.
    won = tx.run(
        "INSERT INTO schema_version (number, name, applied_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        step.number,
        step.name,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if won:
        tx.script(step.sql)


def _steps(package: str) -> list[Step]:
    files = [file for file in resources.files(package).iterdir() if file.name.endswith(".sql")]
    steps = sorted(_step(file.name, file.read_text("utf-8")) for file in files)
    numbers = [step.number for step in steps]
    if numbers != list(range(1, len(steps) + 1)):
        raise ValueError(f"the migrations in {package} are numbered {numbers}, not 1, 2, 3 and so on")
    return steps


def _step(file: str, sql: str) -> Step:
    match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file)
    if match is None:
        raise ValueError(f"{file} is no name for a migration; 0001_name.sql would be one")
    return Step(int(match[1]), match[2], sql)
