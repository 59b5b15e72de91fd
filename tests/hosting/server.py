"""`thenvoi-bridge serve` as a process of its own, which is to be used up."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process

from tests.machine import megabytes
from tests.world import World

UNBOUNDED = """
from thenvoi_bridge.cli import main
from thenvoi_bridge.hosting import tenants
tenants.TENANTS = 10_000
main()
"""
"""The command, with room for more principals than it has by itself."""


@dataclass(frozen=True)
class Server:
    """Where it is, and what it writes to stderr."""

    url: str
    process: Process
    log: Path

    @property
    def files(self) -> int:
        """Files and sockets that it has open."""
        return len([*Path(f"/proc/{self.process.pid}/fd").iterdir()])

    @property
    def threads(self) -> int:
        """Its threads."""
        return len([*Path(f"/proc/{self.process.pid}/task").iterdir()])

    @property
    def memory(self) -> float:
        """Megabytes that it has in memory."""
        return megabytes(self.process.pid)


@asynccontextmanager
async def serving(where: World, folder: Path, *options: str) -> AsyncGenerator[Server]:
    """One for this platform, until the end of the block."""
    environ = {**os.environ, "THENVOI_BASE_URL": where.url, "THENVOI_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-c", UNBOUNDED, "serve", "--port", "0", *options]
    log = folder / "log"
    with log.open("w") as stderr:
        async with await anyio.open_process(command, env=environ, stderr=stderr) as process:
            with anyio.fail_after(30):
                url = await _told(log)
            try:
                yield Server(url, process, log)
            finally:
                process.terminate()


async def _told(log: Path) -> str:
    while True:
        if found := re.search(r"on (http\S+)/mcp", await anyio.Path(log).read_text()):
            return found[1]
        await anyio.sleep(0.05)
