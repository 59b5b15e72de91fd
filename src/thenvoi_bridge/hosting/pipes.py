"""Takes stdin and stdout away from everything but the protocol. Imports nothing heavy: it must come first."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO


def claimed() -> tuple[BinaryIO, BinaryIO]:
    """Our own duplicates of stdin and stdout.

    Afterwards fd 0 is empty and fd 1 is stderr, for good: what a library prints, or a child process, can
    never stand between two messages, not even at exit.
    """
    wire_in, wire_out = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return wire_in, wire_out
