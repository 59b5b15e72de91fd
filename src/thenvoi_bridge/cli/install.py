"""`thenvoi-bridge install HOST`: the bridge in a host's configuration, so that nobody has to edit it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli.options import write_out_the_rest
from thenvoi_bridge.install import changes, server
from thenvoi_bridge.install.changes import CannotChange, Change, NotInstalled, Place
from thenvoi_bridge.install.server import Server
from thenvoi_bridge.install.targets import TARGETS, Target
from thenvoi_bridge.settings.folders import Folders

_BY_VARIABLE = {settings.variable(row): row for row in settings.rows()}
_SECRETS = [name for name, row in _BY_VARIABLE.items() if row.metadata["secret"]]
_AS = "THENVOI_AS"


class _Refusing(click.Command):
    """Says in one sentence why a configuration is left as it is."""

    def invoke(self, ctx: click.Context) -> None:
        try:
            super().invoke(ctx)
        except (CannotChange, NotInstalled) as exc:
            raise click.ClickException(str(exc)) from exc


def _a_name(_: click.Context, __: click.Parameter, given: str) -> str:
    """A name that every host takes, and of which the names of tools can be made."""
    if not (0 < len(given) <= 24 and all(c.isascii() and (c.isalnum() or c in "-_") for c in given)):
        raise click.BadParameter("must be 1 to 24 letters, digits, - and _")
    return given


def _assignments(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE for settings that are no secrets."""
    pairs = dict(one.partition("=")[::2] for one in given if "=" in one)
    if len(pairs) != len(given):
        raise click.BadParameter("must be NAME=VALUE, each name once")
    for name in pairs:
        if name in _SECRETS:
            raise click.BadParameter(
                f"{name} must not stand in a command line; see --key-file and --with-key"
            )
        if name not in _BY_VARIABLE:
            raise click.BadParameter("there is no such setting; the README lists them")
    return pairs


@click.command(cls=_Refusing)
@click.argument("host", metavar="HOST", type=click.Choice([*TARGETS]))
@click.option(
    "--name", default="thenvoi", callback=_a_name, show_default=True, help="What the host calls the server."
)
@click.option("--as", "agent", metavar="AGENT", help=_BY_VARIABLE[_AS].metadata["help"])
@click.option(
    "--env", metavar="NAME=VALUE", multiple=True, callback=_assignments, help="A setting, by its variable."
)
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that your key is in.",
)
@click.option("--with-key", is_flag=True, help="Write the key in your environment into the configuration.")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="For the project in this folder only.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--print", "only_print", is_flag=True, help="Show what to paste, and change nothing.")
@click.option("--uninstall", is_flag=True, help="Take the server out again, and nothing else.")
@click.option(
    "--force",
    is_flag=True,
    help="Do it also where the host was not found, the bridge may vanish, or the name is another server's.",
)
def install(
    host: str,
    name: str,
    agent: str | None,
    env: dict[str, str],
    key_file: Path | None,
    with_key: bool,
    project: Path | None,
    dry_run: bool,
    only_print: bool,
    uninstall: bool,
    force: bool,
) -> None:
    """Put the bridge into the configuration of an MCP host.

    HOST is claude-desktop, claude-code, cursor, vscode, codex, gemini, windsurf or zed. Whatever else stands
    in its configuration is left as it is.
    """
    write_out_the_rest()
    target = TARGETS[host]
    place = _place(target, project)
    if uninstall:
        _carry_out(changes.removing(place, name, force=force), name, _REMOVED, dry_run=dry_run, force=True)
        return
    more = {_AS: agent, "THENVOI_API_KEY_FILE": str(key_file.absolute()) if key_file else None}
    chosen = Server(server.this_command(), _checked(env, more), _keys(with_key, project))
    if only_print:
        click.echo(changes.snippet(target, name, chosen), nl=False)
        return
    _refuse_passing(force)
    _carry_out(
        changes.installing(place, name, chosen, force=force), name, _INSTALLED, dry_run=dry_run, force=force
    )


def _place(target: Target, project: Path | None) -> Place:
    if project and not target.project:
        raise click.UsageError(f"{target.title} has no configuration of its own for a project.")
    return Place.of(target, Folders.read(), project and project.absolute())


def _checked(env: dict[str, str], more: dict[str, str | None]) -> dict[str, str]:
    """The variables to write. Raises `BadSetting` for what the bridge could not use later."""
    chosen = env | {name: value for name, value in more.items() if value}
    settings.read({}, chosen)
    return chosen


def _keys(wanted: bool, project: Path | None) -> dict[str, str]:
    """The keys to write, by their variables: none unless asked for."""
    if not wanted:
        return {}
    if project:
        raise click.UsageError("A project's configuration is shared with others: use --key-file for the key.")
    known = settings.read({})
    keys = {name: getattr(known, _BY_VARIABLE[name].name) for name in _SECRETS}
    if not any(keys.values()):
        raise click.UsageError(f"There is no key in your environment: set {_SECRETS[0]} first.")
    return {name: key for name, key in keys.items() if key}


def _refuse_passing(force: bool) -> None:
    if server.is_passing() and not force:
        raise click.ClickException(
            "This installation lies in a cache and may vanish. Install it for good first, "
            "as with `uv tool install`, or give --force."
        )


@dataclass(frozen=True)
class _Words:
    """What is said of a change, of none, and what a host's user does next, given the host's target."""

    done: str
    idle: str
    then: Callable[[Target], str]


_INSTALLED = _Words("is installed in", "is already installed in", lambda target: target.then)
_REMOVED = _Words("is removed from", "is not installed in", lambda target: f"Restart {target.title}.")


def _carry_out(change: Change, name: str, words: _Words, *, dry_run: bool, force: bool) -> None:
    """Make the change, or show it, and say in three lines what was done and what to do next."""
    target, file = change.place.target, change.place.file
    if not change.is_one:
        click.echo(f"{name} {words.idle} {target.title}: {file}")
        return
    if dry_run:
        click.echo(change.diff())
        return
    kept = change.write(force=force)
    click.echo(f"{name} {words.done} {target.title}: {file}")
    click.echo(f"What was there is kept in {kept}" if kept else "The file is new.")
    click.echo(f"Next: {words.then(target)}")
