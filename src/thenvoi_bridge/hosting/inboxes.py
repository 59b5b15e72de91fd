"""Where a hosted bridge keeps the inboxes of everybody: files in its state folder, or a Postgres."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from thenvoi_bridge.inbox.places import Folders, Places
from thenvoi_bridge.settings import BadSetting, Settings


@asynccontextmanager
async def places(settings: Settings) -> AsyncGenerator[Places]:
    """The place that the settings name, until the end of the block.

    Raises `BadSetting` where Postgres cannot be used for want of its extra, `StorageError` where it is not
    there.
    """
    if settings.database is None:
        yield Folders(settings.state_dir)
        return
    try:
        from thenvoi_bridge.inbox.replica import replica
    except ImportError as exc:
        raise BadSetting(
            "THENVOI_DATABASE needs the extra `postgres`; install thenvoi-bridge[postgres]"
        ) from exc
    async with replica(settings.database) as shared:
        yield shared
