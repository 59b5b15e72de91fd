"""How the story looks: colour and a spinner on a terminal, plain lines in a pipe. Decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Self

from rich.console import Console
from rich.text import Text

from thenvoi_bridge.demo.steps import Done, Failed, Outcome

NEXT = (
    ("Give your own MCP host a bridge", "thenvoi-bridge install HOST"),
    ("Run a platform of your own", "thenvoi-bridge platform serve --data DIR"),
)
"""What somebody may want to do after this."""

_INDENT = " " * 20
_ASCII = str.maketrans({"✓": "+", "✗": "x", "→": "->", "“": '"', "”": '"'})


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads on: play on unseen, so that the end is an orderly one."""
        with suppress(SystemExit):
            super().on_broken_pipe()


class Screen:
    """The timeline on stdout; what went wrong on stderr. While entered, a terminal has a spinner."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        self._out = _Console(soft_wrap=True, highlight=False)
        self._err = _Console(soft_wrap=True, highlight=False, stderr=True)
        self._spinner = self._out.status(Text("Getting ready", "cyan"), spinner_style="cyan")

    def __enter__(self) -> Self:
        self._say(("Thenvoi Bridge: one person, two agents, their MCP hosts, a temporary platform", "bold"))
        self._say(("The hosts follow a script and ask no model. Everything else is real.", "dim"))
        self._say()
        self._say((f"  {'at':>7}  {'took':>7}  {'what':<28}  over which way", "dim"))
        self._spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._spinner.stop()

    def working(self, what: str) -> None:
        """A step has begun."""
        self._spinner.update(Text(what, "cyan"))

    def show(self, step: Done | Failed) -> None:
        """The line of a step that has ended, and below it what was seen."""
        match step:
            case Done():
                self._line(step, _span(step.took), "green", "✓", "bold cyan" if step.since else "")
                for line in step.lines:
                    self._say((_INDENT + line, "dim"))
            case Failed():
                self._line(step, "", "bold red", "✗", "")
        self.working("Clearing away")

    def interrupted(self) -> None:
        """The last word after Ctrl-C."""
        self._err.print("\nInterrupted. Everything that was started has ended.")

    def ending(self, outcome: Outcome, logs: Mapping[str, Sequence[str]]) -> None:
        """The last word, once everything has been cleared away: the summary, or what failed and why."""
        if outcome.failed:
            self._failure(outcome.failed, logs)
        else:
            self._summary(outcome)

    def _summary(self, outcome: Outcome) -> None:
        self._say()
        self._say((f"All {outcome.planned} steps were observed in {outcome.seconds:.1f} s.", "bold green"))
        self._say(("Times from the beginning of one step to what was observed in another:", "dim"))
        for step in outcome.done:
            if step.since:
                self._say((f"  {_span(step.took):>7}  ", "bold cyan"), (f"{step.since} → {step.what}", ""))
        self._say()
        for what, how in NEXT:
            self._say((f"{what + ':':<34}", ""), (how, "bold"))

    def _failure(self, failed: Failed, logs: Mapping[str, Sequence[str]]) -> None:
        _print(self._err)
        _print(self._err, (failed.sentence, "bold red"))
        for name, lines in logs.items():
            _print(self._err, (f"\nThe last lines of {name}'s log:", ""))
            for line in lines:
                _print(self._err, (f"  {line}", "dim"))

    def _line(self, step: Done | Failed, took: str, colour: str, mark: str, stress: str) -> None:
        self._say(
            (f"{mark} ", colour),
            (f"{step.started:>5.2f} s  ", "dim"),
            (f"{took:>7}  ", stress),
            (f"{step.what:<28}  ", ""),
            (step.way, "blue"),
        )

    def _say(self, *parts: tuple[str, str]) -> None:
        _print(self._out, *parts)


def _print(console: Console, *parts: tuple[str, str]) -> None:
    """Print styled parts as one line, with what the encoding has."""
    table = _ASCII if console.options.ascii_only else {}
    console.print(Text.assemble(*((text.translate(table), style) for text, style in parts)))


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
