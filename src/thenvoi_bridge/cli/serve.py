"""`thenvoi-bridge serve`: the bridge over HTTP, for everybody who brings a Thenvoi key."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli.logs import log_to_stderr
from thenvoi_bridge.cli.metrics import Metrics, metrics_options
from thenvoi_bridge.cli.options import flags_of


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--allowed-host", "hosts", multiple=True, metavar="NAME", help="Name it answers to besides.")
@click.option(
    "--allowed-origin", "origins", multiple=True, metavar="URL", help="Origin whose web pages may use it."
)
@click.option("--sse", is_flag=True, help="Serve the old transport as well, at /sse.")
@click.option("--stateless", is_flag=True, help="Be one of several replicas, any of which may be asked.")
@metrics_options
@flags_of(settings.Settings)
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    host: str,
    port: int,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    sse: bool,
    stateless: bool,
    **flags: Any,
) -> None:
    """Serve MCP over HTTP at /mcp, until interrupted.

    Whoever calls brings a Thenvoi key, and is given the tools and the inbox of that key. No key that is set
    here is used.
    """
    metrics = Metrics.of(flags)
    before = ctx.parent.params if ctx.parent else {}  # flags may stand on either side of the command
    chosen = settings.read({**before, **{name: value for name, value in flags.items() if value is not None}})
    say = log_to_stderr(chosen.log_level, chosen.log_format)
    if chosen.api_key or chosen.agent_key or chosen.user_key:
        logging.getLogger(__name__).warning("a key is set, and is not used: whoever calls brings one")

    from thenvoi_bridge.hosting import http
    from thenvoi_bridge.ports import PortTaken, bind
    from thenvoi_bridge.storage import StorageError

    def ready(url: str) -> None:
        say(f"Thenvoi Bridge on {url}/mcp (Ctrl-C ends it)")

    hosting = http.Hosting(chosen, hosts, origins, sse, stateless)
    hosting.check(host)
    try:
        with bind(host, port) as listener:
            metrics.run(
                "bridge", lambda meter: http.serve(replace(hosting, meter=meter), listener, ready), say
            )
    except (PortTaken, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc
