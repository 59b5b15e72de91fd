"""`python -m tests.torture --messages 10000 --kills 200 --cuts 500 --ends 20 [--seed N]`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

import anyio
import click

from tests.torture.command import options_of, show_report
from tests.torture.run import Ordeal, Outcome, torture


@click.command()
@options_of(Ordeal)
@click.option("--folder", type=click.Path(path_type=Path), help="Where everything is kept; else a new one.")
def main(folder: Path | None, **given: int) -> None:
    """Torture bridges and a platform, and say what came of it."""
    where = folder or Path(mkdtemp(prefix="torture-"))
    ordeal = Ordeal(**given)
    outcome = anyio.run(torture, ordeal, where)
    show(ordeal, outcome)
    raise SystemExit(0 if outcome.report.clean else 1)


def show(ordeal: Ordeal, outcome: Outcome) -> None:
    """Print the figures."""
    report = outcome.report
    print(f"thenvoi-bridge {version('thenvoi-bridge')}, seed {ordeal.seed}: {ordeal.messages} messages in "
          f"{ordeal.rooms} rooms, {ordeal.hosts} bridges, {outcome.seconds:.0f} s; "
          f"all processed {outcome.late:.1f} s after the last one")  # fmt: skip
    print(f"done: {dict(outcome.done)}; faults: {dict(sorted(outcome.faults.items()))}")
    show_report(report)


if __name__ == "__main__":
    main()
