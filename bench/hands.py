"""What is written by hand (`bench/by_hand.py`), in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.streams.text import TextReceiveStream

from bench import by_hand
from bench.environments import clean
from bench.servers import Scene


@dataclass(frozen=True)
class Hand:
    """One at work, and what it prints."""

    pid: int
    lines: TextReceiveStream


@asynccontextmanager
async def hand(on: Scene, *how: str) -> AsyncGenerator[Hand]:
    """One that has joined the room; it is killed at the end of the block."""
    command = [sys.executable, str(Path(by_hand.__file__)), on.url, on.room, *how]
    async with await anyio.open_process(command, env=clean(KEY=on.agent.key), stderr=None) as process:
        assert process.stdout
        lines = TextReceiveStream(process.stdout)
        assert (await lines.receive()).strip() == "joined"
        try:
            yield Hand(process.pid, lines)
        finally:
            process.kill()
