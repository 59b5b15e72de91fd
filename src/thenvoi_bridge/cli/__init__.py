"""The command line. The one part that sees both halves; it imports each only when it is needed."""

from __future__ import annotations

import sys
from typing import Any

import click

from thenvoi_bridge import __version__, settings
from thenvoi_bridge.cli.options import Commands, flags_of

_BY_HAND = (
    "This speaks MCP with a host, not with you: `thenvoi-bridge install HOST` has a host start it. "
    "Ctrl-C ends it."
)
_options = flags_of(settings.Settings)


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
    """Show the whole story on a temporary platform.

    A person and two MCP hosts: mention, wait, reply, hand on, read.
    """
    from thenvoi_bridge.demo import run

    sys.exit(run())


def _stdio(flags: dict[str, Any]) -> None:
    import logging

    from thenvoi_bridge.cli.logs import log_to_stderr
    from thenvoi_bridge.hosting.pipes import claimed

    chosen = settings.read(flags)
    if sys.stdin and sys.stdin.isatty():
        click.echo(_BY_HAND, err=True)
    pipes = claimed()  # before anything is imported that might print
    log_to_stderr(chosen.log_level, chosen.log_format)
    for name in settings.unknown():
        logging.getLogger(__name__).warning("%s is set but means nothing to thenvoi-bridge", name)
    from thenvoi_bridge.hosting import lightly

    lightly.take_up()
    from thenvoi_bridge.hosting import stdio

    stdio.run(chosen, *pipes)
