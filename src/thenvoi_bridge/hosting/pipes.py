"""Takes stdin and stdout away from everything but the protocol. Imports nothing heavy: it must come first."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO


def claimed() -> tuple[BinaryIO, BinaryIO, int]:
    """Our own duplicates of stdin and stdout, and the process id of the parent that gave them to us.

    Afterwards fd 0 is empty and fd 1 is stderr, for good: what a library prints, or a child process, can
    never stand between two messages, not even at exit. The parent is read here so that one that dies while
    the rest is being imported is missed later.
    """
    parent = os.getppid()
    nothing = _null_above_stderr()
    wire_in, wire_out = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return wire_in, wire_out, parent


def _null_above_stderr() -> int:
    """The null device, opened; also as stdin, stdout or stderr where the host closed that.

    Otherwise our duplicates could get the number of the closed one, and whatever prints there the wire.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    while nothing <= 2:
        nothing = os.open(os.devnull, os.O_RDWR)
    return nothing
