"""Torture of a cluster: platform nodes and bridge replicas on one Postgres, and everything that can end.

A person mentions an agent in many rooms; hosts of that agent wait and answer over HTTP, each request at
whatever replica the balancer chooses. Nodes and replicas are killed, Postgres is restarted, and NATS, which
only carries hints, is cut.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import anyio

from tests import natsd, postgres
from tests.cluster.balancer import Balancer
from tests.cluster.host import WebHost
from tests.cluster.node import Node
from tests.faults.history import Report
from tests.machine import free_port
from tests.torture.scene import Scene, person, shuffled
from tests.torture.worker import Worker
from thenvoi_bridge.client import Client


@dataclass(frozen=True)
class Ordeal:
    """How much of everything."""

    messages: int = 1000
    rooms: int = 20
    hosts: int = 4
    nodes: int = 3
    replicas: int = 2
    node_kills: int = 3
    replica_kills: int = 3
    restarts: int = 1
    cuts: int = 2
    seed: int = 1

    @property
    def blows(self) -> dict[str, int]:
        """What is done, and how often."""
        return {
            "node": self.node_kills,
            "replica": self.replica_kills,
            "postgres": self.restarts,
            "nats": self.cuts,
        }


@dataclass
class Outcome:
    """What came of it. `seconds` are from the first message to the last one answered and processed."""

    report: Report
    done: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    late: float = 0.0


class Cluster:
    """The processes. Everything they say and keep is in `folder`."""

    def __init__(self, ordeal: Ordeal, folder: Path, stack: AsyncExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.database, self._switch = stack.enter_context(postgres.crashing_server())
        self._nats_port, self._nats = free_port(), stack.enter_context(ExitStack())
        self._begin_nats()
        self.nodes = [self._node(n) for n in range(ordeal.nodes)]
        self._replicas_wanted = ordeal.replicas
        self.replicas: list[Node] = []
        self._rng = Random(f"{ordeal.seed}/harm")
        self.done = Counter[str]()

    async def begin(self) -> tuple[str, str]:
        """Start everything; where platform and bridge are reached."""
        for node in self.nodes:
            await node.begin()
        platform = await self._stack.enter_async_context(Balancer([node.port for node in self.nodes]))
        self.replicas = [self._replica(n, platform.url) for n in range(self._replicas_wanted)]
        for replica in self.replicas:
            await replica.begin()
        bridge = await self._stack.enter_async_context(Balancer([one.port for one in self.replicas]))
        return platform.url, bridge.url

    async def strike(self, blow: str) -> None:
        """Strike one."""
        match blow:
            case "node":
                await self._end_one(self.nodes)
            case "replica":
                await self._end_one(self.replicas)
            case "postgres":
                await anyio.to_thread.run_sync(postgres.restart, self._switch)
            case _:
                self._nats.close()
                await anyio.sleep(2)
                self._begin_nats()
        self.done[blow] += 1

    async def _end_one(self, several: list[Node]) -> None:
        one = self._rng.choice(several)
        await one.end(signal.SIGKILL)
        await anyio.sleep(1)
        await one.begin()

    def _begin_nats(self) -> None:
        self._nats_url = self._nats.enter_context(natsd.server(self._nats_port))

    def _node(self, n: int) -> Node:
        data = self.folder / "platform"
        command = ("platform", "serve", "--data", str(data), "--connects", "0", "--log-level", "warning")
        env = {"THENVOI_PLATFORM_DATABASE": self.database, "THENVOI_PLATFORM_NATS": self._nats_url}
        return self._stack.enter_context(Node(command, env, self.folder / f"node{n}.log"))

    def _replica(self, n: int, platform: str) -> Node:
        env = {
            "THENVOI_DATABASE": postgres.fresh(self.database, "bridge"),
            "THENVOI_BASE_URL": platform,
            "THENVOI_STATE_DIR": str(self.folder / f"state{n}"),
            "THENVOI_MAX_WAIT": "20",
            "THENVOI_MAX_CHANGES": "0",
        }
        return self._stack.enter_context(Node(("serve",), env, self.folder / f"replica{n}.log"))


async def torture(ordeal: Ordeal, folder: Path) -> Outcome:
    """Do it all, and see what came of it."""
    async with AsyncExitStack() as stack:
        cluster = Cluster(ordeal, folder, stack)
        key = await person(folder / "platform", cluster.database)
        platform, bridge = await cluster.begin()
        alice = await stack.enter_async_context(Client(platform, key))
        scene = Scene(ordeal, folder, platform, alice)
        await scene.furnish()
        tasks = await stack.enter_async_context(anyio.create_task_group())
        for n in range(ordeal.hosts):
            rng = Random(f"{ordeal.seed}/host/{n}")
            worker = Worker(f"host{n}", scene.history, scene.note_answer, rng)
            tasks.start_soon(WebHost(bridge, scene.key, worker).run)
        outcome = await _observed(scene, cluster, ordeal)
        tasks.cancel_scope.cancel()
    return outcome


async def _observed(scene: Scene, cluster: Cluster, ordeal: Ordeal) -> Outcome:
    started = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.harm, shuffled(ordeal.blows, ordeal.seed), cluster.strike)
        await scene.post()
    late, left = await scene.settled()
    seconds = time.monotonic() - started
    return Outcome(await scene.report(left), cluster.done, seconds, late)
