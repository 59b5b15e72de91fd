"""What the commands of a torture share: options read off what there is to be of everything, and the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from tests.faults.history import Report


def options_of(ordeal: type[Any]) -> Callable[[Any], Any]:
    """A decorator that adds an option for each of its fields, all of them numbers."""

    def add(command: Any) -> Any:
        for row in reversed(fields(ordeal)):
            flag = f"--{row.name.replace('_', '-')}"
            command = click.option(flag, type=int, default=row.default, show_default=True)(command)
        return command

    return add


def show_report(report: Report) -> None:
    """Print how much is wrong of each kind, and the first of it."""
    for row in fields(Report):
        found = getattr(report, row.name)
        print(f"{row.name.replace('_', ' ')}: {len(found)} {found[:10] or ''}")
