"""How the process ends when its host does not hang up: it is told to, or its parent has died.

A thread of its own watches: the event loop may hang, and the wire stays silent when the parent dies while
somebody else, a child that inherited it say, holds the other end of our stdin.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

LOOK = 2.0
"""Seconds between two looks at whose child this process is."""

LAST_BREATH = 1.0
"""Seconds for a clean end once the host has gone; nothing depends on it, the inbox is durable."""

CODE = 0
"""What the process ends with, whoever asked it to: hosts report any other code as a crash."""

if sys.platform == "win32":
    ENDING = (signal.SIGINT, signal.SIGBREAK)
else:
    ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def over(parent: int, stop: Callable[[str], object]) -> None:
    """Watch over this process from now on. To be called once, by the main thread inside its event loop.

    When a signal asks the process to end, or it is no longer a child of `parent`, `stop` is called in the
    loop with the reason. The process ends `LAST_BREATH` seconds later, or at the next signal, whatever hangs.
    Signals that were ignored from the start stay so, as `nohup` wants it.
    """
    loop = asyncio.get_running_loop()

    def tell(why: str) -> None:
        with suppress(RuntimeError):  # the loop has just ended by itself
            loop.call_soon_threadsafe(stop, why)

    threading.Thread(target=_watch, args=(_signals(), parent, tell), name="watch", daemon=True).start()


def end_soon() -> None:
    """The host has gone. If something hangs now, a connection being closed say, end all the same."""
    timer = threading.Timer(LAST_BREATH, os._exit, [CODE])
    timer.daemon = True
    timer.start()


def _watch(signals: socket.socket, parent: int, tell: Callable[[str], None]) -> None:
    tell(_reason(signals, parent))
    _signal(signals, LAST_BREATH)
    os._exit(CODE)  # without a word: the log may be what hangs, if nobody reads our stderr


def _reason(signals: socket.socket, parent: int) -> str:
    """Why this process is to end, once it is."""
    while not _orphaned(parent):
        if name := _signal(signals, LOOK):
            return name
    return "the process that started this one has ended"


def _orphaned(parent: int) -> bool:
    # Windows gives an orphan no other parent, and the id of the dead one to somebody else. There it ends when
    # its stdin does, or with the job object that hosts put it into.
    return sys.platform != "win32" and os.getppid() != parent


def _signal(signals: socket.socket, patience: float) -> str | None:
    """The name of the signal that asks the process to end, if one comes within so many seconds."""
    signals.settimeout(patience)
    try:
        number = signals.recv(1)[0]
    except TimeoutError:
        return None
    return signal.Signals(number).name if number in ENDING else None


def _signals() -> socket.socket:
    """A socket on which every signal is a byte, its number, even while the main thread hangs."""
    heard, ring = socket.socketpair()
    ring.setblocking(False)
    if sys.platform == "win32":
        handler = partial(_ring, ring)  # the event loop keeps the wakeup fd for itself there
    else:
        signal.set_wakeup_fd(ring.detach())
        handler = _nothing
    for each in ENDING:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, handler)
    return heard


def _ring(ring: socket.socket, number: int, _: object) -> None:
    ring.send(bytes([number]))


def _nothing(_number: int, _frame: object) -> None:
    """The wakeup fd has the signal already; it only wants a handler."""
