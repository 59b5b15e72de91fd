"""A database of notes in a file of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.notes import create
from thenvoi_bridge.storage import Database
from thenvoi_bridge.storage.sqlite import open_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    db = await open_sqlite(path)
    await db.write(create)
    yield db
    await db.close()
