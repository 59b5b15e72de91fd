"""The real platform with its switches as a process, and what holds such a process from outside.

`python -m tests.faults.platform --data FOLDER --port N --plan FILE --happened FILE` serves until SIGTERM. A
new plan is in force as soon as its file is replaced, and begins anew with every process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

import anyio
import click
from anyio import to_thread

from tests.faults.history import History
from tests.faults.plan import Plan, PlanFile
from tests.faults.switches import Switches
from thenvoi_bridge import settings
from thenvoi_bridge.cli.logs import log_to_stderr
from thenvoi_bridge.cli.options import flags_of
from thenvoi_bridge.platform.serving import publish, served
from thenvoi_bridge.ports import bind

ROOT = Path(__file__).parents[2]

PATIENCE = 30.0
"""Seconds a start or an end takes at most."""


class FaultyPlatform:
    """The process, which may be killed or ended and begun again on the same port and data.

    All of it lies in `folder`: the data, the plan, the history and the log. `flags` are those of `platform
    serve`. Leaving the context kills it.
    """

    def __init__(self, folder: Path, plan: Plan = (), seed: int = 0, flags: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.history = History(folder / "history.jsonl")
        self._folder, self._seed, self._flags = folder, seed, flags
        self._plan = PlanFile(folder / "plan.json")
        self._plan.write(plan)
        self._lives = count(1)
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process:
            self.kill()

    @property
    def url(self) -> str:
        """Where it is, from its first beginning on."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process
        return self._process.pid

    def take(self, plan: Plan) -> None:
        """Let this go wrong from the next request on."""
        self._plan.write(plan)

    async def begin(self) -> None:
        """Start it, and wait until it answers. Every life has generators of its own. Raises TimeoutError."""
        address = self._folder / "address"
        address.unlink(missing_ok=True)
        self._process = self._started(address, f"{self._seed}/{next(self._lives)}")
        with anyio.fail_after(PATIENCE):
            while not address.exists():
                assert self._process.poll() is None, "it ended at once; its log says why"
                await anyio.sleep(0.02)
        self._port = int(address.read_text().rpartition(":")[2])

    def kill(self) -> None:
        """End it where it stands."""
        assert self._process
        self._process.kill()
        self._process.wait()

    async def end(self) -> None:
        """Let it end by itself, with SIGTERM. Raises subprocess.TimeoutExpired."""
        assert self._process
        self._process.terminate()
        await to_thread.run_sync(self._process.wait, PATIENCE)

    def _started(self, address: Path, seed: str) -> subprocess.Popen[bytes]:
        given = {
            "--data": self.data,
            "--port": self._port,
            "--plan": self._plan.path,
            "--happened": self._folder / "history.jsonl",
            "--seed": seed,
            "--address-file": address,
        }
        options = [str(part) for pair in given.items() for part in pair]
        command = [sys.executable, "-m", "tests.faults.platform", *options, *self._flags]
        with (self._folder / "platform.log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


@click.command()
@click.option("--data", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--port", type=int, required=True)
@click.option("--plan", type=click.Path(path_type=Path), required=True)
@click.option("--happened", type=click.Path(path_type=Path), required=True)
@click.option("--seed", default="0")
@click.option("--address-file", type=click.Path(path_type=Path))
@flags_of(settings.Platform)
def main(
    folder: Path, port: int, plan: Path, happened: Path, seed: str, address_file: Path | None, **flags: Any
) -> None:
    """Serve the platform in a folder with the faults of a plan, until SIGTERM."""
    log_to_stderr("warning")
    chosen, switches = settings.read_platform(flags), Switches(plan, seed, History(happened))

    async def serve() -> None:
        async with served(folder, bind("127.0.0.1", port), chosen, around=switches.around) as platform:
            if address_file:
                publish(address_file, platform.url)
            await platform.ended.wait()

    anyio.run(serve)


if __name__ == "__main__":
    main()
