"""A folder, and as many hosts on it as a test starts, each with a sign of life of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.inbox.hosts import Host
from thenvoi_bridge.inbox.store import Inbox

Start = Callable[[], Awaitable[Host]]
Open = Callable[[], Awaitable[Inbox]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "agent"


@pytest.fixture
async def start(folder: Path) -> AsyncIterator[Start]:
    """Starts a host, for a test that lets it die."""
    async with AsyncExitStack() as ends:

        async def start_one() -> Host:
            host = await Host.start(folder)
            ends.push_async_callback(host.die)
            return host

        yield start_one


@pytest.fixture
async def another(start: Start) -> Open:
    async def open_one() -> Inbox:
        return (await start()).inbox

    return open_one


@pytest.fixture
async def inbox(another: Open) -> Inbox:
    return await another()
