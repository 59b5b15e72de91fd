"""Creating messages on the platform: how many a second, at what cost, beside ASGI that keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

from bench.figures import Effort, Figure, Goal
from bench.pace import CPU, P99, RATE, paced
from bench.raw_asgi import served
from bench.rounds import interleaved
from bench.servers import Scene, scene
from bench.stage import stage
from bench.wire import lines, rendered
from tests import postgres

SQLITE, POSTGRES, RAW = "on SQLite", "on Postgres", "raw ASGI, nothing kept"
COST, MANY, SLOW = "CPU of the server for a message", "messages a second", "slowest of a hundred (p99)"
AT_ONCE = 16


async def measure(effort: Effort) -> list[Figure]:
    async with AsyncExitStack() as running:
        them = {}
        databases = {SQLITE: None, POSTGRES: postgres.fresh(running.enter_context(postgres.server()))}
        for who, database in databases.items():
            platform = await running.enter_async_context(stage(database))
            on = await scene(platform)
            them[who] = partial(posted, effort, on, platform.pid)
        url, pid = running.enter_context(served())
        them[RAW] = partial(posted, effort, Scene(url, on.person, on.agent, on.room), pid)
        found = await interleaved(effort, them)
    note = f"{AT_ONCE} at once; of Postgres the platform's process alone"
    return [
        found.figure(COST, "ms", Goal(SQLITE, 3, RAW), per=1000, note=note),
        found.figure(MANY, "messages"),
        found.figure(SLOW, "ms", per=1000),
    ]


async def posted(effort: Effort, on: Scene, pid: int, times: int = 1200) -> Mapping[str, float]:
    """A person mentions an agent so often."""
    request = post(on)
    async with lines(on.url, AT_ONCE) as conn:
        pace = await paced(partial(conn.ask, request), max(effort.of(times), AT_ONCE), AT_ONCE, pid)
    return {COST: pace[CPU], MANY: pace[RATE], SLOW: pace[P99]}


def post(on: Scene) -> bytes:
    """The request that creates a message."""
    body = {"message": {"content": "Measured", "mentions": [{"id": on.agent.id}]}}
    return rendered(on.url, on.person.key, "POST", f"/api/v1/me/chats/{on.room}/messages", body)
