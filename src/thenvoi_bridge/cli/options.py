"""What the commands share: flags read off the settings, errors in one sentence, and logging to stderr."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from thenvoi_bridge import settings


class Commands(click.Group):
    """Turns what went wrong into one sentence on stderr; a traceback never reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Settings that cannot be used end it with exit code 2."""
        try:
            return super().invoke(ctx)
        except settings.BadSetting as exc:
            raise click.UsageError(str(exc)) from exc


Command = TypeVar("Command", bound=Callable[..., None])


def flags_of(
    table: type[settings.Settings] | type[settings.Platform],
) -> Callable[[Command], Command]:
    """A decorator that adds the flags of every setting of a table that is no secret."""

    def add(command: Command) -> Command:
        for row in reversed(settings.rows(table)):
            if flag := settings.flag(row):
                default = f"; default {row.default}" if isinstance(row.default, str | int) else ""
                default = "" if isinstance(row.default, bool) or row.default == "" else default
                help = f"{row.metadata['help']} [{settings.variable(row)}{default}]"
                option = click.option(flag, row.name, is_flag=row.type == "bool", default=None, help=help)
                command = option(command)
        return command

    return add


def write_out_the_rest() -> None:
    """Let stdout write out what a terminal has no letter for: that is no reason to stop."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def log_to_stderr(level: str) -> None:
    """Write what happens from this level on to stderr."""
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("asyncio", "filelock", "httpx2", "httpcore2", "mcp", "uvicorn.error", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
