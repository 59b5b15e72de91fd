"""Waiting until there is something to see in the inboxes on this computer, from outside of a bridge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path

import anyio

from thenvoi_bridge.inbox.found import Unusable, folders
from thenvoi_bridge.inbox.ladder import ESCALATE
from thenvoi_bridge.inbox.opening import Opened, opened

TICK = 0.25
"""Seconds between two glances at whether an inbox has changed."""

SEARCH = 1.0
"""Seconds between two searches for inboxes that were not there before, or could not be used."""

Look = Callable[[Opened], Awaitable[bool]]
"""Sees one inbox and says whether there was something to see; never cancelled, and one at a time."""


class Watch:
    """Looks into the inboxes of `state_dir`, or those of one agent; those that come later, too.

    `besides` says what else than the inbox a look depends on. `unusable` has a sentence for each that could
    not be used when that was last tried.
    """

    def __init__(
        self,
        state_dir: Path,
        agent: str | None,
        look: Look,
        besides: Callable[[], object] = lambda: None,
    ) -> None:
        self._state_dir, self._agent, self._look, self._besides = state_dir, agent, look, besides
        self._turn, self._watched = anyio.Lock(), set[Path]()
        self.unusable: dict[Path, str] = {}

    async def until_seen(self, seconds: float) -> bool:
        """Look at first, after every change, and every `ESCALATE` seconds, until there was something to see.

        False if there was nothing in so many seconds. Raises `NoInbox` where nobody can tell.
        """
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                while True:
                    for folder in {*folders(self._state_dir)} - self._watched:
                        self._watched.add(folder)
                        tasks.start_soon(self._watch, folder, tasks.cancel_scope)
                    await anyio.sleep(SEARCH)
            return True
        return False

    async def _watch(self, folder: Path, everything: anyio.CancelScope) -> None:
        is_anothers = False
        try:
            if (folder / "inbox.db").exists():
                async with opened(folder) as found:
                    self.unusable.pop(folder, None)
                    if self._agent is None or found.is_called(self._agent):
                        await self._look_until_seen(found)
                        everything.cancel()
                    is_anothers = found.is_known
            if is_anothers:
                await anyio.sleep(ESCALATE)  # it may get a mark yet
        except (Unusable, OSError) as exc:
            self.unusable[folder] = str(exc)
        self._watched.discard(folder)

    async def _look_until_seen(self, found: Opened) -> None:
        looked = -inf
        version: object = None
        while True:
            glance, now = (await found.inbox.glance(), self._besides()), anyio.current_time()
            if glance != version or now - looked >= ESCALATE:
                version, looked = glance, now
                async with self._turn:
                    with anyio.CancelScope(shield=True):
                        if await self._look(found):
                            return
            await anyio.sleep(TICK)
