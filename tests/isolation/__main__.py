"""`python -m tests.isolation [--principals 50] [--calls 10000] [--others 4] [--room 100] [--seed N]`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import click

from tests.isolation.run import Outcome, Plan, isolation


def _options(command: Any) -> Any:
    for row in reversed(fields(Plan)):
        command = click.option(f"--{row.name}", type=int, default=row.default, show_default=True)(command)
    return command


@click.command()
@_options
def main(**given: int) -> None:
    """Have many principals use one bridge and try what is another's, and say what came of it."""
    with TemporaryDirectory(prefix="isolation-") as folder:
        outcome = anyio.run(isolation, Plan(**given), Path(folder))
    show(outcome)
    raise SystemExit(0 if outcome.clean else 1)


def show(outcome: Outcome) -> None:
    """Print the figures."""
    print(f"{outcome.calls} calls, {outcome.told} notifications, {outcome.again} done over")
    print(f"{outcome.probes.total()} probes of {len(outcome.probes)} kinds, {outcome.seconds:.0f} s")
    print(f"mixed up {len(outcome.mixed)}, let in {len(outcome.let_in)}, changed {len(outcome.changed)}, "
          f"failed {outcome.failed.total()}")  # fmt: skip
    for line in [*outcome.mixed[:5], *outcome.let_in[:10], *map(str, outcome.failed.most_common(5))]:
        print(line)


if __name__ == "__main__":
    main()
