"""How long it takes until messages arrive again: after a kill, over a dead link, while a process hangs.

    uv run python -m tests.faults.takeover [--kills 20] [--links 8] [--stopped 70]

Bridges are real processes with two hosts and more for one key, the platform is in this process, and so is the
proxy that swallows a link. Prints a line for each figure, in seconds.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import click

from tests.faults.bridges import Bridge, Sockets, started
from tests.faults.proxy import FaultProxy
from tests.faults.toxics import BlackHole, both
from tests.world import Somebody, World, say, world
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.settings import Platform


@dataclass
class Stage:
    """A platform with a person on it, whose agents come with a room and a folder of their own."""

    here: World
    sockets: Sockets
    alice: Somebody
    folder: Path
    bridges: AsyncExitStack

    async def agent(self, name: str) -> tuple[Somebody, ChatRoom]:
        """One more agent, and a room with it."""
        agent = await self.here.agent(self.alice, name)
        return agent, await self.here.room(self.alice, agent)

    async def start(self, agent: Somebody, **environ: str) -> Bridge:
        """One more process of an agent, once messages arrive there."""
        state = self.folder / agent.id
        new = started(self.here.url, agent.key, state, THENVOI_LOG_LEVEL="error", **environ)
        bridge = await self.bridges.enter_async_context(new)
        await bridge.greet()
        await bridge.live()
        return bridge


@asynccontextmanager
async def staged() -> AsyncGenerator[Stage]:
    """A stage until the end of the block; nothing is left of it."""
    sockets = Sockets()
    with TemporaryDirectory() as folder:
        here = world(Path(folder) / "platform", Platform(connects=0), around=sockets.around)
        async with here as it, AsyncExitStack() as bridges:
            yield Stage(it, sockets, await it.person(), Path(folder), bridges)


def shown(what: str, seconds: Sequence[float]) -> None:
    """Print a figure."""
    print(
        f"{what}: median {median(seconds):.2f} s, worst {max(seconds):.2f} s, of {len(seconds)}", flush=True
    )


def is_live(status: dict[str, Any]) -> bool:
    return bool(status["connection"] == "live")


def receives(status: dict[str, Any]) -> bool:
    return bool(is_live(status) and status["socket"]["here"])


async def pushes(stage: Stage, times: int = 20) -> None:
    """From a mention to its hand-out, in the process with the socket and in one without."""
    agent, room = await stage.agent("Told")
    for who in ("that has the socket", "that has none"):
        bridge = await stage.start(agent)
        taken = []
        for _ in range(times):
            async with anyio.create_task_group() as tasks:
                done: list[float] = []
                tasks.start_soon(_hand_out, bridge, done)
                await anyio.sleep(random.uniform(0.1, 0.4))
                began = time.monotonic()
                await say(stage.alice, room, agent, "hi")
            taken.append(done[0] - began)
        shown(f"mention to hand-out, a process {who}", taken)


async def _hand_out(bridge: Bridge, done: list[float]) -> list[str]:
    """Wait for messages, end them, and note when they came."""
    while not (messages := (await bridge.tool("inbox_wait", timeout_s=50))["messages"]):
        pass
    done.append(time.monotonic())
    ids = [message["id"] for message in messages]
    await bridge.tool("inbox_ack", message_ids=ids)
    return ids


async def kills(stage: Stage, times: int) -> None:
    """From a SIGKILL of the process that receives until another one is live."""
    agent, room = await stage.agent("Killed")
    line = [await stage.start(agent) for _ in range(3)]
    taken = []
    for _ in range(times):
        owner, *line = line
        await anyio.sleep(random.uniform(0.0, 1.0))
        began = time.monotonic()
        await owner.kill()
        await say(stage.alice, room, agent, "hi")
        line = await _in_order(line)
        taken.append(time.monotonic() - began)
        await _hand_out(line[0], [])
        line.append(await stage.start(agent))
    shown("from SIGKILL until another process is live", taken)
    opened, most = stage.sockets.opened[agent.key], stage.sockets.most[agent.key]
    print(f"  sockets opened: {opened}, at most {most} at a time", flush=True)


async def _in_order(bridges: Sequence[Bridge]) -> list[Bridge]:
    """The same, once one of them receives, and that one first."""
    with anyio.fail_after(60):
        while True:
            for bridge in bridges:
                if receives(await bridge.status()):
                    return [bridge, *(other for other in bridges if other is not bridge)]


async def links(stage: Stage, number: int) -> None:
    """From the moment a link swallows everything until that is known, and until messages arrive again."""
    known: list[float] = []
    back: list[float] = []
    async with anyio.create_task_group() as tasks:
        for nth in range(number):
            tasks.start_soon(_link, stage, nth, known, back)
    shown("from a half-open link until it is known", known)
    shown("from a half-open link that heals after 15 s until it is live again", back)


async def _link(stage: Stage, nth: int, known: list[float], back: list[float]) -> None:
    agent, _ = await stage.agent(f"Linked {nth}")
    async with FaultProxy("127.0.0.1", int(stage.here.url.rpartition(":")[2]), seed=nth) as proxy:
        bridge = await stage.start(agent, THENVOI_WS_URL=proxy.url.replace("http", "ws"))
        await anyio.sleep(nth * 10.0 / 8)  # at another moment between two heartbeats
        proxy.plan = both(BlackHole())
        began = time.monotonic()

        async def heal() -> None:
            await anyio.sleep(15.0)
            proxy.heal()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heal)
            await bridge.until(lambda status: not is_live(status))
            known.append(time.monotonic() - began)
        await bridge.until(is_live)
        back.append(time.monotonic() - began)
        await bridge.leave()


async def hangs(stage: Stage, seconds: float) -> None:
    """How late messages come while the process that receives is stopped, and when it is back after that."""
    agent, room = await stage.agent("Stopped")
    owner, follower = [await stage.start(agent) for _ in range(2)]
    sent: dict[str, float] = {}
    heard: dict[str, float] = {}

    async def mention(text: str) -> str:
        at = time.monotonic()
        id = (await say(stage.alice, room, agent, text)).id
        sent[id] = at
        return id

    async def hear(last: list[str]) -> None:
        while not (last and last[0] in heard):
            done: list[float] = []
            heard.update(dict.fromkeys(await _hand_out(follower, done), done[0]))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear, last := list[str]())
        owner.stop()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            await mention("hi")
            await anyio.sleep(1.0)
        opened = stage.sockets.opened[agent.key]
        back = await _resumed(owner)
        last.append(await mention("the last one"))
    delays = [(at - began, heard[id] - at) for id, at in sent.items()]
    shown("stopped: delay of what was sent in its first 20 s", [late for at, late in delays if at < 20])
    shown("stopped: delay of what was sent after 25 s", [late for at, late in delays if 25 < at < seconds])
    print(f"stopped for {seconds:.0f} s: live again {back:.2f} s after SIGCONT; sockets opened until then: "
          f"{opened}, at most {stage.sockets.most[agent.key]} at a time", flush=True)  # fmt: skip


async def _resumed(owner: Bridge) -> float:
    """Seconds until a stopped process that is let go on has a new socket and has read everything."""
    owner.resume()
    wall, began = time.time(), time.monotonic()

    def is_back(status: dict[str, Any]) -> bool:
        since = datetime.fromisoformat(status["socket"]["since"]).timestamp()
        return receives(status) and since >= int(wall)

    await owner.until(is_back)
    return time.monotonic() - began


async def measure(times: int, number: int, seconds: float) -> None:
    """Take every figure."""
    async with staged() as stage:
        await pushes(stage)
        await kills(stage, times)
        await links(stage, number)
        await hangs(stage, seconds)


@click.command()
@click.option("--kills", "times", default=20, show_default=True)
@click.option("--links", "number", default=8, show_default=True)
@click.option("--stopped", "seconds", default=70.0, show_default=True)
def main(times: int, number: int, seconds: float) -> None:
    """Measure how long it takes until messages arrive again."""
    anyio.run(measure, times, number, seconds)


if __name__ == "__main__":
    main()
