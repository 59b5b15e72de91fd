"""`thenvoi-bridge demo`: the whole story on a temporary platform, observed step by step and printed.

It uses the platform and the bridge as anybody does, as processes; it never imports them.
"""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

import anyio

from thenvoi_bridge.demo.processes import PlatformProcess, tails
from thenvoi_bridge.demo.screen import Screen

if TYPE_CHECKING:
    from thenvoi_bridge.demo.steps import Outcome

INTERRUPTED = 130
"""Exit code after Ctrl-C and other orders to end, as shells have it."""


def run() -> int:
    """Play the story and print it. 0 only if every step was observed; whatever was started is ended."""
    logging.getLogger().addHandler(logging.NullHandler())  # libraries may complain of an early end: not here
    _end_cleanly()
    screen = Screen()
    try:
        with screen, TemporaryDirectory(prefix="thenvoi-demo-", ignore_cleanup_errors=True) as folder:
            outcome, logs = _played(screen, Path(folder))
    except KeyboardInterrupt:
        screen.interrupted()
        return INTERRUPTED
    screen.ending(outcome, logs)
    return 0 if outcome.complete else 1


def _played(screen: Screen, folder: Path) -> tuple[Outcome, dict[str, list[str]]]:
    """What came of the story, and what the processes logged last; they have ended."""
    with PlatformProcess(folder) as platform:
        outcome = anyio.run(_play, screen, platform)
    return outcome, tails(folder)


async def _play(screen: Screen, platform: PlatformProcess) -> Outcome:
    from thenvoi_bridge.demo.scene import staged
    from thenvoi_bridge.demo.steps import play
    from thenvoi_bridge.demo.story import STEPS

    async with staged(platform) as scene:
        return await play(STEPS, scene, screen)


def _end_cleanly() -> None:
    """Let whatever would end this process at once end it as Ctrl-C does, unless it is ignored."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does, which the event loop makes a cancellation, also where Ctrl-C is ignored."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    (on_interrupt if callable(on_interrupt) else signal.default_int_handler)(number, frame)
