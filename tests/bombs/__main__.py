"""`python -m tests.bombs [--seconds 8] [NAME ...]`: what others notice while bombs are thrown at a platform.

Somebody else posts messages, one after another, and hears each on a socket. Each bomb is thrown by a process
of its own, four at a time, for so many seconds, after as many in which nothing is thrown. Prints a row for
each: what came of it most often, how often it was thrown, how long the others waited compared with before,
and by how much the platform's memory grew beyond what it had been at most.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import quantiles
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import click
import httpx2

from tests.bombs.bombs import BOMBS, Target
from tests.faults.platform import FaultyPlatform
from tests.machine import megabytes
from tests.platform.line import Line, called
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.platform import participants
from thenvoi_bridge.platform.administration import add_agent, add_user, administer
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.platform.chats import create_chat
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rooms import room
from thenvoi_bridge.platform.rules.access import Principal

ROOMS = 100


def somebody(tx: Change, name: str, rooms: int) -> dict[str, Any]:
    """A person with an agent and rooms for both: key, room, agent and rooms."""
    who = add_user(tx, email=f"{name}@x.example", name=name, organization=name)
    agent = add_agent(tx, owner=who["id"], name="Scout", description="Looks things up")
    me = Principal(who["id"], "User", "", who["id"], who["handle"], name, "")
    ids = [create_chat(CreateMyChat(), me, tx).id for _ in range(rooms)]
    participants.enter(tx, room(tx, ids[0]), agent["id"], "member")
    return {"key": who["api_key"], "room": ids[0], "agent": agent["id"], "rooms": ids}


class Bystander:
    """Posts and hears; `waits` are the seconds from the request until the message was heard."""

    def __init__(self, target: Target, http: httpx2.AsyncClient, it: Line) -> None:
        self._target, self._http, self._it = target, http, it

    async def watch(self, seconds: float) -> list[float]:
        waits, end = list[float](), anyio.current_time() + seconds
        while (start := anyio.current_time()) < end:
            await self._say()
            waits.append(anyio.current_time() - start)
        return waits

    async def _say(self) -> None:
        body = {"message": {"content": "hello", "mentions": [{"id": self._target.agent}]}}
        path = f"{self._target.url}/api/v1/me/chats/{self._target.room}/messages"
        answer = await self._http.post(path, json=body, headers={"X-API-Key": self._target.key})
        assert answer.status_code == 201, answer.text
        await self._it.event("message_created")
        await self._it.rest()  # what counts as life


@contextmanager
def thrown(name: str, target: Target, outcomes: Counter[str]) -> Iterator[None]:
    """The bomb, thrown for as long as this is entered."""
    command = [sys.executable, "-m", "tests.bombs.throw", name, json.dumps(asdict(target))]
    with Popen(command, stdout=PIPE, text=True) as thrower:
        assert thrower.stdout
        thrower.stdout.readline()  # it has begun
        yield
        thrower.kill()
        outcomes.update(thrower.stdout.read().split("\n"))
        del outcomes[""]


async def run(names: tuple[str, ...], seconds: float, folder: Path) -> None:
    async with opened(folder / "data") as (db, keys):
        alice = await administer(db, keys, partial(somebody, name="alice", rooms=1))
        mallory = await administer(db, keys, partial(somebody, name="mallory", rooms=ROOMS))
    with FaultyPlatform(folder) as platform:
        await platform.begin()
        mine, theirs = Target(platform.url, **alice), Target(platform.url, **mallory)
        async with httpx2.AsyncClient(timeout=60) as http, called(mine.url, {"api_key": mine.key}) as it:
            await it.join(f"chat_room:{mine.room}")
            bystander = Bystander(mine, http, it)
            await bystander.watch(seconds)
            for name in names or BOMBS:
                await _one(name, theirs, bystander, platform.pid, seconds)


async def _one(name: str, target: Target, bystander: Bystander, pid: int, seconds: float) -> None:
    calm, peak = await bystander.watch(seconds), megabytes(pid, "VmHWM")
    outcomes: Counter[str] = Counter()
    with thrown(name, target, outcomes):
        waits = await bystander.watch(seconds)
    most = ", ".join(outcome for outcome, _ in outcomes.most_common(2)) or "none yet"
    usual, worst = (_ratio(calm, waits, nth) for nth in (50, 99))
    grown = megabytes(pid, "VmHWM") - peak
    print(f"| {name} | {most} | {sum(outcomes.values())} | {usual} | {worst} | {grown:.0f} MB |", flush=True)


def _ratio(calm: list[float], waits: list[float], nth: int) -> str:
    before, after = (quantiles(some, n=100)[nth - 1] for some in (calm, waits))
    return f"{after * 1000:.0f} ms, {after / before:.1f} times"


@click.command()
@click.option("--seconds", default=8.0, show_default=True)
@click.argument("names", nargs=-1)
def main(seconds: float, names: tuple[str, ...]) -> None:
    """Throw bombs at a platform, and say what others noticed."""
    print("| Bomb | Answer | Thrown | Half of the others | 99 of 100 | Memory |\n|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        anyio.run(run, names, seconds, Path(folder))


if __name__ == "__main__":
    main()
