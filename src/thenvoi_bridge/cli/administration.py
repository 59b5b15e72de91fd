"""`thenvoi-bridge platform org|user|agent|key|chat|seed|migrate`: what an administrator does, a command each.

A command's options are the arguments of the function of `platform.administration` that it names.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli.options import flags_of

Done = TypeVar("Done")

data = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder with the platform's data; made if it is not there.",
)
_database = flags_of(settings.Platform, "database")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_plan = click.Choice(["free", "enterprise"])


def _ends(command: Any) -> Any:
    """The options that every command has."""
    return data(_database(_json(command)))


@click.group()
def org() -> None:
    """Organisations: tenants that cannot see each other."""


@org.command("add")
@_ends
@click.option("--name", required=True, help="What it is called.")
@click.option("--plan", type=_plan, help="The second opens what --plan-gate shuts.")
def add_org(**given: Any) -> None:
    """Add an organisation."""
    _do("add_organization", given)


@org.command("set-plan")
@_ends
@click.argument("name")
@click.option("--plan", type=_plan, required=True, help="The second opens what --plan-gate shuts.")
def set_plan(**given: Any) -> None:
    """Change the plan of the organisation NAME."""
    _do("set_plan", given)


@org.command("list")
@_ends
def list_orgs(**given: Any) -> None:
    """List the organisations, and how many belong to each."""
    _do("list_organizations", given)


@click.group()
def user() -> None:
    """People."""


@user.command("add")
@_ends
@click.option("--email", required=True, help="E-mail address; what stands before the @ becomes the handle.")
@click.option("--name", required=True, help="First and last name.")
@click.option("--org", "organization", required=True, help="Organisation; made if it is new.")
@click.option("--id", type=click.UUID, help="Id that an identity provider's tokens name the person by.")
@click.option("--admin", is_flag=True, help="Give the role admin instead of user.")
def add_user(**given: Any) -> None:
    """Add a person and print the API key, which is shown only now. Works while the server runs."""
    _do("add_user", given)


@user.command("list")
@_ends
def list_users(**given: Any) -> None:
    """List all people."""
    _do("list_users", given)


@click.group()
def agent() -> None:
    """Agents."""


@agent.command("add")
@_ends
@click.option("--owner", required=True, help="Handle, e-mail address or id of the person who owns it.")
@click.option("--name", required=True, help="What it is called; its handle is made of it.")
@click.option("--description", required=True, help="What it does.")
@click.option("--global", "is_global", is_flag=True, help="Make it a peer of everybody.")
def add_agent(**given: Any) -> None:
    """Add an agent and print its API key, which is shown only now."""
    _do("add_agent", given)


@agent.command("list")
@_ends
def list_agents(**given: Any) -> None:
    """List all agents."""
    _do("list_agents", given)


@click.group()
def key() -> None:
    """API keys. A key is shown once, when it is made; afterwards it is known by its id."""


@key.command("create")
@_ends
@click.option("--for", "who", required=True, help="Handle, e-mail address or id of a person or agent.")
@click.option("--label", help="What it is for.")
@click.option(
    "--expires-in", "seconds", type=click.FloatRange(0), metavar="SECONDS", help="How long it is good."
)
@click.option("--legacy", is_flag=True, help="Make one of the older form, without the letter for its kind.")
def create_key(**given: Any) -> None:
    """Make another key for somebody and print it."""
    _do("create_key", given)


@key.command("list")
@_ends
@click.option("--for", "who", help="Handle, e-mail address or id; otherwise everybody's.")
def list_keys(**given: Any) -> None:
    """List keys: their ids, whose they are and until when they are good."""
    _do("list_keys", given)


@key.command("rotate")
@_ends
@click.argument("id")
@click.option(
    "--keep", type=click.FloatRange(0), metavar="SECONDS", help="How long the old one stays good, if at all."
)
def rotate_key(**given: Any) -> None:
    """Make a key in the place of the one with this ID and print it."""
    _do("rotate_key", given)


@key.command("revoke")
@_ends
@click.argument("id")
def revoke_key(**given: Any) -> None:
    """End the key with this ID. Its sockets are closed within seconds."""
    _do("revoke_key", given)


@click.group()
def chat() -> None:
    """Rooms."""


@chat.command("list")
@_ends
def list_chats(**given: Any) -> None:
    """List the rooms, newest first."""
    _do("list_chats", given)


@chat.command("delete")
@_ends
@click.argument("id")
def delete_chat(**given: Any) -> None:
    """Delete the room with this ID. Everybody in it is told."""
    _do("delete_chat", given)


@click.command("console-link")
@_ends
@click.option("--for", "who", required=True, help="Handle, e-mail address or id of a person.")
@click.option(
    "--url", default="http://127.0.0.1:4000", show_default=True, help="Where people reach the platform."
)
def console_link(**given: Any) -> None:
    """Make a link that signs a person in to the console.

    It works once, within ten minutes.
    """
    _do("make_link", given, module="console.signing_in")


@click.command()
@_ends
def seed(**given: Any) -> None:
    """Add sample people, agents and rooms; print their keys.

    Two organisations, a room with a conversation, contacts and a memory.
    """
    _do("seed", given, module="sample")


@click.command()
@_ends
@click.option("--check", is_flag=True, help="Apply nothing, and end with 1 if something is missing.")
def migrate(folder: Path, database: str | None, as_json: bool, check: bool) -> None:
    """Bring the database up to date, ahead of a newer version.

    Says from which version to which. `serve` does it as well when it starts; with several nodes, do it once
    before the first of them is replaced.
    """
    from thenvoi_bridge.platform.upkeep import migrated

    address = settings.read_platform({"database": database}).database
    has, wants = _run(lambda: migrated(folder, address, check=check))
    click.echo(json.dumps({"from": has, "to": wants}) if as_json else f"from: {has}\nto: {wants}")
    if check and has != wants:
        raise click.ClickException("the database is not up to date: run `thenvoi-bridge platform migrate`")


COMMANDS: tuple[click.Command, ...] = (org, user, agent, key, chat, console_link, seed, migrate)
"""What `platform` has besides `serve`."""


def _do(what: str, given: dict[str, Any], module: str = "administration") -> None:
    """Call a function of a module of the platform with the options by name, and print what it returns."""
    folder, as_json = given.pop("folder"), given.pop("as_json")
    arguments = {name: str(v) if name == "id" else v for name, v in given.items() if v is not None}
    chosen = settings.read_platform({"database": arguments.pop("database", None)})
    answer = done(folder, chosen, module, what, arguments)
    click.echo(json.dumps(answer) if as_json else _text(answer))


def done(folder: Path, chosen: settings.Platform, module: str, what: str, arguments: dict[str, Any]) -> Any:
    """What a function of a module of the platform returns, called in a transaction on the data in a folder.

    What it raises ends the command with a sentence.
    """
    from importlib import import_module

    from thenvoi_bridge.platform.administration import administer
    from thenvoi_bridge.platform.app import opened

    async def do() -> Any:
        async with opened(folder, chosen.database, chosen.pepper) as (db, keys):
            function = getattr(import_module(f"thenvoi_bridge.platform.{module}"), what)
            return await administer(db, keys, lambda tx: function(tx, **arguments))

    return _run(do)


def _run(work: Callable[[], Awaitable[Done]]) -> Done:
    """Do it, and say in one sentence why it could not be done."""
    import anyio

    from thenvoi_bridge.contract.errors import ThenvoiError
    from thenvoi_bridge.storage import StorageError

    try:
        return anyio.run(work)
    except (ThenvoiError, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc


def _text(answer: dict[str, Any] | list[dict[str, Any]]) -> str:
    """One thing as a line for each member, several as a table."""
    if isinstance(answer, dict):
        return "\n".join(f"{name}: {_cell(value)}" for name, value in answer.items())
    if not answer:
        return "none"
    rows = [list(answer[0]), *([_cell(value) for value in each.values()] for each in answer)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
