"""Whether the program takes a command line, without running it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from thenvoi_bridge.cli import main


def parsed(words: Sequence[str]) -> click.Context:
    """The command's context with its parameters read. Raises `click.UsageError` for what it would refuse."""
    name, command, before, rest = _found(words)
    return command.make_context(name, rest, parent=before)


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
