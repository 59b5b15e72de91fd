"""Torture with real processes: a platform, bridges that share one key, and everything that can go wrong.

Everything is chosen from a seed, but processes run as they like: a seed repeats the plan, not the run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import anyio

from tests.faults.history import Report
from tests.faults.plan import (
    Delayed,
    DelayedPush,
    DoubledPush,
    DroppedPush,
    Garbled,
    LostReply,
    NotApplied,
    Plan,
    Status,
    SwallowedJoin,
)
from tests.faults.platform import FaultyPlatform
from tests.faults.proxy import FaultProxy
from tests.torture.host import Host
from tests.torture.scene import Scene, person, shuffled
from tests.torture.worker import Worker
from tests.world import bridge
from thenvoi_bridge.client import Client

AGENT = "/api/v1/agent/"

FAULTS: Plan = (  # five of a hundred requests of the agent, and pushes besides
    LostReply(chance=0.015, method="POST", path=AGENT),
    LostReply(chance=0.005, method="GET", path=AGENT),
    NotApplied(chance=0.01, path=AGENT),
    Delayed(chance=0.003, path=AGENT, method="POST", delay=1.0, cut=True),
    Status(status=503, chance=0.01, path=AGENT),
    Status(status=429, retry_after="seconds", chance=0.003, path=AGENT),
    Garbled(chance=0.005, path=AGENT),
    DroppedPush(chance=0.05, event="message_created"),
    DoubledPush(chance=0.05, event="message_created"),
    DelayedPush(chance=0.03, event="message_created", delay=0.5),
    SwallowedJoin(chance=0.02),
)


@dataclass(frozen=True)
class Ordeal:
    """How much of everything."""

    messages: int = 1000
    rooms: int = 20
    hosts: int = 3
    kills: int = 20
    cuts: int = 50
    ends: int = 2
    seed: int = 1

    @property
    def blows(self) -> dict[str, int]:
        """What is done to the processes, and how often."""
        return {"kill": self.kills, "cut": self.cuts, "end": self.ends}


@dataclass
class Outcome:
    """What came of it. `seconds` are from the first message to the last one answered and processed."""

    report: Report
    done: Counter[str] = field(default_factory=Counter)
    faults: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    late: float = 0.0


class Harm:
    """Whoever strikes the blows."""

    def __init__(self, platform: FaultyPlatform, proxy: FaultProxy, hosts: list[Host], seed: int) -> None:
        self._platform, self._proxy, self._hosts = platform, proxy, hosts
        self._rng = Random(f"{seed}/harm")
        self.done = Counter[str]()

    async def strike(self, blow: str) -> None:
        """Strike one."""
        match blow:
            case "kill":
                self._kill()
            case "cut":
                self._proxy.cut()
            case _:
                self._platform.kill()
                await self._platform.begin()
        self.done[blow] += 1

    def end(self) -> None:
        """Let everything go well from now on."""
        self._platform.take(())

    def _kill(self) -> None:
        for host in self._rng.sample(self._hosts, len(self._hosts)):  # whoever has a bridge at this moment
            if host.kill():
                return


async def torture(ordeal: Ordeal, folder: Path) -> Outcome:
    """Do it all, and see what came of it."""
    async with AsyncExitStack() as stack:
        flags = ["--connects", "0"]
        platform = stack.enter_context(FaultyPlatform(folder / "platform", (), ordeal.seed, flags))
        await platform.begin()
        alice = await stack.enter_async_context(Client(platform.url, await person(platform.data)))
        scene = Scene(ordeal, folder, platform.url, alice)
        await scene.furnish()
        port = int(platform.url.rpartition(":")[2])
        proxy = await stack.enter_async_context(FaultProxy("127.0.0.1", port, ordeal.seed))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        hosts = [_host(scene, proxy.url, n) for n in range(ordeal.hosts)]
        for host in hosts:
            tasks.start_soon(host.run)
        platform.take(FAULTS)
        outcome = await _observed(scene, Harm(platform, proxy, hosts, ordeal.seed), ordeal)
        outcome.faults = {**platform.history.happened(), "lives": sum(host.lives for host in hosts)}
        tasks.cancel_scope.cancel()
    return outcome


async def _observed(scene: Scene, harm: Harm, ordeal: Ordeal) -> Outcome:
    started = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.harm, shuffled(ordeal.blows, ordeal.seed), harm.strike)
        await scene.post()
    late, left = await scene.settled()
    seconds = time.monotonic() - started
    harm.end()
    return Outcome(await scene.report(left), harm.done, seconds=seconds, late=late)


def _host(scene: Scene, url: str, n: int) -> Host:
    rng = Random(f"{scene.amount.seed}/host/{n}")
    worker = Worker(f"host{n}", scene.history, scene.note_answer, rng)
    return Host(bridge(url, scene.key, scene.folder / "state"), scene.folder / f"bridge{n}.log", worker)
