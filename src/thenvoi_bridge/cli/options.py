"""What the commands share: flags read off the settings, and errors in one sentence."""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import click

from thenvoi_bridge import settings

ELSEWHERE = ("console", "doctor", "hook", "inbox", "install", "platform", "ready", "serve", "wait")
"""Commands that have a module of their own, which is imported when they are asked for."""


class Commands(click.Group):
    """Turns what went wrong into one sentence on stderr; a traceback never reaches a user."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all of them."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"thenvoi_bridge.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Settings that cannot be used end it with exit code 2."""
        try:
            return super().invoke(ctx)
        except settings.BadSetting as exc:
            raise click.UsageError(str(exc)) from exc


_SHOWN = {"int": "NUMBER", "Path": "PATH", "Path | None": "PATH"}
"""What help calls the value of a setting, by its type; `settings` alone says what it may be."""

Command = TypeVar("Command", bound=Callable[..., None])


def flags_of(
    table: type[settings.Settings] | type[settings.Platform], *names: str
) -> Callable[[Command], Command]:
    """A decorator that adds the flags of every setting of a table that has one, or of those named."""

    def add(command: Command) -> Command:
        for row in reversed(settings.rows(table)):
            if (flag := settings.flag(row)) and row.name in (names or (row.name,)):
                default = f"; default {row.default}" if isinstance(row.default, str | int) else ""
                default = "" if isinstance(row.default, bool) or row.default == "" else default
                help = f"{row.metadata['help']} [{settings.variable(row)}{default}]"
                kind = (
                    {"is_flag": True}
                    if row.type == "bool"
                    else {"metavar": _SHOWN.get(str(row.type), "TEXT")}
                )
                check = _without_password(settings.variable(row)) if row.metadata["secret"] else None
                option = click.option(flag, row.name, default=None, help=help, callback=check, **kind)
                command = option(command)
        return command

    return add


def _without_password(variable: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Has an address without a password: everybody on a computer can read command lines."""

    def check(ctx: click.Context, option: click.Parameter, given: str | None) -> str | None:
        try:
            parts = urlsplit(given or "")
        except ValueError as exc:
            raise click.BadParameter("is no address") from exc
        token = parts.username and option.name == "nats"  # NATS has tokens there
        if token or parts.password or any("password" in name for name in parse_qs(parts.query)):
            raise click.BadParameter(
                "must not have a password, since others can read command lines. Put the address into "
                f"{variable}, or into a file that {variable}_FILE names."
            )
        return given

    return check


def visible(text: str) -> str:
    """The text with what is not printable, such as control and bidirectional characters, written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


_FOLDER = next(row for row in settings.rows() if row.name == "state_dir")


def said(_: click.Context, __: click.Parameter, given: Any) -> Any:
    """What was given, if it says something and is text; a shell may hand over bytes that are none."""
    for text in given if isinstance(given, tuple) else (given,):
        if text is not None and (not text.strip() or any("\ud800" <= c <= "\udfff" for c in text)):
            raise click.BadParameter("must be text that says something")
    return given


def write_out_the_rest() -> None:
    """Let stdout write out what a terminal has no letter for: that is no reason to stop."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _chosen(ctx: click.Context, _: click.Parameter, given: Path | None) -> Path:
    """The folder that a bridge would use; its flag may stand on either side of the command."""
    given = given or ctx.find_root().params.get(_FOLDER.name)
    # Of the environment this variable alone: a key that cannot be read is no reason to show nothing.
    environ = {name: value for name, value in os.environ.items() if name == settings.variable(_FOLDER)}
    return settings.read({_FOLDER.name: given}, environ).state_dir


agent_option = click.option("--agent", metavar="NAME", help="Only the inbox of this agent: its handle or id.")
state_dir_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    callback=_chosen,
    help=f"{_FOLDER.metadata['help']} [{settings.variable(_FOLDER)}]",
)


def alone(name: str, given: str | None) -> Any:
    """One setting of the bridge's, for a command that has to do with no other."""
    variable = settings.variable(next(row for row in settings.rows() if row.name == name))
    environ = {variable: os.environ[variable]} if variable in os.environ else {}
    return getattr(settings.read({name: given}, environ), name)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
