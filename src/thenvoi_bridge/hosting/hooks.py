"""A hook that waits for a message, to wake an idle session of a host."""

from __future__ import annotations

import hashlib
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from thenvoi_bridge.hosting.telling import Telling
from thenvoi_bridge.inbox.privacy import private_folder
from thenvoi_bridge.inbox.watching import Watch

LOOK = 1.0
"""Seconds between two looks at whether the host is still there."""


async def woken(
    state_dir: Path, agent: str | None, host: str, session: str, seconds: float
) -> tuple[str | None, list[str]]:
    """As `telling.told`, once there is something to tell, or nothing after so many seconds.

    It prolongs no turn. Of several processes that wait for one session only the first does, and none for a
    host that has gone: what it told would count as told, and nobody would have heard it. Raises `NotPrivate`,
    `OSError` and `NoInbox` where the folder cannot be used.
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
