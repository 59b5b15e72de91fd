"""What the commands write to stderr of what happens: text for people, or JSON for programs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial

import click

from thenvoi_bridge.cli.options import visible


class Lines(logging.Formatter):
    """Formats so that nothing in a record can steer a terminal, or pass for a record of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's first line, and any others indented."""
        return "\n    ".join(visible(line.expandtabs(4)) for line in super().format(record).split("\n"))


def log_to_stderr(level: str, form: str = "text") -> Callable[[str], None]:
    """Write what happens from this level on to stderr, as text or as JSON; returns a way to say something
    there to whoever has started this.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form))
    logging.basicConfig(handlers=[handler], level=level.upper())
    for chatty in (
        "asyncio",
        "filelock",
        "httpx2",
        "httpcore2",
        "mcp",
        "sse_starlette",  # which would write out what a stream carries
        "uvicorn.error",
        "websockets",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    is_text = isinstance(handler.formatter, Lines)
    return partial(click.echo, err=True) if is_text else logging.getLogger("thenvoi_bridge.cli").info


def _formatter(form: str) -> logging.Formatter:
    if form.lower() == "text":
        return Lines("%(asctime)s %(levelname)s %(name)s: %(message)s")
    from thenvoi_bridge.cli.journal import Journal

    return Journal()
