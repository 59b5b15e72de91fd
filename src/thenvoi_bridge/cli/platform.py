"""`thenvoi-bridge platform`: serve a platform of your own, and administer it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli import administration
from thenvoi_bridge.cli.options import flags_of, log_to_stderr


@click.group()
def platform() -> None:
    """Run and administer a Thenvoi platform of your own."""


@platform.command()
@administration.data
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
@flags_of(settings.Platform)
def serve(
    folder: Path,
    host: str,
    port: int,
    address_file: Path | None,
    exit_when_idle: float | None,
    log_level: str,
    **flags: Any,
) -> None:
    """Serve the REST API and the WebSocket, until interrupted."""
    import anyio

    from thenvoi_bridge.platform import serving
    from thenvoi_bridge.ports import PortTaken, address, bind
    from thenvoi_bridge.storage import StorageError

    chosen = settings.read_platform(flags)
    log_to_stderr(log_level)

    def ready(url: str) -> None:
        if address_file:
            serving.publish(address_file, url)
        click.echo(f"Thenvoi platform on {url} (Ctrl-C ends it)", err=True)
        if console:
            click.echo(console, err=True)

    try:
        with bind(host, port) as listener:
            # A link that signs somebody in must not stand in a log.
            console = sys.stderr.isatty() and _console(folder, chosen, address(listener))
            anyio.run(lambda: serving.serve(folder, listener, chosen, ready=ready, idle_exit=exit_when_idle))
    except (PortTaken, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _console(folder: Path, chosen: settings.Platform, url: str) -> str:
    """How to get to the console: a link, where there is but one person to make it for."""
    ask = {"url": url}
    link = administration.done(folder, chosen, "console.signing_in", "make_link_for_the_only_person", ask)
    if link:
        return f"Console, once and within ten minutes: {link['link']}"
    return f"Console: {url}/console/ (`thenvoi-bridge platform console-link` makes links for people)"


for _command in administration.COMMANDS:
    platform.add_command(_command)
