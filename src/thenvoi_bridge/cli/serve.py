"""`thenvoi-bridge serve`: the bridge over HTTP, for everybody who brings a Thenvoi key."""

from __future__ import annotations

import logging
from typing import Any

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli.options import flags_of, log_to_stderr


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--allowed-host", "hosts", multiple=True, metavar="NAME", help="Name it answers to besides.")
@click.option(
    "--allowed-origin", "origins", multiple=True, metavar="URL", help="Origin whose web pages may use it."
)
@click.option("--sse", is_flag=True, help="Serve the old transport as well, at /sse.")
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
    **flags: Any,
) -> None:
    """Serve MCP over HTTP at /mcp, until interrupted.

    Whoever calls brings a Thenvoi key, and is given the tools and the inbox of that key. No key that is set
    here is used.
    """
    before = ctx.parent.params if ctx.parent else {}  # flags may stand on either side of the command
    chosen = settings.read({**before, **{name: value for name, value in flags.items() if value is not None}})
    log_to_stderr(chosen.log_level)
    if chosen.api_key or chosen.agent_key or chosen.user_key:
        logging.getLogger(__name__).warning("a key is set, and is not used: whoever calls brings one")

    import anyio

    from thenvoi_bridge.hosting import http
    from thenvoi_bridge.ports import PortTaken, bind
    from thenvoi_bridge.storage import StorageError

    hosting = http.Hosting(chosen, hosts, origins, sse)
    hosting.check(host)
    try:
        anyio.run(http.serve, hosting, bind(host, port), _ready)
    except (PortTaken, StorageError) as exc:
        raise click.ClickException(str(exc)) from exc


def _ready(url: str) -> None:
    click.echo(f"Thenvoi Bridge on {url}/mcp (Ctrl-C ends it)", err=True)
