"""Hand-outs that nobody has: they could not be put back, or nobody knows whether they were kept at all.

They belong to a process that lives, so their rooms would give nothing until their time is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeVar

import anyio

from thenvoi_bridge.inbox.shelf import Shelf
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.inbox.trouble import Trouble

T = TypeVar("T")

AGAIN = 1.0
"""Seconds between two tries to undo."""


class Debts:
    """What is yet to be undone, in order."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._owed = deque[Callable[[Table], None]]()

    async def change(self, work: Callable[[Table], T], undo: Callable[[Table], None]) -> T:
        """As `Shelf.change`. Where trouble that passes hides what came of it, `undo` is owed from then on."""
        try:
            return await self._shelf.change(work)
        except Trouble as exc:
            if exc.may_pass:
                self._owed.append(undo)
            raise

    async def settle(self) -> None:
        """Undo what is owed. Raises `Trouble`, and then some still is."""
        while self._owed:
            undo = self._owed[0]
            await self._shelf.change(undo)
            with suppress(ValueError):  # somebody else has settled it meanwhile
                self._owed.remove(undo)

    async def run(self) -> NoReturn:
        """Undo as soon as that can be done; a task. Raises `Trouble`."""
        while True:
            await self.settle()
            await anyio.sleep(AGAIN)
