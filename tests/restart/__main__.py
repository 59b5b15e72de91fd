"""`python -m tests.restart [--sockets 500] [--drain 5] [--rate 20]`."""

from __future__ import annotations

import logging
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import click

from tests.restart.run import Trial, restart


def _options(command: Any) -> Any:
    for row in reversed(fields(Trial)):
        command = click.option(f"--{row.name}", type=int, default=row.default, show_default=True)(command)
    return command


@click.command()
@_options
def main(**given: int) -> None:
    """Restart a platform under so many sockets, and say what came of it."""
    logging.disable(logging.WARNING)  # a line for every connection that is lost
    with TemporaryDirectory() as folder:
        outcome = anyio.run(restart, Trial(**given), Path(folder))
    print(", ".join(f"{name} {round(value, 2)}" for name, value in asdict(outcome).items()))
    raise SystemExit(1 if outcome.lost else 0)


if __name__ == "__main__":
    main()
