"""What the hooks of hosts are told of messages that wait. Nothing is taken: only the ledger changes."""

from __future__ import annotations

import hashlib
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from thenvoi_bridge.bridge import notice
from thenvoi_bridge.inbox.found import Found, NoInbox, visit
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.ownership import private_folder
from thenvoi_bridge.inbox.watching import Watch

LOOK = 1.0
"""Seconds between two looks at whether the host is still there."""

SOME = 20
"""Messages of an agent that one notice has at most."""


async def told(state_dir: Path, agent: str | None, host: str, session: str) -> tuple[str | None, list[str]]:
    """What there is to tell a session of a host, noted as told, and a sentence for each inbox that cannot be
    used.
    """
    telling = Telling(host, session)
    try:
        _, unusable = await visit(state_dir, agent, telling.look)
    except NoInbox as exc:
        return None, [str(exc)]
    return telling.text, unusable


async def woken(
    state_dir: Path, agent: str | None, host: str, session: str, seconds: float
) -> tuple[str | None, list[str]]:
    """The same, once there is something to tell, or nothing after so many seconds. It prolongs no turn.

    Of several processes that wait for one session only the first does, and none for a host that has gone:
    what it told would count as told, and nobody would have heard it. Raises `NotPrivate`, `OSError` and
    `NoInbox` where the folder cannot be used.
    """
    telling = Telling(host, session)
    with _alone(private_folder(state_dir / "hooks"), session) as first:
        watch = Watch(state_dir, agent, telling.look)
        if first:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_end_with_the_host, os.getppid(), tasks.cancel_scope)
                await watch.until_seen(seconds)
                tasks.cancel_scope.cancel()
        return telling.text, [*watch.unusable.values()]


class Telling:
    """Gathers what is due for a session, from one inbox after the other."""

    def __init__(self, host: str, session: str) -> None:
        self._host, self._session = host, session
        self._paragraphs: list[str] = []

    @property
    def text(self) -> str | None:
        """What there is to tell, None if there is nothing."""
        return notice.notice(self._paragraphs) if self._paragraphs else None

    async def look(self, found: Found) -> bool:
        """Take in what fits of what is due, noted first: a notice that nobody can keep count of nags."""
        found.inbox.show_only((await found.sight(self._host)).sees)
        ledger, now = found.inbox.ledger, time.time()
        room = notice.ROOM - sum(len(paragraph) + 1 for paragraph in self._paragraphs)
        due = await ledger.due(Rung.HOOK, self._session, SOME, now)
        said = dict(notice.fitting(due, found.name, room))
        new = await ledger.note(Rung.HOOK, self._session, [*said], now)
        self._paragraphs += [paragraph for id, paragraph in said.items() if id in new]
        return bool(new)


async def _end_with_the_host(parent: int, waiting: anyio.CancelScope) -> None:
    while True:
        if os.getppid() != parent or not _is_read(sys.stderr.fileno()):
            waiting.cancel()
        await anyio.sleep(LOOK)


def _is_read(pipe: int) -> bool:
    """Whether somebody holds the other end; a shell between us may outlive the host."""
    if sys.platform == "win32":
        return True
    poll = select.poll()
    poll.register(pipe, 0)
    return not poll.poll(0)


@contextmanager
def _alone(folder: Path, session: str) -> Iterator[bool]:
    """Whether no other process is here for this session, until the end of the block."""
    lock = FileLock(folder / f"{hashlib.sha256(session.encode()).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):  # whoever has opened it before waits, too; that does no harm
            Path(lock.lock_file).unlink()
        lock.release()
