"""One platform for all of this folder, in memory where the system has a disk in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from tests.home import opened
from tests.platform.town import Town, town_on
from tests.world import world
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Database

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def town() -> AsyncGenerator[Town]:
    """A running platform with some people and agents. Tests open rooms of their own."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        async with (
            world(Path(folder) / "platform", Platform(connects=0)) as here,
            httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
        ):
            yield await town_on(here, http)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[Database]:
    """The database of a platform that nobody serves."""
    async with opened(tmp_path / "platform") as (db, _):
        yield db
