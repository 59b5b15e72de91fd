"""Fixtures every test may use."""

import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.world import World, world

settings.register_profile("quick", max_examples=30, deadline=None)
settings.load_profile("quick")

if sys.platform != "win32":
    # Under `nohup` or in a shell's background these are ignored, and bridges that tests start keep to that.
    for ignored in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(ignored) is signal.SIG_IGN:
            signal.signal(ignored, signal.SIG_DFL)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    """A running platform of one's own."""
    async with world(tmp_path / "platform") as it:
        yield it


@pytest.fixture(scope="session")
def npm_cache(request: pytest.FixtureRequest) -> Path:
    """A folder that outlives the tests, for npm packages that other people wrote."""
    cache = request.config.cache
    assert cache
    return cache.mkdir("npm")
