"""A folder, and as many inboxes on it as a test opens, each with an owner of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

Open = Callable[[], Awaitable[Inbox]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "agent"


@pytest.fixture
async def another(folder: Path) -> AsyncIterator[Open]:
    async with AsyncExitStack() as closings:

        async def open_one() -> Inbox:
            owner = Owner.start(folder)
            closings.callback(owner.close)
            inbox = await Inbox.open(folder, owner)
            closings.push_async_callback(inbox.close)
            return inbox

        yield open_one


@pytest.fixture
async def inbox(another: Open) -> Inbox:
    return await another()
