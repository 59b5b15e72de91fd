"""Whether the program takes a command line, without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli import main

PLANNED_FLAGS = ("--stateless",)
PLANNED = ("THENVOI_DATABASE_FILE", "THENVOI_PLATFORM_PEPPER_FILE", "THENVOI_PLATFORM_NOTICE")
"""What compose.yaml counts on and this version is about to have; passed over while it is not there."""


def parsed(words: Sequence[str]) -> click.Context:
    """The command's context with its parameters read. Raises `click.UsageError` for what it would refuse."""
    name, command, before, rest = _found(words)
    return command.make_context(name, rest, parent=before)


def without_planned(words: Sequence[str]) -> list[str]:
    """The words less those that the program does not know yet."""
    _, command, _, _ = _found(words)
    flags = {flag for option in command.params for flag in option.opts}
    return [word for word in words if word not in PLANNED_FLAGS or word in flags]


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Those of our variables that mean nothing to the program."""
    return [name for name in settings.unknown(environ) if name not in PLANNED]


def _found(words: Sequence[str]) -> tuple[str, click.Command, click.Context, list[str]]:
    """The command that is named, and what it is given."""
    group: click.Group = main
    before, rest = click.Context(main, info_name="thenvoi-bridge"), [*words]
    while True:
        found, command, rest = group.resolve_command(before, rest)
        assert found
        assert command
        if not isinstance(command, click.Group):
            return found, command, before, rest
        before, group = click.Context(command, parent=before, info_name=found), command
