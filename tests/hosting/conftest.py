"""A platform that the tests of a module share, and what each has for itself."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.bridge.conftest import Scene, played
from tests.world import World, world


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """A platform that is not stopped."""
    async with world(tmp_path_factory.mktemp("town") / "platform") as it:
        yield it


@pytest.fixture
async def scene(town: World) -> Scene:
    return await played(town)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"
