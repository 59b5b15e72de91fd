"""Frames that a bridge's listener takes in, from the socket to the inbox, beside a bare client's.

A socket of its own (`bench/frames.py`) sends mentions as fast as it can, fewer than a listener lets wait. The
bare client (`bench/by_hand.py`) parses each frame and keeps nothing; the bridge has each in its inbox,
committed. Every round has a bridge of its own, with an empty inbox.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from bench.audience import Line, process
from bench.figures import Effort, Figure
from bench.hands import hand
from bench.processes import cpu
from bench.rounds import interleaved
from bench.servers import BRIDGE, Scene, at_work, bridge, scene
from bench.stage import PATIENCE, stage
from tests import postgres

FRAMES = 4000
DISK, HAND = f"{BRIDGE}, inbox on disk", "by hand: parsed, not kept"
RATE, COST = "listener frames a second", "CPU of a frame"
HERE = Path(__file__).parents[1]


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform:
        with ExitStack() as stack:
            source = stack.enter_context(process(HERE / "frames.py"))
            on, socket, number = await scene(platform), source.hear(), effort.of(FRAMES)
            heard = partial(kept, on, source, socket, number)
            them = {BRIDGE: partial(heard, postgres.MEMORY), DISK: partial(heard, None)}
            found = await interleaved(effort, {**them, HAND: partial(parsed, on, source, socket, number)})
    note = f"{number:,} mentions, as fast as a socket brings them; in the inbox, committed, before they count"
    return [found.figure(RATE, "frames", note=note), found.figure(COST, "ms", per=1000)]


async def kept(on: Scene, source: Line, socket: str, number: int, at: Path | None) -> Mapping[str, float]:
    """What a bridge has in its inbox."""
    with TemporaryDirectory(dir=at) as state:
        server = bridge(on, Path(state))
        away = {"THENVOI_WS_URL": f"ws://127.0.0.1:{socket}"}
        async with at_work(replace(server, environ=server.environ | away)) as host:
            (file,) = Path(state).rglob("inbox.db")
            with closing(sqlite3.connect(file)) as inbox:
                used, begun = cpu(host.pid), told(on, source, number)
                with anyio.fail_after(PATIENCE):
                    while inbox.execute("SELECT COUNT(*) FROM inbox").fetchone()[0] < number:
                        await anyio.sleep(0.02)
                return per_frame(number, time.monotonic() - begun, cpu(host.pid).since(used))


async def parsed(on: Scene, source: Line, socket: str, number: int) -> Mapping[str, float]:
    """What a bare client has heard."""
    async with hand(replace(on, url=f"http://127.0.0.1:{socket}"), str(number)) as it:
        used, begun = cpu(it.pid), told(on, source, number)
        await it.lines.receive()
        return per_frame(number, time.monotonic() - begun, cpu(it.pid).since(used))


def told(on: Scene, source: Line, number: int) -> float:
    """Have the socket tell the room; when that begins."""
    source.say(f"{on.room} {number}")
    return float(source.hear())


def per_frame(number: int, took: float, spent: float) -> Mapping[str, float]:
    return {RATE: number / took, COST: spent / number}
