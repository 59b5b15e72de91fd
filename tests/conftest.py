"""Fixtures every test may use."""

import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.guides.reader import Reader
from tests.guides.reading import followed
from tests.guides.unrun import is_unrun
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


@pytest.fixture
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    """Somebody who does what a guide says where the marker `follows` of the test points, and all of it."""
    home = tmp_path / "home"
    home.mkdir()
    marks = [mark.args for mark in request.node.iter_markers("follows")]
    told = [piece for mark in reversed(marks) for piece in followed(*mark) if not is_unrun(piece)]
    who = Reader(home, told)
    try:
        yield who
    finally:
        who.leaves()
    assert not who.left, "the guide goes on"
