"""From the request that mentions an agent to its host, beside the same way written by hand.

Each has an agent of its own in the same room, and they are mentioned in turn. What `inbox_wait` returns was
asked for and marked `processing` at the platform before, so there is a way by hand that does that, too. The
inbox is on a disk in memory, for a flush takes as long as others let it; one is where files usually are.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
from anyio.streams.text import TextReceiveStream

from bench.figures import Effort, Figure, Goal
from bench.hands import hand
from bench.hosts import Host
from bench.rounds import interleaved
from bench.servers import Scene, at_work, bridge
from bench.stage import PATIENCE, stage
from tests import postgres
from thenvoi_bridge.contract.messages import Mention, SendMyMessage

WAIT, DISK, UPDATE = "inbox_wait returns", "inbox_wait returns, inbox on disk", "resources/updated arrives"
HAND, MARKED = "by hand: a line is printed", "by hand: a line, asked for and marked before"
WHAT = "from POST of a mention until"
EVERYBODY = (WAIT, DISK, UPDATE, HAND, MARKED)
STATES = {WAIT: postgres.MEMORY, DISK: None, UPDATE: postgres.MEMORY}
INBOX = "thenvoi://inbox"
REST = 0.6
"""Seconds between two mentions: a bridge makes pauses between its looks at what has changed
(`bridge.delivery.QUIET`), and each of these is to be one that comes by itself."""


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform, AsyncExitStack() as running:
        person = await platform.person()
        agents = {who: await platform.agent(person, f"Agent {n}") for n, who in enumerate(EVERYBODY)}
        room = await platform.room(person, *agents.values())
        on = {who: Scene(platform.url, person, agent, room) for who, agent in agents.items()}
        hosts = {who: await running.enter_async_context(_bridge(on[who], at)) for who, at in STATES.items()}
        await hosts[UPDATE].ask("resources/subscribe", uri=INBOX)
        hands = {
            who: await running.enter_async_context(hand(on[who], *mark))
            for who, mark in ((HAND, ()), (MARKED, ("mark",)))
        }
        them = {who: partial(waited, hosts[who], on[who]) for who in (WAIT, DISK)}
        them |= {who: partial(printed, it.lines, on[who]) for who, it in hands.items()}
        them[UPDATE] = partial(updated, hosts[UPDATE], on[UPDATE])
        found = await interleaved(effort, {who: partial(_often, effort, once) for who, once in them.items()})
    return [found.figure(WHAT, "ms", Goal(WAIT, 2, MARKED), Goal(UPDATE, 1.5, HAND), per=1000)]


async def _often(effort: Effort, once: Callable[[], Awaitable[float]]) -> Mapping[str, float]:
    took = []
    for _ in range(effort.of(8)):
        took.append(await once())
        await anyio.sleep(REST)
    return {WHAT: median(took)}


async def waited(host: Host, on: Scene) -> float:
    """One mention, for which a tool waits."""
    told: list[float] = []

    async def wait() -> None:
        result = await host.call("inbox_wait", {"timeout_s": PATIENCE / 2})
        told.append(time.perf_counter())
        ids = [message["id"] for message in result["structuredContent"]["messages"]]
        await host.call("inbox_ack", {"message_ids": ids})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.sleep(REST)  # until it waits
        begun = await mention(on)
    return told[0] - begun


async def updated(host: Host, on: Scene) -> float:
    """One mention, of which a subscriber is told."""
    telling = host.told
    begun = await mention(on)
    with anyio.fail_after(PATIENCE):
        await telling.wait()
    return host.told_at - begun


async def printed(lines: TextReceiveStream, on: Scene) -> float:
    """One mention, by hand."""
    heard: list[float] = []

    async def hear() -> None:
        await lines.receive()
        heard.append(time.perf_counter())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear)
        begun = await mention(on)
    return heard[0] - begun


async def mention(on: Scene) -> float:
    """Mention the agent; when that began."""
    call = SendMyMessage(chat_id=on.room, content="Listen", mentions=[Mention(id=on.agent.id)])
    begun = time.perf_counter()
    await on.person.call(call)
    return begun


@asynccontextmanager
async def _bridge(on: Scene, at: Path | None) -> AsyncGenerator[Host]:
    with TemporaryDirectory(dir=at) as state:
        async with at_work(bridge(on, Path(state))) as host:
            yield host
