"""Brings a platform's database up to date without serving it."""

from __future__ import annotations

from pathlib import Path

import anyio

from thenvoi_bridge.platform.app import MIGRATIONS, open_database
from thenvoi_bridge.storage import StorageError
from thenvoi_bridge.storage.migrate import Standing, migrate, standing


async def migrated(folder: Path, address: str | None, *, check: bool = False) -> Standing:
    """How far the database had come, and brings it the rest of the way unless this is a `check`.

    Several processes may do this at once, and while others serve. Raises `TooNew` where a newer program has
    changed the database, and `StorageError`.
    """
    if not address:
        await _make(folder)
    db = await open_database(folder, address)
    try:
        before = await standing(db, MIGRATIONS)
        if not check:
            await migrate(db, MIGRATIONS)
        return before
    finally:
        await db.close()


async def _make(folder: Path) -> None:
    try:
        await anyio.Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"{folder}: {exc.strerror}") from exc
