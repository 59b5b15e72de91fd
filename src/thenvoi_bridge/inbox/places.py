"""Where inboxes are kept: a folder of files for each on this computer, or a Postgres that replicas share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Protocol

import anyio

from thenvoi_bridge.inbox import marks
from thenvoi_bridge.inbox.core import Sees
from thenvoi_bridge.inbox.life import Lead
from thenvoi_bridge.inbox.ownership import Leadership, Owner
from thenvoi_bridge.inbox.store import Inbox


class Places(Protocol):
    """Where the inboxes of many identities are."""

    def opened(
        self, name: str, known_as: str, sees: Sees | None
    ) -> AbstractAsyncContextManager[tuple[Inbox, Lead]]:
        """The inbox of an identity, and who of its processes leads, until the end of the block.

        `name` is 16 hexadecimal digits, `known_as` what the settings have of the agent, and `sees` is as for
        `Inbox.open`. Raises `Trouble`, and where it is a folder `NotPrivate` and `OSError`.
        """


class Folders:
    """In `agents/` of a folder of this computer, one for each, with a mark of what the settings say."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    @asynccontextmanager
    async def opened(self, name: str, known_as: str, sees: Sees | None) -> AsyncGenerator[tuple[Inbox, Lead]]:
        """As `Places.opened`."""
        folder = self._state_dir / "agents" / name
        with closing(Owner.start(folder)) as owner:
            marks.put(folder, marks.mark(known_as))
            inbox = await Inbox.open(folder, owner, sees)
            try:
                yield inbox, Leadership(folder)
            finally:
                with anyio.CancelScope(shield=True):
                    await inbox.close()
