"""A bridge without a host: it receives, or follows, and hands nothing out. For shells and cron."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.hosting.allowing import allowed
from thenvoi_bridge.hosting.locating import locate, meant
from thenvoi_bridge.inbox.sight import Sight
from thenvoi_bridge.settings import Settings

NAME = "shell"
"""What this host calls itself."""


class Quiet:
    """Receives while `receiving` runs. `mark` is that of its inbox. Raises `BadSetting`."""

    def __init__(self, settings: Settings, mark: str) -> None:
        self.mark = mark
        self._session = Session(locate(settings), settings.state_dir, allowed(settings))
        self._session.introduce(settings.name or NAME)

    @property
    def sight(self) -> Sight:
        """What the settings allow of its inbox; more, once it has met somebody who is allowed."""
        return self._session.doorman.sight

    @property
    def trouble(self) -> str | None:
        """Why nothing can have come, if there is no connection."""
        trouble = self._session.trouble
        return trouble.message if trouble and self._session.connection in ("connecting", "offline") else None

    @asynccontextmanager
    async def receiving(self) -> AsyncGenerator[None]:
        """Receive until the end of the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._session.run)
            yield
            tasks.cancel_scope.cancel()


def quiet(settings: Settings) -> Quiet | None:
    """The bridge of the agent that the settings mean, if they mean one. Raises `BadSetting`."""
    mark = meant(settings)
    return Quiet(settings, mark) if mark else None
