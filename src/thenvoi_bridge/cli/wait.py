"""`thenvoi-bridge wait`: prints what waits for an answer, or waits for it; for shells and cron."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli.inbox import complain
from thenvoi_bridge.cli.options import (
    agent_option,
    said,
    state_dir_option,
    write_out_the_rest,
)

if TYPE_CHECKING:
    from thenvoi_bridge.hosting.quiet import Quiet
    from thenvoi_bridge.inbox.core import Item
    from thenvoi_bridge.inbox.found import Found
    from thenvoi_bridge.inbox.sight import Sight

NOTHING = 3
"""The exit code where nothing came."""


@click.command()
@agent_option
@state_dir_option
@click.option("--chat", "chat_id", metavar="ID", callback=said, help="Only this room.")
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Without end if left out.")
@click.option(
    "--session",
    metavar="NAME",
    default="shell",
    show_default=True,
    callback=said,
    help="Who asks: what was printed for this name is not printed for it again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@click.pass_context
def wait(ctx: click.Context, /, timeout: float | None, **given: Any) -> None:
    """Print the messages that wait for an answer, or wait for one.

    Nothing is taken: what is printed stays open. With an agent's key set, as for a bridge, it receives by
    itself while it waits, and for that agent alone unless --agent says another. It ends with 0 if there were
    messages, with 3 if none came, and with 1 where something is wrong.
    """
    import anyio

    from thenvoi_bridge.cli.logs import log_to_stderr

    flags = {**ctx.find_root().params, "state_dir": given["state_dir"]}
    log_to_stderr("warning")
    write_out_the_rest()
    waiting = Waiting(timeout=math.inf if timeout is None else timeout, **given)
    anyio.run(waiting.until_printed, settings.read(flags))
    if waiting.printed:
        return
    complain(waiting.trouble)
    raise click.exceptions.Exit(NOTHING)


class Waiting:
    """One call of the command: whom it is for, and what came of it."""

    def __init__(
        self,
        *,
        state_dir: Path,
        agent: str | None,
        chat_id: str | None,
        session: str,
        timeout: float,
        as_json: bool,
    ) -> None:
        self._state_dir, self._agent, self._chat_id = state_dir, agent, chat_id
        self._session, self._timeout, self._as_json = session, timeout, as_json
        self._led = False
        self._quiet: Quiet | None = None
        self.printed = False
        self.trouble: list[str] = []

    async def until_printed(self, chosen: settings.Settings) -> None:
        """Print what is there; else wait for it, receiving if `chosen` says for whom."""
        from thenvoi_bridge.hosting.quiet import quiet
        from thenvoi_bridge.inbox import found
        from thenvoi_bridge.inbox.opening import opened

        receiver = self._quiet = quiet(chosen)
        if receiver:
            self._agent = self._agent or receiver.mark
        try:
            _, unusable = await found.visit(self._state_dir, self._agent, self._look_first, opened)
            self.trouble += unusable
        except found.NoInbox as exc:
            self.trouble += [] if receiver else [str(exc)]
        if self.printed or self.trouble:
            return
        if receiver:
            async with receiver.receiving():
                await self._watch(lambda: receiver.sight)
                if receiver.trouble and not self._led:
                    self.trouble.append(f"Nothing can have come: {receiver.trouble.rstrip('.')}.")
        else:
            self._warn()
            await self._watch()

    async def _watch(self, besides: Callable[[], object] = lambda: None) -> None:
        from thenvoi_bridge.inbox.watching import Watch

        watch = Watch(self._state_dir, self._agent, self._look, besides)
        if not await watch.until_seen(self._timeout):
            self.trouble += watch.unusable.values()

    async def _look_first(self, found: Found) -> None:
        from thenvoi_bridge.inbox.ownership import is_led

        self._led |= is_led(found.folder)
        await self._look(found)

    async def _look(self, found: Found) -> bool:
        """Print what is due and note it; what could not be printed is due the next time."""
        from thenvoi_bridge.inbox.ladder import Rung

        found.inbox.show_only((await self._sight(found)).sees)
        ledger, now = found.inbox.ledger, time.time()
        due = await ledger.due(Rung.READ, self._session, sys.maxsize, now)
        items = [item for item in due if self._chat_id in (None, item.chat_id)]
        if not items:
            return False
        try:
            self._print(found, items)
        except OSError as exc:
            self.trouble.append(f"What waits cannot be printed: {exc.strerror}.")
        else:
            self.printed = True
            await ledger.note(Rung.READ, self._session, [item.id for item in items], now)
        return True

    async def _sight(self, found: Found) -> Sight:
        """What may be printed: where it receives what its own settings allow, else what bridges may see."""
        if self._quiet and found.is_called(self._quiet.mark):
            return self._quiet.sight
        return await found.sight()

    def _print(self, found: Found, items: list[Item]) -> None:
        from thenvoi_bridge.cli import entries
        from thenvoi_bridge.inbox.records import record

        if self._as_json:
            lines = [json.dumps(record(found.identity, item)) for item in items]
        else:
            lines = [entries.whose(found), *entries.table(items)]
        click.echo("\n".join(lines))

    def _warn(self) -> None:
        if not self._led:
            click.echo(
                "No bridge runs, and no agent's key is set here (THENVOI_API_KEY): "
                "until one runs, nothing can come.",
                err=True,
            )
