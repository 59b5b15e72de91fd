"""The commands the demo runs and the processes it owns: their environment, their logs, and their end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio

from thenvoi_bridge.demo.steps import Unexpected

COMMAND = [sys.executable, "-m", "thenvoi_bridge"]

LAST_LINES = 15
"""Lines of each log that are shown when something failed."""

ORPHANED = 60
"""Seconds without use after which the platform ends by itself, should the demo have been killed outright."""


def environment() -> dict[str, str]:
    """The caller's environment without its Thenvoi settings: no key of his, and no place, may take part.

    How much is logged stays as he has set it.
    """
    kept = ("THENVOI_LOG_LEVEL",)
    return {n: v for n, v in os.environ.items() if not n.startswith("THENVOI_") or n in kept}


def tails(folder: Path) -> dict[str, list[str]]:
    """The last lines of every log in the folder that has any, by the name of who wrote it."""
    logs = {log.stem: log.read_text(errors="replace").splitlines() for log in sorted(folder.glob("*.log"))}
    return {name: lines[-LAST_LINES:] for name, lines in logs.items() if lines}


class PlatformProcess:
    """The real platform, with its data in `folder`. Leaving the context ends it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data, self._address, self._log = (
            folder / "platform",
            folder / "address",
            folder / "platform.log",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(8)  # it gives its connections 5 s to end
        finally:  # also after a second Ctrl-C
            self._process.kill()
            self._process.wait()

    def begin(self) -> None:
        """Start it, on a free port; in a session of its own, so that a Ctrl-C reaches it through us only."""
        serve = ["serve", "--data", self._data, "--port", "0", "--address-file", self._address]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*COMMAND, "platform", *map(str, serve), "--exit-when-idle", str(ORPHANED)],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def url(self) -> str:
        """Its address, as soon as it answers there."""
        assert self._process
        while not self._address.exists():
            if (code := self._process.poll()) is not None:
                raise Unexpected(f"its process ended with exit code {code}")
            await anyio.sleep(0.02)
        return self._address.read_text()

    async def add_person(self, name: str, email: str) -> dict[str, Any]:
        """Add a person with the administrator's command, while the platform runs."""
        new = ["user", "add", "--data", str(self._data), "--name", name, "--email", email, "--org", "Demo"]
        with (self.folder / "admin.log").open("ab") as log:
            command = [*COMMAND, "platform", *new, "--json"]
            done = await anyio.run_process(command, env=environment(), stderr=log, check=False)
        if done.returncode:
            raise Unexpected(f"the command ended with exit code {done.returncode}")
        person: dict[str, Any] = json.loads(done.stdout)
        return person
