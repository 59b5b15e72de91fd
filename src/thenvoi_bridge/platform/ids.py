"""Ids of what is kept: UUIDs of version 7 (RFC 9562, 5.7), which sort by the time they were made.

New ones stand beside each other at the end of every index. Random ones would each dirty a page of their own,
which costs more the larger a table is: a third of creating a message among a million.
"""

from __future__ import annotations

from os import urandom
from time import time_ns

_VARIANT = "89ab"


def new_id() -> str:
    """A new id, as the contract has them: the millisecond, and 74 random bits."""
    moment = (time_ns() // 1_000_000).to_bytes(6, "big").hex()
    rest = urandom(10).hex()
    variant = _VARIANT[int(rest[3], 16) % 4]
    return f"{moment[:8]}-{moment[8:]}-7{rest[:3]}-{variant}{rest[4:7]}-{rest[7:19]}"
