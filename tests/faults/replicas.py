"""How long it takes until an agent is heard again when a replica of a hosted bridge ends.

    uv run python -m tests.faults.replicas [--kills 10] [--ends 5]

Two replicas are real processes on one Postgres, and so is each that takes the place of one that ended; the
platform is in this process. Prints a line for each figure, in seconds.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
import click

from tests import postgres
from tests.hosting.replicas import Served, Stage, stage


async def heard_again(scene: Stage, one: Served, other: Served, how: signal.Signals) -> tuple[float, float]:
    """Seconds from a signal to the one that receives until the other one has the socket, and until what is
    said right after it is handed out.
    """
    assert one.process
    began, live = time.monotonic(), 0.0
    one.process.send_signal(how)
    sent = await scene.mention()

    async def until_live() -> None:
        nonlocal live
        await other.live(scene.scout, here=True)
        live = time.monotonic() - began

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_live)
        assert await other.handed(scene.scout) == [sent]
        handed = time.monotonic() - began
    await other.tool(scene.scout, "inbox_ack", message_ids=[sent])
    return live, handed


async def measure(database: str, folder: Path, many: int, how: signal.Signals) -> None:
    async with stage(database, folder) as scene:
        one, other = await scene.pair(scene.start)
        took = []
        for _ in range(many):
            took.append(await heard_again(scene, one, other, how))
            one, other = other, await scene.start()
            await other.live(scene.scout, here=False)
        most = scene.sockets.most[scene.scout.key]
    name = {signal.SIGKILL: "killed", signal.SIGTERM: "ended"}[how]
    live, handed = zip(*took, strict=True)
    print(f"{name}: live again after {spread(live)}, handed out after {spread(handed)}, {many} times")
    print(f"{name}: at most {most} socket at a time", flush=True)


def spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f} s, at most {max(seconds):.2f} s"


@click.command()
@click.option("--kills", default=10, show_default=True)
@click.option("--ends", default=5, show_default=True)
def main(kills: int, ends: int) -> None:
    with postgres.server() as url:
        for how, many in ((signal.SIGKILL, kills), (signal.SIGTERM, ends)):
            with TemporaryDirectory() as folder:
                anyio.run(measure, postgres.fresh(url), Path(folder), many, how)


if __name__ == "__main__":
    main()
