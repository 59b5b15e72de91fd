"""A database of notes in a place of its own, of each kind there is."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.storage.notes import create
from tests.storage.places import opened
from thenvoi_bridge.storage import Database
from thenvoi_bridge.storage.sqlite import open_sqlite


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return str(path)
    return postgres.fresh(request.getfixturevalue("server"))


@pytest.fixture
async def db(place: str) -> AsyncIterator[Database]:
    db = await opened(place)
    await db.write(create)
    yield db
    await db.close()


@pytest.fixture
async def file(path: Path) -> AsyncIterator[Database]:
    """The same in SQLite alone."""
    db = await open_sqlite(path)
    await db.write(create)
    yield db
    await db.close()
