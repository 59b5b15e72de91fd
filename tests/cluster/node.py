"""Servers as processes, each on a port of its own for as long as the run lasts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import anyio
import httpx2

from tests.machine import free_port

ROOT = Path(__file__).parents[2]

PATIENCE = 60.0
"""Seconds a start may take at most."""


class Node:
    """A server of ours, begun with this command on one port, however often. Leaving the context kills it."""

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-m", "thenvoi_bridge", *command, "--port", str(self.port)]
        self._env, self._log = {**bare(), **env}, log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    async def begin(self) -> None:
        """Start it, and wait until it serves. Raises TimeoutError."""
        self._process = self._started()
        async with httpx2.AsyncClient() as http:
            with anyio.fail_after(PATIENCE):
                while not await self._serves(http):
                    assert self._process.poll() is None, "it ended at once; its log says why"
                    await anyio.sleep(0.1)

    async def end(self, how: signal.Signals) -> None:
        """Send it a signal, and wait until it has ended."""
        assert self._process
        self._process.send_signal(how)
        await anyio.to_thread.run_sync(self._process.wait, PATIENCE)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def _serves(self, http: httpx2.AsyncClient) -> bool:
        with suppress(httpx2.HTTPError):
            return (await http.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200
        return False


def bare() -> dict[str, str]:
    """Our environment, with nothing of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("THENVOI_")}
