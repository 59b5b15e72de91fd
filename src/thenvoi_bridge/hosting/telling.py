"""What the hooks of hosts are told of messages that wait. Nothing is taken: only the ledger changes."""

from __future__ import annotations

import time
from pathlib import Path

from thenvoi_bridge.inbox.at_once import visited
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
        """Take in what fits of what is due, noted first: a notice that nobody can keep count of nags."""
        found.inbox.show_only((await found.sight(self._host)).sees)
        ledger, now = found.inbox.ledger, time.time()
        due = await ledger.due(Rung.HOOK, self._session, SOME, now)
        if not due:
            return False
        from thenvoi_bridge.bridge import notice

        room = notice.ROOM - sum(len(paragraph) + 1 for paragraph in self._paragraphs)
        said = dict(notice.fitting(due, found.name, room))
        new = await ledger.note(Rung.HOOK, self._session, [*said], now)
        self._paragraphs += [paragraph for id, paragraph in said.items() if id in new]
        return bool(new)
