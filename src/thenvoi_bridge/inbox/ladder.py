"""The ladder of the ways in which a host is shown a message, and whose turn it is: values in, values out.

To be shown is not to be delivered: a message stays open until it is taken, answered or ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from thenvoi_bridge.inbox.core import Caller, Item

ESCALATE = 30.0
"""Seconds for which a message that one rung has shown is left to whoever saw it there."""


class Rung(StrEnum):
    """A way of showing messages, the highest first; `MEANS` says what each is."""

    CHANNEL = "channel"
    WAIT = "wait"
    HOOK = "hook"
    FEED = "feed"
    READ = "read"


MEANS = {
    Rung.CHANNEL: "a push begins a turn, for senders you name",
    Rung.WAIT: "inbox_wait returns and hands it out",
    Rung.HOOK: "a session is told at one of its turns",
    Rung.FEED: "a line in a file that programs follow",
    Rung.READ: "somebody looks: a tool, a resource, a prompt, a shell",
}
"""How a message is shown on each; docs/images/ladder.svg is read off it."""

_HEIGHT = {rung: height for height, rung in enumerate(reversed(Rung))}


@dataclass(frozen=True, slots=True)
class Shown:
    """That a message was shown: on which rung, to which session of a host (any name), at which Unix time."""

    rung: Rung
    session: str
    at: float


def is_due(item: Item, shown: Iterable[Shown], rung: Rung, session: str, by: Caller, wall: float) -> bool:
    """Whether a message is to be shown on a rung to a session at this Unix time.

    It waits for an answer, is for this process to see, and nobody who lives has taken it; it was not shown
    there before; and no higher rung has shown it to anybody on this computer in the last `ESCALATE` seconds.
    """
    return (
        by.may_take(item)
        and by.may_see(item)
        and not any(
            (past.rung, past.session) == (rung, session) or _comes_first(past, rung, wall) for past in shown
        )
    )


def _comes_first(past: Shown, rung: Rung, wall: float) -> bool:
    # A clock that was set back makes a time to come of a time past; that must not keep anything for long.
    return _HEIGHT[past.rung] > _HEIGHT[rung] and 0 <= wall - past.at < ESCALATE
