"""`thenvoi-bridge hook`: what a host runs at the turns of a session, to hear of messages that wait.

It fails open: whatever goes wrong, the host goes on as if it had never asked. So it ends with 0 where every
other command would not, and after a moment in any case.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import click

from thenvoi_bridge import settings
from thenvoi_bridge.cli.options import agent_option, state_dir_option
from thenvoi_bridge.cli.turns import WAKING, Event, Format, Turn, answer, turn
from thenvoi_bridge.settings import BadSetting

DEADLINE = 5.0
"""Seconds after which it gives up, whatever holds it."""

LISTEN = 1.0
"""Seconds in which a host is to say what it has to say, and close the pipe."""

LONGEST_WAIT = 86_400


class FailsOpen(click.Command):
    """A command that a wrong command line ends with 0: to hosts 2 means that the turn must not end."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the command line."""
        try:
            return super().make_context(*args, **more)
        except (click.UsageError, BadSetting) as exc:
            _complain(exc.format_message() if isinstance(exc, click.UsageError) else str(exc))
            raise click.exceptions.Exit(0) from exc


@click.command(cls=FailsOpen)
@click.argument("event", metavar="EVENT", type=click.Choice([str(e) for e in Event]))
@click.option(
    "--format",
    type=click.Choice([str(f) for f in Format]),
    help="Whose JSON it is; Claude Code's if left out, unless Cursor says its version.",
)
@click.option(
    "--wait",
    "seconds",
    type=click.FloatRange(0, LONGEST_WAIT),
    metavar="SECONDS",
    help="Wait so long for a message, and say it on stderr with exit code 2, as asyncRewake wants it.",
)
@click.option("--plugin", is_flag=True, help="It is the plugin for Claude Code that runs it.")
@agent_option
@state_dir_option
def hook(event: str, format: str | None, seconds: float | None, state_dir: Path, **whose: Any) -> None:
    """Tell a host's hook of messages that wait, each once.

    EVENT is the turn of a session at which the host runs it: session-start, prompt, post-tool or stop. The
    host's JSON is read on stdin and the answer printed in its own words. Nothing is taken: a message stays
    open until it is answered or ended. Without --agent the settings say whose messages, as they do for a
    bridge; if they do not, those of every agent here are told.
    """
    deadline = threading.Timer(DEADLINE + (seconds or 0.0), _give_up)
    deadline.daemon = True
    deadline.start()
    at = turn(Event(event), _heard(), Format(format) if format else None)
    try:
        text, trouble = _told(at, seconds, state_dir, **whose)
    except Exception as exc:
        text, trouble = None, [str(exc) or type(exc).__name__]
    deadline.cancel()
    for sentence in trouble:
        _complain(sentence)
    if seconds is None:
        click.echo(json.dumps(answer(at, text)))
    elif text is not None:
        click.echo(text, err=True)
        raise click.exceptions.Exit(2)


def _told(
    at: Turn, seconds: float | None, state_dir: Path, *, agent: str | None, plugin: bool
) -> tuple[str | None, list[str]]:
    """What there is to tell, and a sentence for each inbox that cannot be used."""
    if seconds is None and not at.may_speak:
        return None, []
    agent = agent or _meant(plugin)
    if agent is None and plugin:
        return None, []  # a person's key has no inbox
    if seconds is None:
        from thenvoi_bridge.hosting.telling import told

        return told(state_dir, agent, at.format, at.session)
    if at.format is not Format.CLAUDE_CODE or at.event not in WAKING:
        return None, ["--wait is for the hooks session-start and stop of Claude Code"]
    import anyio

    from thenvoi_bridge.hosting.hooks import woken

    return anyio.run(woken, state_dir, agent, at.format, at.session, seconds)


def _meant(plugin: bool) -> str | None:
    """The inbox of the bridge that has these settings, if they say which. Raises `BadSetting`."""
    from thenvoi_bridge.hosting import locating

    if plugin:
        return locating.meant(settings.read({}, settings.of_plugin()), Format.CLAUDE_CODE)
    return locating.meant(settings.read({}))


def _heard() -> bytes:
    """What the host has written on stdin; a host that does not close it is not waited for."""
    said: list[bytes] = []
    if sys.stdin is None or sys.stdin.isatty():
        return b""
    file = sys.stdin.fileno()
    listener = threading.Thread(target=lambda: _read(file, said), daemon=True)
    listener.start()
    listener.join(LISTEN)
    return b"".join(said)


def _read(file: int, said: list[bytes]) -> None:
    try:
        while data := os.read(file, 1 << 16):
            said.append(data)
    except OSError:
        return


def _give_up() -> NoReturn:
    _complain("it took too long")
    os._exit(0)  # what holds it holds its threads, too


def _complain(sentence: str) -> None:
    shown = "".join(c if c.isprintable() else " " for c in sentence)
    click.echo(f"thenvoi-bridge hook: {shown}", err=True)
