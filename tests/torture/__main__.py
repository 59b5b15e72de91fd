"""`python -m tests.torture --messages 10000 --kills 200 --cuts 500 --ends 20 [--seed N]`."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import anyio
import click

from tests.torture.run import Ordeal, Outcome, torture


def _options(command: Any) -> Any:
    for row in reversed(fields(Ordeal)):
        command = click.option(f"--{row.name}", type=int, default=row.default, show_default=True)(command)
    return command


@click.command()
@_options
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
    print(f"lost {len(report.lost)}, answered twice {len(report.answered_twice)}, "
          f"inversions {len(report.inversions)}, unprocessed {len(report.unprocessed)}, "
          f"forgotten {len(report.forgotten)}, unasked {len(report.unasked)}")  # fmt: skip
    for name in ("lost", "answered_twice", "inversions", "unprocessed", "forgotten", "unasked"):
        if found := getattr(report, name):
            print(f"{name}: {found[:10]}")


if __name__ == "__main__":
    main()
