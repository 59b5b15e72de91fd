"""How many requests a tool call makes, counted at the platform's door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.types import ASGIApp, Receive, Scope, Send

from bench import servers
from bench.figures import Effort, Figure, Goal
from bench.rounds import interleaved
from bench.servers import BRIDGE, Server, at_work
from bench.stage import Somebody
from tests.world import World, world

CALLS = 10
READ, SEND = "requests of a call that reads", "requests of a call that sends a message"


class Counting:
    """A platform's door with a counter of REST requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += scope["type"] == "http"
        await self._app(scope, receive, send)


async def measure(effort: Effort) -> list[Figure]:
    doors: list[Counting] = []

    def around(app: ASGIApp) -> ASGIApp:
        doors.append(Counting(app))
        return doors[-1]

    with TemporaryDirectory() as home:
        async with world(Path(home) / "platform", around=around) as here:
            on = await _scene(here)
            them = servers.servers(on, Path(home) / "state")
            contenders = {who: partial(counted, server, doors[0]) for who, server in them.items()}
            found = await interleaved(replace(effort, warm=0), contenders)
    one = Goal(BRIDGE, 1, exactly=True)
    return [found.figure(READ, "requests", one), found.figure(SEND, "requests", one)]


async def counted(server: Server, door: Counting) -> Mapping[str, float]:
    """Some calls of a server that has settled."""
    found = {}
    async with at_work(server) as host:
        for what in (READ, SEND):
            before = door.requests
            for _ in range(CALLS):
                await host.call(*(server.reads if what == READ else server.send()))
            found[what] = (door.requests - before) / CALLS
    return found


async def _scene(here: World) -> servers.Scene:
    person = await here.person()
    agent = await here.agent(person, "Scout")
    room = await here.room(person, agent)
    one, other = (Somebody(who.id, who.key, who.call) for who in (person, agent))
    return servers.Scene(here.url, one, other, room.id)
