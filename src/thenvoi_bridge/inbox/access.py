"""Transactions on the rows of an inbox, as its parts ask for them. `shelf` has them, and `at_once`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.core import Caller, Sees
    from thenvoi_bridge.inbox.life import Life

T = TypeVar("T")
Rows = TypeVar("Rows", covariant=True)


class Access(Protocol[Rows]):
    """The rows of one inbox, or some of them. `sees` tells what of them this process may have to do with."""

    sees: Sees | None

    @property
    def life(self) -> Life:
        """This process's sign of life there."""

    @property
    def epoch(self) -> str:
        """What tells the inbox from any other."""

    def caller(self, now: float) -> Caller:
        """This process at a moment, in seconds of `life.now`."""

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Look at the rows, as they are at one moment. Raises what `work` does, and `StorageError`."""

    async def change(self, work: Callable[[Rows], T]) -> T:
        """Run `work` in a transaction. Raises what `work` does, and `StorageError`; then nothing was kept."""
