"""Programs that other people wrote, each in an environment of its own, so that they never constrain ours."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

ROOT = Path(__file__).parents[2]

STARTING = 240.0
"""Seconds until a program has started, which includes fetching what it is made of."""
PATIENCE = 30.0
"""Seconds for everything else; the slowest client waits 5 before it comes back."""
LINE = 1 << 20

Json = dict[str, Any]


def python(*packages: str) -> list[str]:
    """The command that runs Python with these packages and nothing else."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "this test needs uv, as the README's test command brings it"
    alone = [uv, "run", "--quiet", "--no-project", "--isolated", "--python", sys.executable]
    return [*alone, *(part for package in packages for part in ("--with", package)), "python"]


def environment(**given: str) -> dict[str, str]:
    """What a foreign program gets: our environment, where no proxy is asked for what is on this computer."""
    so_far = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    direct = f"{so_far},127.0.0.1" if so_far else "127.0.0.1"
    return {**os.environ, "NO_PROXY": direct, "no_proxy": direct, **given}


class Walker:
    """A foreign program that does what it is told, and says what comes of it in lines of JSON."""

    def __init__(self, process: Process) -> None:
        assert process.stdin
        assert process.stdout
        self._orders = process.stdin
        self._lines = BufferedByteReceiveStream(process.stdout)

    async def says(self, what: str, patience: float = PATIENCE) -> Json:
        """The next thing it says, which must be this. Heartbeats pass, unless they are what is wanted."""
        said = await self._next(patience)
        while said["is"] == "beat" != what:
            said = await self._next(patience)
        assert said["is"] == what, said
        return said

    async def hears(self, topic: str, event: str) -> Json:
        """The payload of the next thing it says, which must be that it heard this."""
        said = await self.says("heard")
        assert (said["topic"], said["event"]) == (topic, event)
        payload: Json = said["payload"]
        return payload

    async def joins(self, topic: str) -> None:
        await self._order("join", topic)
        assert (await self.says("joined"))["topic"] == topic

    async def is_refused(self, topic: str) -> str:
        """Ask to join, and return why it may not."""
        await self._order("join", topic)
        said = await self.says("refused")
        assert said["topic"] == topic
        return str(said["why"])

    async def leaves(self, topic: str) -> None:
        await self._order("leave", topic)
        assert (await self.says("left"))["topic"] == topic

    async def comes_back(self) -> None:
        """Wait until it is back as often as it was lost, once at least."""
        away, back = 0, 0
        while not 0 < away == back:
            said = (await self._next(PATIENCE))["is"]
            assert said in ("lost", "back")
            away, back = away + (said == "lost"), back + (said == "back")

    async def _order(self, *words: str) -> None:
        await self._orders.send(f"{' '.join(words)}\n".encode())

    async def _next(self, patience: float) -> Json:
        with anyio.fail_after(patience):
            line = await self._lines.receive_until(b"\n", LINE)
        said: Json = json.loads(line)
        return said


@asynccontextmanager
async def walker(command: list[str], **env: str) -> AsyncGenerator[Walker]:
    """A foreign program that runs until the end of the block."""
    async with await anyio.open_process(command, cwd=ROOT, env=environment(**env), stderr=None) as process:
        yield Walker(process)
        assert process.stdin
        await process.stdin.aclose()  # which ends it
        with anyio.fail_after(PATIENCE):
            assert await process.wait() == 0
