"""`thenvoi-bridge console`: a link to the console of the platform on this computer."""

from __future__ import annotations

from pathlib import Path

import click

from thenvoi_bridge.cli.administration import done
from thenvoi_bridge.cli.logs import log_to_stderr
from thenvoi_bridge.cli.options import state_dir_option
from thenvoi_bridge.settings import Platform


@click.command()
@state_dir_option
def console(state_dir: Path) -> None:
    """Print a link to the console of the platform on this computer.

    There you see your rooms in a browser. The link signs you in once, within ten minutes. It is printed, not
    opened: others on this computer could read it in the command line of a browser that is started.
    """
    import anyio

    from thenvoi_bridge.hosting.local import CannotLocate, LocalPlatform

    log_to_stderr("warning")
    try:
        person = anyio.run(LocalPlatform(state_dir / "local").person)
    except CannotLocate as exc:
        raise click.ClickException(str(exc)) from exc
    asked = {"who": person.id, "url": person.url}
    click.echo(done(person.data, Platform(), "console.signing_in", "make_link", asked)["link"])
