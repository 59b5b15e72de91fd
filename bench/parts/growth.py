"""What a call costs as rooms, messages and tenants grow in number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import rows
from bench.figures import Effort, Figure, Gathered, Goal
from bench.hosts import Host
from bench.pace import CPU, paced
from bench.parts.posting import COST, posted
from bench.rounds import interleaved
from bench.servers import Scene, Server, at_work, bridge, scene
from bench.stage import Stage, stage
from bench.wire import lines, rendered

ROOMS, MESSAGES, TENANTS = (1, 10, 100, 1000), (100, 10_000, 1_000_000), (1, 10, 100)
SEND, NEXT, CONTEXT = (
    "platform: create a message",
    "platform: the next message",
    "platform: a page of context",
)
TOOL = "bridge: send_message, CPU of the bridge"
FLAT = 1.2

Grow = Callable[[Stage, Scene, int], Awaitable[None]]


async def measure(effort: Effort) -> list[Figure]:
    shown = []
    for what, numbers, grow in (
        ("rooms", ROOMS, more_rooms),
        ("stored messages", MESSAGES, more_messages),
        ("tenants", TENANTS, more_tenants),
    ):
        sizes = list(dict.fromkeys(effort.of(number) for number in numbers))
        shown += _figures(await grown(effort, sizes, grow), what, sizes)
    return shown


def _figures(found: Gathered, what: str, sizes: list[int]) -> list[Figure]:
    goal = Goal(named(sizes[-1]), FLAT, named(sizes[0]))
    goals = () if what == "tenants" else (goal,)
    calls = (SEND, NEXT, CONTEXT, TOOL)
    return [_renamed(found.figure(call, "ms", *goals, per=1000), f"{call}, by {what}") for call in calls]


def _renamed(figure: Figure, what: str) -> Figure:
    return Figure(what, figure.unit, figure.values, figure.goals, figure.note)


def named(number: int) -> str:
    return f"{number:,}"


async def grown(effort: Effort, sizes: list[int], grow: Grow) -> Gathered:
    """The cost of the same calls on platforms of these sizes, all of which run at the same time."""
    async with AsyncExitStack() as running:
        them = {}
        for size in sizes:
            platform = await running.enter_async_context(stage())
            on = await scene(platform)
            await grow(platform, on, size)
            server = bridge(on, Path(running.enter_context(TemporaryDirectory())))
            host = await running.enter_async_context(at_work(server))
            them[named(size)] = partial(cost, effort, on, platform.pid, host, server)
        return await interleaved(effort, them)


async def cost(effort: Effort, on: Scene, pid: int, host: Host, server: Server) -> Mapping[str, float]:
    """CPU of each call: of the platform for requests, of the bridge for a tool."""
    room = f"/api/v1/agent/chats/{on.room}"
    asked = partial(rendered, on.url, on.agent.key, "GET")
    requests = {CONTEXT: asked(f"{room}/context?page=1&page_size=50"), NEXT: asked(f"{room}/messages/next")}

    async def send() -> None:
        await host.call(*server.send())

    found = {TOOL: (await paced(send, effort.of(120), 1, host.pid))[CPU]}
    # Many at once, for what a commit costs by itself varies more than all the rest.
    found[SEND] = (await posted(effort, on, pid, 400))[COST]
    async with lines(on.url, 1) as conn:
        for what, request in requests.items():
            found[what] = (await paced(partial(conn.ask, request), effort.of(100), 1, pid))[CPU]
    return found


async def more_rooms(platform: Stage, on: Scene, number: int) -> None:
    """So many rooms that the agent is in, the one it works in among them."""
    for _ in range(number - 1):
        await platform.room(on.person, on.agent)


async def more_messages(platform: Stage, on: Scene, number: int) -> None:
    """So many messages in the room, and one that waits."""
    await rows.fill(platform.folder, on.person.id, on.agent.id, on.room, number)


async def more_tenants(platform: Stage, on: Scene, number: int) -> None:
    """So many organisations, each with a person and an agent."""
    await rows.tenants(platform.folder, number - 1)
