"""How many messages a second go through inboxes, in files and on Postgres, side by side.

    uv run python -m bench.inboxes

A message comes in, is handed out, is ended, and the platform is told: five transactions. Each agent has an
inbox of its own and does one message after the other. Both kinds are in memory where the system has a disk
there, so no disk counts. Prints a line for each number of agents, and the ratio.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from tests import postgres
from tests.inbox.mentions import mention
from thenvoi_bridge.inbox.places import Folders, Places
from thenvoi_bridge.inbox.replica import replica
from thenvoi_bridge.inbox.store import Inbox

SECONDS = 5.0
AGENTS = (1, 8, 32)
IDS = count()


@asynccontextmanager
async def files() -> AsyncGenerator[Places]:
    with TemporaryDirectory(dir=postgres.MEMORY) as folder:
        yield Folders(Path(folder))


@asynccontextmanager
async def rows(url: str) -> AsyncGenerator[Places]:
    async with replica(postgres.fresh(url)) as places:
        yield places


async def one(inbox: Inbox) -> None:
    """Have one message come and go."""
    sent = mention(f"m{next(IDS)}")
    await inbox.put([sent])
    (item,) = await inbox.lease(None, 1, inbox.now())
    await inbox.end([item.id], "processed", None, inbox.now())
    for told in await inbox.to_tell(inbox.now()):
        await inbox.told(told)


async def rate(places: Places, agents: int) -> float:
    """Messages a second, of all agents together."""
    done = 0

    async def work(inbox: Inbox, until: float) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await one(inbox)
            done += 1

    async with AsyncExitStack() as opened:
        names = [f"{number:016x}" for number in range(agents)]
        inboxes = [(await opened.enter_async_context(places.opened(n, n, None)))[0] for n in names]
        async with anyio.create_task_group() as tasks:
            for inbox in inboxes:
                tasks.start_soon(work, inbox, time.perf_counter() + SECONDS)
    return done / SECONDS


async def main(url: str) -> None:
    for agents in AGENTS:
        async with files() as folders:
            of_files = await rate(folders, agents)
        async with rows(url) as schemas:
            of_rows = await rate(schemas, agents)
        print(
            f"{agents:3} agents: {of_files:6,.0f} a second in files, {of_rows:6,.0f} on Postgres, "
            f"{of_rows / of_files:4.2f} times as many",
            flush=True,
        )


if __name__ == "__main__":
    with postgres.server() as url:
        anyio.run(main, url)
