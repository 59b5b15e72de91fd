"""Twenty thousand mentions at once: what a host can read of them, and how fast they are taken in."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from bench import rows
from bench.figures import Effort, Figure, Goal
from bench.hosts import Host, Json
from bench.processes import cpu
from bench.rounds import interleaved
from bench.servers import BRIDGE, Scene, at_work, bridge
from bench.stage import Somebody, Stage, stage

MENTIONS, ROOMS = 20_000, 20
WORTH = 600.0
"""Seconds it may take."""
READABLE, RATE, CPU = (
    "readable of a burst of mentions",
    "mentions a second into the inbox",
    "CPU for a mention",
)
HOW = "from the commit until all are there, most by REST: who falls behind loses the socket"
INBOX = "thenvoi://inbox"

_NUMBERS = count(1)


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform:
        person = await platform.person()
        once = partial(taken, platform, person, effort.of(MENTIONS))
        found = await interleaved(replace(effort, warm=0), {BRIDGE: once})
    number = f"{effort.of(MENTIONS):,} mentions in {ROOMS} rooms, committed at once"
    return [
        found.figure(READABLE, "%", Goal(BRIDGE, 100, at_least=True), note=number),
        found.figure(RATE, "mentions", note=HOW),
        found.figure(CPU, "ms", per=1000),
    ]


async def taken(platform: Stage, person: Somebody, number: int) -> Mapping[str, float]:
    """One burst for an agent, rooms and a bridge of its own."""
    agent = await platform.agent(person, f"Scout {next(_NUMBERS)}")
    rooms = [await platform.room(person, agent) for _ in range(ROOMS)]
    on = Scene(platform.url, person, agent, rooms[0])
    with TemporaryDirectory() as state:
        async with at_work(bridge(on, Path(state))) as host:
            return await _burst(host, platform.folder, on, rooms, number)


async def _burst(host: Host, folder: Path, on: Scene, rooms: list[str], number: int) -> Mapping[str, float]:
    used = cpu(host.pid)
    sent = await rows.mention(folder, on.person.id, on.agent.id, rooms, number)
    begun = time.perf_counter()
    with anyio.move_on_after(WORTH):
        while (await _read(host, "limit=1"))["unread"] < number:
            await anyio.sleep(0.2)
    took, spent = time.perf_counter() - begun, cpu(host.pid).since(used)
    readable = len(set(sent) & await _all(host))
    return {READABLE: 100 * readable / number, RATE: number / took, CPU: spent / number}


async def _all(host: Host) -> set[str]:
    seen, query = set[str](), "limit=100"
    while (page := await _read(host, query))["messages"]:
        seen |= {message["id"] for message in page["messages"]}
        query = f"limit=100&after={page['next_cursor']}"
    return seen


async def _read(host: Host, query: str) -> Json:
    (content,) = (await host.ask("resources/read", uri=f"{INBOX}?{query}"))["contents"]
    found: Json = json.loads(content["text"])
    return found
