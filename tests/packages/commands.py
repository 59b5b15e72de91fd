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
    command: click.Command = main
    context, rest = click.Context(main, info_name="thenvoi-bridge"), without_planned(words)
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found
        command, context = found, click.Context(found, parent=context, info_name=name)
    return command.make_context(context.info_name, rest, parent=context.parent)


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Those of our variables that mean nothing to the program."""
    return [name for name in settings.unknown(environ) if name not in PLANNED]


def without_planned(words: Sequence[str]) -> list[str]:
    """The words less those that the program does not know yet."""
    there = {flag for command in main.commands.values() for option in command.params for flag in option.opts}
    return [word for word in words if word not in PLANNED_FLAGS or word in there]
