"""A platform that is restarted under many sockets, as a supervisor does it: SIGTERM, and a new process."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2

from tests.faults.platform import FaultyPlatform
from tests.restart.people import Agent, Speaker, cast

PATIENCE = 180.0
"""Seconds in which everything is as it was."""


@dataclass(frozen=True)
class Trial:
    """How many sockets, over how many seconds the server lets go of them, and messages a second meanwhile."""

    sockets: int = 500
    drain: int = 5
    rate: int = 20


@dataclass(frozen=True)
class Outcome:
    """What came of it. Times are seconds since the signal; `share` is the largest of any one second."""

    ended: float
    served: float
    half: float
    all: float
    share: float
    said: int
    pushed: int
    found: int
    lost: int


async def restart(trial: Trial, folder: Path) -> Outcome:
    """Restart a platform once. Raises TimeoutError if not everybody comes back."""
    there = await cast(folder / "data", trial.sockets)
    agents = [Agent(*one) for one in there.agents]
    speaker = Speaker(there.key, agents)
    flags = ("--drain", str(trial.drain))
    limits = httpx2.Limits(max_connections=20)
    with FaultyPlatform(folder, flags=flags) as platform:
        await platform.begin()
        async with httpx2.AsyncClient(timeout=30, limits=limits) as http, anyio.create_task_group() as tasks:
            for agent in agents:
                tasks.start_soon(agent.listen, platform.url, http)
            await _until(lambda: all(agent.ready for agent in agents))
            tasks.start_soon(speaker.speak, platform.url, http, 1 / trial.rate)
            await _until(lambda: len(speaker.said) >= trial.rate)
            signalled = anyio.current_time()
            await platform.end()
            ended = anyio.current_time()
            await platform.begin()
            served = anyio.current_time()
            await _until(lambda: all(agent.ready[-1] > signalled for agent in agents))
            await _until(lambda: any(to.ready[-1] > signalled and id in to.pushed for to, id in speaker.said))
            speaker.over.set()
            await _until(lambda: not speaker.missing())
            tasks.cancel_scope.cancel()
    back = sorted(agent.ready[-1] - signalled for agent in agents)
    return Outcome(
        ended=ended - signalled,
        served=served - signalled,
        half=back[len(back) // 2],
        all=back[-1],
        share=crowding(back),
        said=len(speaker.said),
        pushed=sum(id in to.pushed for to, id in speaker.said),
        found=sum(id not in to.pushed for to, id in speaker.said),
        lost=sum(speaker.missing().values()),
    )


def crowding(times: Sequence[float], window: float = 1.0) -> float:
    """The largest part of these sorted times that lies within one second."""
    most = max(bisect_left(times, first + window) - nth for nth, first in enumerate(times))
    return most / len(times)


async def _until(done: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE):
        while not done():  # noqa: ASYNC110 - what is looked at has no events
            await anyio.sleep(0.05)
