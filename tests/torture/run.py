"""Torture with real processes: a platform, bridges that share one key, and everything that can go wrong.

Everything is chosen from a seed, but processes run as they like: a seed repeats the plan, not the run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar
from uuid import UUID

import anyio

from tests.faults.history import POST, History, Report, check
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
from tests.world import bridge
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.messages import ChatMessage, ListMessages, ListMyMessages, Mention, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.app import opened

T = TypeVar("T")

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

SETTLED = 60.0
"""Seconds after the last message in which the last one must be answered and processed."""


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

    def events(self) -> list[str]:
        """What is done to the processes, in the order in which it is."""
        events = ["kill"] * self.kills + ["cut"] * self.cuts + ["end"] * self.ends
        Random(f"{self.seed}/events").shuffle(events)
        return events


@dataclass
class Outcome:
    """What came of it. `seconds` are from the first message to the last one answered and processed."""

    report: Report
    done: Counter[str] = field(default_factory=Counter)
    faults: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    late: float = 0.0


class Scene:
    """A platform that may be killed, a person in her rooms, and an agent with several hosts."""

    def __init__(self, ordeal: Ordeal, folder: Path, platform: FaultyPlatform, alice: Client) -> None:
        self.ordeal, self.folder, self.platform, self.alice = ordeal, folder, platform, alice
        self.history = History(folder / "history.jsonl")
        self.rng = Random(f"{ordeal.seed}/posts")
        self.agent_id, self.key = "", ""
        self.posted: dict[str, list[str]] = {}
        self.answered, self.done = 0, Counter[str]()
        self._news = anyio.Event()

    async def furnish(self) -> None:
        """Register the agent, and open the rooms."""
        made = await self.alice(RegisterMyAgent(name="Scout", description="is tortured"))
        self.agent_id, self.key = made.agent.id, made.credentials.api_key
        for _ in range(self.ordeal.rooms):
            room = await self.alice(CreateMyChat())
            await self.alice(AddMyParticipant(chat_id=room.id, participant_id=self.agent_id))
            self.posted[room.id] = []

    async def post(self) -> None:
        """Mention the agent again and again, never too far ahead of it."""
        for n in range(self.ordeal.messages):
            await self._until(lambda n=n: n - self.answered < 15 * self.ordeal.rooms)  # type: ignore[misc]
            room = self.rng.choice([*self.posted])
            call = SendMyMessage(chat_id=room, content=f"number {n}", mentions=[Mention(id=self.agent_id)])
            key = str(UUID(int=self.rng.getrandbits(128), version=4))
            sent = await insist(lambda call=call, key=key: self.alice(call, key=key))  # type: ignore[misc]
            self.posted[room].append(sent.id)
            self.history.note("alice", POST, sent.id, "ok")

    def note_answer(self) -> None:
        """One more is answered, as far as a host knows."""
        self.answered += 1
        self._news.set()
        self._news = anyio.Event()

    async def harm(self, hosts: list[Host], proxy: FaultProxy) -> None:
        """Do what is to be done to the processes, evenly over all the answers."""
        events = self.ordeal.events()
        rng = Random(f"{self.ordeal.seed}/harm")
        for nth, event in enumerate(events, 1):
            goal = self.ordeal.messages * nth * 0.95 / (len(events) + 1)
            await self._until(lambda goal=goal: self.answered >= goal)  # type: ignore[misc]
            await getattr(self, f"_{event}")(hosts, proxy, rng)
            self.done[event] += 1

    async def _kill(self, hosts: list[Host], _: FaultProxy, rng: Random) -> None:
        for host in rng.sample(hosts, len(hosts)):  # whoever has a bridge at this moment
            if host.kill():
                return

    async def _cut(self, _: list[Host], proxy: FaultProxy, __: Random) -> None:
        proxy.cut()

    async def _end(self, *_: object) -> None:
        self.platform.kill()
        await self.platform.begin()

    async def _until(self, so: Callable[[], bool]) -> None:
        while not so():
            await self._news.wait()

    async def unprocessed(self, agent: Client) -> dict[str, list[str]]:
        """What the platform still holds for the agent, by room."""
        found = {}
        for room in self.posted:
            page = await insist(lambda room=room: agent(ListMessages(chat_id=room, page_size=100)))  # type: ignore[misc]
            if page.data:
                found[room] = [message.id for message in page.data]
        return found

    async def answers(self) -> dict[str, list[tuple[str, str]]]:
        """What the agent said, in the order of each room: the message it answers, and the answer."""
        return {room: [*map(_as_answer, await self._said(room))] for room in self.posted}

    async def _said(self, room: str) -> list[ChatMessage]:
        said, page = list[ChatMessage](), 1
        while True:
            call = ListMyMessages(chat_id=room, page=page, page_size=100)
            answer = await insist(lambda call=call: self.alice(call))  # type: ignore[misc]
            said += answer.data
            if page >= answer.metadata.total_pages:
                return [message for message in reversed(said) if message.sender_id == self.agent_id]
            page += 1


async def torture(ordeal: Ordeal, folder: Path) -> Outcome:
    """Do it all, and see what came of it."""
    async with AsyncExitStack() as stack:
        flags = ["--connects", "0"]
        platform = stack.enter_context(FaultyPlatform(folder / "platform", (), ordeal.seed, flags))
        await platform.begin()
        alice = await stack.enter_async_context(Client(platform.url, await _person(platform)))
        scene = Scene(ordeal, folder, platform, alice)
        await scene.furnish()
        port = int(platform.url.rpartition(":")[2])
        proxy = await stack.enter_async_context(FaultProxy("127.0.0.1", port, ordeal.seed))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        hosts = [_host(scene, proxy.url, n) for n in range(ordeal.hosts)]
        for host in hosts:
            tasks.start_soon(host.run)
        platform.take(FAULTS)
        outcome = await _observed(scene, hosts, proxy)
        tasks.cancel_scope.cancel()
    return outcome


async def _observed(scene: Scene, hosts: list[Host], proxy: FaultProxy) -> Outcome:
    started = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.harm, hosts, proxy)
        await scene.post()
    late, left = await _settled(scene)
    seconds = time.monotonic() - started
    scene.platform.take(())
    report = check(scene.posted, await scene.answers(), left, scene.history.ops())
    faults = {**scene.platform.history.happened(), "lives": sum(host.lives for host in hosts)}
    return Outcome(report, scene.done, faults, seconds, late)


async def _settled(scene: Scene) -> tuple[float, dict[str, list[str]]]:
    """Wait until nothing is left to do, for a bounded time: how long it took, and what is left."""
    started = time.monotonic()
    async with Client(scene.platform.url, scene.key) as agent:
        while left := await scene.unprocessed(agent):
            if time.monotonic() - started > SETTLED + len(scene.posted):
                break
            await anyio.sleep(1)
    return time.monotonic() - started, left


def _host(scene: Scene, url: str, n: int) -> Host:
    server = bridge(url, scene.key, scene.folder / "state")
    log = scene.folder / f"bridge{n}.log"
    rng = Random(f"{scene.ordeal.seed}/host/{n}")
    return Host(f"host{n}", server, scene.history, log, scene.note_answer, rng)


async def _person(platform: FaultyPlatform) -> str:
    async with opened(platform.data) as (db, keys):
        add = partial(add_user, email="alice@acme.example", name="Alice Doe", organization="Acme")
        return str((await administer(db, keys, add))["api_key"])


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """Do it until it is done: the platform may be gone for a while."""
    for _ in range(200):
        try:
            return await work()
        except ThenvoiError:
            await anyio.sleep(0.2)
    raise TimeoutError("the platform does not come back")


def _as_answer(message: ChatMessage) -> tuple[str, str]:
    return message.content.rpartition("re ")[2].split()[0], message.id
