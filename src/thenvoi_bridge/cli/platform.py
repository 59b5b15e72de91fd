"""`thenvoi-bridge platform`: serve a platform of your own, and administer it."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli import administration
from thenvoi_bridge.cli.logs import log_to_stderr
from thenvoi_bridge.cli.metrics import Metrics, metrics_options
from thenvoi_bridge.cli.options import alone, flags_of
from thenvoi_bridge.settings.values import WORDS


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
    type=click.Choice(WORDS["log_level"]),
    default="info",
    show_default=True,
    help="How much to write to stderr.",
)
@flags_of(settings.Settings, "log_format")
@metrics_options
@flags_of(settings.Platform)
def serve(
    folder: Path,
    host: str,
    port: int,
    address_file: Path | None,
    exit_when_idle: float | None,
    log_level: str,
    log_format: str | None,
    **flags: Any,
) -> None:
    """Serve the REST API and the WebSocket, until interrupted."""
    from thenvoi_bridge.platform import serving
    from thenvoi_bridge.ports import PortTaken, address, bind
    from thenvoi_bridge.storage import StorageError

    metrics, chosen = Metrics.of(flags), settings.read_platform(flags)
    say = log_to_stderr(log_level, alone("log_format", log_format))

    def ready(url: str) -> None:
        if address_file:
            serving.publish(address_file, url)
        say(f"Thenvoi platform on {url} (Ctrl-C ends it)")
        if console:
            click.echo(console, err=True)

    serve = partial(serving.serve, folder, ready=ready, idle_exit=exit_when_idle)
    try:
        with bind(host, port) as listener:
            # A link that signs somebody in must not stand in a log.
            console = sys.stderr.isatty() and _console(folder, chosen, address(listener))
            metrics.run("platform", lambda meter: serve(listener, chosen, meter=meter), say)
    except (PortTaken, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc
    except KeyboardInterrupt:
        say("Stopped.")


def _console(folder: Path, chosen: settings.Platform, url: str) -> str:
    """How to get to the console: a link, where there is but one person to make it for."""
    ask = {"url": url}
    link = administration.done(folder, chosen, "console.signing_in", "make_link_for_the_only_person", ask)
    if link:
        return f"Console, once and within ten minutes: {link['link']}"
    return f"Console: {url}/console/ (`thenvoi-bridge platform console-link` makes links for people)"


for _command in administration.COMMANDS:
    platform.add_command(_command)
