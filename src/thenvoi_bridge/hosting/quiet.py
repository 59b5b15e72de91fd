"""A bridge without a host: it receives, or follows, and hands nothing out. For shells and cron."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.hosting.locating import locate
from thenvoi_bridge.settings import Settings

NAME = "shell"
"""What this host calls itself."""


def knows_its_agent(settings: Settings) -> bool:
    """Whether the settings say whose messages to receive; without a key, the agent's name has to be given."""
    return not settings.is_local or settings.name is not None


@asynccontextmanager
async def received(settings: Settings) -> AsyncGenerator[Session]:
    """Receive until the end of the block, for the agent that the settings mean."""
    session = Session(locate(settings), settings.state_dir)
    session.introduce(settings.name or NAME)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        yield session
        tasks.cancel_scope.cancel()
