"""`python -m tests.cluster --messages 10000 --node-kills 30 --replica-kills 30 --restarts 5 --cuts 10`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

import anyio
import click

from tests.cluster.run import Ordeal, Outcome, torture
from tests.torture.command import options_of, show_report


@click.command()
@options_of(Ordeal)
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
    show_report(report)


if __name__ == "__main__":
    main()
