"""What the hooks of hosts are told of messages that wait. Nothing is taken: only the ledger changes."""

from __future__ import annotations

import time
from pathlib import Path

from thenvoi_bridge.inbox.at_once import visited
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.found import Found, NoInbox
from thenvoi_bridge.inbox.ladder import Rung

SOME = 20
"""Messages of an agent that one notice has at most."""


def told(state_dir: Path, agent: str | None, host: str, session: str) -> tuple[str | None, list[str]]:
    """What there is to tell a session of a host, noted as told, and a sentence for each inbox that cannot be
    used.
    """
    telling = Telling(host, session)
    try:
        _, unusable = visited(state_dir, agent, telling.look)
    except NoInbox as exc:
        return None, [str(exc)]
    return telling.text, unusable


class Telling:
    """Gathers what is due for a session, from one inbox after the other."""

    def __init__(self, host: str, session: str) -> None:
        self._host, self._session = host, session
        self._paragraphs: list[str] = []

    @property
    def text(self) -> str | None:
        """What there is to tell, None if there is nothing."""
        if not self._paragraphs:
            return None
        from thenvoi_bridge.bridge.notice import notice

        return notice(self._paragraphs)

    async def look(self, found: Found) -> bool:
        """Take in what fits of what is due."""
        if not await self._due(found, 1):
            return False  # as most often, and then nobody need be asked what may be seen
        found.inbox.show_only((await found.sight(self._host)).sees)
        due = await self._due(found, SOME)
        return bool(due) and await self._take_in(found, due)

    async def _due(self, found: Found, most: int) -> list[Item]:
        return await found.inbox.ledger.due(Rung.HOOK, self._session, most, time.time())

    async def _take_in(self, found: Found, due: list[Item]) -> bool:
        """What fits, noted first: a notice that nobody can keep count of nags."""
        from thenvoi_bridge.bridge import notice

        room = notice.ROOM - sum(len(paragraph) + 1 for paragraph in self._paragraphs)
        said = dict(notice.fitting(due, found.name, room))
        new = await found.inbox.ledger.note(Rung.HOOK, self._session, [*said], time.time())
        self._paragraphs += [paragraph for id, paragraph in said.items() if id in new]
        return bool(new)
