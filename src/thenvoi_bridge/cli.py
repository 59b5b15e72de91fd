"""The command line. The one module that sees both halves; it imports each only when it is needed."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from thenvoi_bridge import __version__, settings


class Commands(click.Group):
    """Turns what went wrong into one sentence on stderr; a traceback never reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Settings that cannot be used end it with exit code 2."""
        try:
            return super().invoke(ctx)
        except settings.BadSetting as exc:
            raise click.UsageError(str(exc)) from exc


def _options(command: Any) -> Any:
    """The flags of every setting that is no secret, read off the table."""
    for row in reversed(settings.rows()):
        if flag := settings.flag(row):
            default = f"; default {row.default}" if isinstance(row.default, str) else ""
            help = f"{row.metadata['help']} [{settings.variable(row)}{default}]"
            kind = click.option(flag, row.name, is_flag=row.type == "bool", default=None, help=help)
            command = kind(command)
    return command


@click.group(cls=Commands, invoke_without_command=True, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="thenvoi-bridge")
@_options
@click.pass_context
def main(ctx: click.Context, /, **flags: Any) -> None:
    """Let an MCP host send and hear on Thenvoi.

    Without a command it serves MCP over stdio, which is what a host's configuration starts. Without a key it
    uses the platform on this computer.
    """
    if ctx.invoked_subcommand is None:
        _stdio(flags)


@main.command()
@_options
@click.pass_context
def stdio(ctx: click.Context, /, **flags: Any) -> None:
    """Serve MCP over stdin and stdout (the default)."""
    before = ctx.parent.params if ctx.parent else {}  # flags may stand on either side of the command
    _stdio({**before, **{name: value for name, value in flags.items() if value is not None}})


@main.command()
def demo() -> None:
    """Show the whole story on a temporary platform: mention, wait, reply, hand on, read."""
    from thenvoi_bridge.demo import run

    sys.exit(run())


@main.group()
def platform() -> None:
    """Run and administer a Thenvoi platform of your own."""


_data = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder with the platform's data; made if it is not there.",
)


@platform.command()
@_data
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=4000, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--address-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the base URL into this file once requests are answered.",
)
@click.option("--exit-when-idle", type=float, metavar="SECONDS", help="End after this long without any use.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="How much to write to stderr.",
)
def serve(
    folder: Path,
    host: str,
    port: int,
    address_file: Path | None,
    exit_when_idle: float | None,
    log_level: str,
) -> None:
    """Serve the REST API and the WebSocket on one origin, until interrupted."""
    import anyio

    from thenvoi_bridge.platform import serving
    from thenvoi_bridge.storage import StorageError

    _log_to_stderr(log_level)

    def ready(url: str) -> None:
        if address_file:
            serving.publish(address_file, url)
        click.echo(f"Thenvoi platform on {url} (Ctrl-C ends it)", err=True)

    try:
        listener = serving.bind(host, port)
        anyio.run(lambda: serving.serve(folder, listener, ready=ready, idle_exit=exit_when_idle))
    except (serving.PortTaken, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


@platform.group()
def user() -> None:
    """People."""


@user.command("add")
@_data
@click.option("--email", required=True, help="E-mail address; what stands before the @ becomes the handle.")
@click.option("--name", required=True, help="First and last name.")
@click.option("--org", required=True, help="Organisation; made if it is new.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add_user(folder: Path, email: str, name: str, org: str, as_json: bool) -> None:
    """Add a person and print the API key, which is shown only now. Works while the server runs."""
    import anyio

    from thenvoi_bridge.contract.errors import ThenvoiError
    from thenvoi_bridge.platform.administration import NewUser, add_user
    from thenvoi_bridge.platform.app import opened
    from thenvoi_bridge.storage import StorageError

    async def add() -> NewUser:
        async with opened(folder) as (db, keys):
            return await add_user(db, keys, email=email, name=name, organization=org)

    try:
        new = asdict(anyio.run(add))
    except (ThenvoiError, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(json.dumps(new) if as_json else "\n".join(f"{name}: {value}" for name, value in new.items()))


def _stdio(flags: dict[str, Any]) -> None:
    from thenvoi_bridge.hosting.pipes import claimed

    chosen = settings.read(flags)
    pipes = claimed()  # before anything is imported that might print
    _log_to_stderr(chosen.log_level)
    for name in settings.unknown():
        logging.getLogger(__name__).warning("%s is set but means nothing to thenvoi-bridge", name)
    from thenvoi_bridge.hosting import stdio

    stdio.run(chosen, *pipes)


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("asyncio", "filelock", "httpx2", "httpcore2", "mcp", "uvicorn.error", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
