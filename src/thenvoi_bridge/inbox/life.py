"""Who lives and who leads, in two forms: locks on files (`ownership`), and rows with leases (`pulse`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.store import Inbox


class Life(Protocol):
    """A process's sign of life in one inbox, and the clocks that it shares with the others there."""

    @property
    def id(self) -> str:
        """What the rows call it; never used again."""

    def alive(self, other: str) -> bool:
        """Whether the one with this id still lives; asked within a transaction. Does not wait."""

    def now(self) -> float:
        """Seconds of a clock that all share, for leases."""

    def wall(self) -> float:
        """The Unix time, by a clock that all share."""


class Lead(Protocol):
    """Which one of all processes of an identity receives. Nothing here waits but `hold`."""

    def take(self) -> bool:
        """Whether this one leads, now or already."""

    def give(self) -> None:
        """Neither lead nor stand in any more; nothing happens if that is so already."""

    async def hold(self, every: float) -> None:
        """Show every so many seconds that the leader does not hang, until the lead is lost; a task.

        It may be taken again then.
        """

    def guarded(self, inbox: Inbox) -> Inbox:
        """The inbox for whoever leads: it raises `LeadLost` as soon as another one has taken the lead."""

    def silent(self) -> float:
        """Seconds since the leader has shown that, where it keeps the lead although it hangs."""

    def stand_in(self) -> bool:
        """Do such a leader's work for it, unless another one does already; until `take` or `give`."""
