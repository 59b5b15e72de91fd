"""Processes work on one inbox, and are killed in the middle of writing: nobody is held up, nothing lost."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import anyio
import apsw
import pytest
from anyio import to_thread

from tests.inbox.mentions import Process
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

WORKER = """
import asyncio, sys, time
from pathlib import Path
from tests.inbox.hosts import Host
from tests.inbox.mentions import mention

async def main(folder):
    host = await Host.start(folder)
    inbox = host.inbox
    print("ready", flush=True)
    me, many = sys.stdin.readline().split()
    room, done, slowest, n = f"room of {me}", 0, 0.0, 0

    async def timed(work):
        nonlocal done, slowest
        began = time.monotonic()
        result = await work
        slowest = max(slowest, time.monotonic() - began)
        done += 1
        return result

    while done < int(many):
        n += 1
        id = f"{me}-{n:05}"
        await timed(inbox.put([mention(id, room, n % 60)]))
        print("put", id, flush=True)
        for item in await timed(inbox.lease(room if n % 2 else None, 2, time.monotonic())):
            if (await timed(inbox.end([item.id], "processed", None, time.monotonic()))):
                print("ended", item.id, flush=True)
        for item in await timed(inbox.to_tell(time.monotonic())):
            await timed(inbox.told(item))
            print("told", item.id, flush=True)
    print("over", done, f"{slowest:.3f}", flush=True)
    await inbox.close()

asyncio.run(main(Path(sys.argv[1])))
"""


class Worker(Process):
    """A process of whose words none is lost."""

    def __init__(self, folder: Path) -> None:
        super().__init__(WORKER, folder)

    async def rest(self, *, kill: bool = False) -> str:
        """Whatever it still says until it has ended."""
        if kill:
            self._popen.kill()
        assert self._popen.stdout
        out = await to_thread.run_sync(self._popen.stdout.read)
        await self.end()
        return out


def said(out: str, word: str) -> list[str]:
    """What processes have said of that, in whole lines: the last one of a killed one may be cut."""
    lines = out.splitlines(keepends=True)
    return [line.split()[1] for line in lines if line.startswith(f"{word} ") and line.endswith("\n")]


async def check_processes(folder: Path, processes: int, operations: int) -> float:
    """Let processes do so much each; return the seconds of the slowest operation."""
    workers = [Worker(folder) for _ in range(processes)]
    for worker in workers:
        assert await worker.line() == "ready"
    for nth, worker in enumerate(workers):
        await worker.say(f"{nth} {operations}")
    outs: list[str] = []
    async with anyio.create_task_group() as tasks:
        for worker in workers:

            async def hear(worker: Worker = worker) -> None:
                outs.append(await worker.rest())

            tasks.start_soon(hear)
    for out in outs:
        assert len(said(out, "over")) == 1, out[-500:]
        assert int(said(out, "over")[0]) >= operations
    everything = "".join(outs)
    assert max(Counter(said(everything, "told")).values()) == 1
    assert {*said(everything, "told")} == {*said(everything, "ended")} <= {*said(everything, "put")}
    return max(float(out.split()[-1]) for out in outs)


@pytest.mark.thorough
async def test_processes_that_write_at_the_same_time_are_never_told_that_it_is_busy(folder: Path) -> None:
    await check_processes(folder, 3, 100)


@pytest.mark.thorough
@pytest.mark.timeout(1800)
async def test_eight_processes_with_five_thousand_operations_each_are_never_told_that_it_is_busy(
    folder: Path,
) -> None:
    slowest = await check_processes(folder, 8, 5000)
    print(f"8 processes, 5,000 operations each, 0 failed; the slowest took {slowest:.3f} s")


async def check_kills(folder: Path, kills: int, seed: int) -> Counter[str]:
    """Kill processes while they write, and look at what they leave behind; return what was acknowledged."""
    rng = random.Random(seed)
    acknowledged: Counter[str] = Counter()
    put, ended, told = set[str](), set[str](), set[str]()
    for round in range(0, kills, 2):
        workers = [Worker(folder) for _ in range(2)]
        for worker in workers:
            assert await worker.line() == "ready"
        for nth, worker in enumerate(workers):
            await worker.say(f"{round}.{nth} 1000000")
        heard = [[await worker.line() for _ in range(rng.randrange(1, 60))] for worker in workers]
        for worker, lines in zip(workers, heard, strict=True):
            out = "".join(f"{line}\n" for line in lines) + await worker.rest(kill=True)
            put |= {*said(out, "put")}
            ended |= {*said(out, "ended")}
            told |= {*said(out, "told")}
        assert await to_thread.run_sync(is_sound, folder), (seed, round)
    await check_what_is_left(folder, put, ended, told)
    acknowledged.update(put=len(put), ended=len(ended), told=len(told))
    return acknowledged


def is_sound(folder: Path) -> bool:
    connection = apsw.Connection(str(folder / "inbox.db"))
    try:
        return bool(connection.pragma("integrity_check") == "ok")
    finally:
        connection.close()


async def check_what_is_left(folder: Path, put: set[str], ended: set[str], told: set[str]) -> None:
    owner = Owner.start(folder)
    inbox = await Inbox.open(folder, owner)
    states = {item.id: item.state for item in await inbox.get(put)}
    assert states.keys() == put
    assert {states[id] for id in ended & put} <= {State.ACKING, State.DONE}
    assert {states[id] for id in told & put} <= {State.DONE}
    await inbox.close()
    owner.close()


@pytest.mark.thorough
async def test_what_a_killed_process_has_acknowledged_is_kept(folder: Path) -> None:
    acknowledged = await check_kills(folder, kills=4, seed=1)
    assert acknowledged["put"]


@pytest.mark.thorough
@pytest.mark.timeout(1800)
async def test_what_two_hundred_killed_processes_have_acknowledged_is_kept(folder: Path) -> None:
    acknowledged = await check_kills(folder, kills=200, seed=2)
    print(f"200 kills while writing, 200 times sound; acknowledged and kept: {dict(acknowledged)}")
    assert acknowledged["told"] > 100
