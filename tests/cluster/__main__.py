"""`python -m tests.cluster --messages 10000 --node-kills 30 --replica-kills 30 --restarts 5 --cuts 10`."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import anyio
import click

from tests.cluster.run import Ordeal, Outcome, torture


def _options(command: Any) -> Any:
    for row in reversed(fields(Ordeal)):
        flag = f"--{row.name.replace('_', '-')}"
        command = click.option(flag, type=int, default=row.default, show_default=True)(command)
    return command


@click.command()
@_options
@click.option("--folder", type=click.Path(path_type=Path), help="Where everything is kept; else a new one.")
def main(folder: Path | None, **given: int) -> None:
    """Torture a cluster, and say what came of it."""
    ordeal = Ordeal(**given)
    outcome = anyio.run(torture, ordeal, folder or Path(mkdtemp(prefix="cluster-")))
    show(ordeal, outcome)
    raise SystemExit(0 if outcome.report.clean else 1)


def show(ordeal: Ordeal, outcome: Outcome) -> None:
    """Print the figures."""
    report = outcome.report
    print(f"thenvoi-bridge {version('thenvoi-bridge')}, seed {ordeal.seed}: {ordeal.messages} messages in "
          f"{ordeal.rooms} rooms, {ordeal.nodes} nodes, {ordeal.replicas} replicas, {ordeal.hosts} hosts, "
          f"{outcome.seconds:.0f} s; all processed {outcome.late:.1f} s after the last one")  # fmt: skip
    print(f"done: {dict(outcome.done)}")
    for name in ("lost", "answered_twice", "inversions", "unprocessed", "forgotten", "unasked"):
        found = getattr(report, name)
        print(f"{name.replace('_', ' ')}: {len(found)} {found[:10] or ''}")


if __name__ == "__main__":
    main()
