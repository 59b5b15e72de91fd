"""What `bridge.settling` does: tell the platform how far the agent has come, until it knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.inbox.simulation.clock import Rest, Steps, together
from tests.inbox.simulation.process import Process
from thenvoi_bridge.bridge.settling import AGAIN, MOMENT
from thenvoi_bridge.contract.errors import Conflict, ThenvoiError, Unprocessable
from thenvoi_bridge.inbox import protocol
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.platform.rules.delivery import Order


class Teller:
    """Marks messages processing, processed or failed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._telling = False

    def run(self) -> Steps[None]:
        """Tell again and again what could not be told when it was fresh."""
        while True:
            yield from self.settle()
            yield Rest(AGAIN)

    def settle(self) -> Steps[None]:
        """Tell every outcome the platform does not know yet; one round at a time."""
        while self._telling:
            yield 1.0
        if not self._process.rows.acking():
            return
        self._telling = True
        items = yield from self._process.change(protocol.to_tell, self._process.by)
        yield from together(*map(self._settle, items))
        self._telling = False

    def processing(self, items: Sequence[Item]) -> Steps[list[Item]]:
        """Say that these were handed out, as far as that is possible in a moment; which of them are over."""
        over: list[Item] = []
        yield from together(*(self._mark(item, over) for item in items))
        return over

    def tell(self, item: Item, order: Order, attempt: int | None, patience: float = 20.0) -> Steps[int]:
        """Mark a message, and return the number of the attempt. Raises a `ThenvoiError`."""
        request = partial(self._process.platform.mark, item.id, order, attempt)
        return (yield from self._process.wire.write(request, patience=patience))

    def _settle(self, item: Item) -> Steps[None]:
        try:
            yield from self._tell(item)
        except ThenvoiError:
            self._process.clock.tally["outcomes not told at once"] += 1
            return
        yield from self._process.change(protocol.told, item)

    def _tell(self, item: Item) -> Steps[None]:
        order: Order = "fail" if item.outcome == "failed" else "succeed"
        try:
            yield from self.tell(item, order, item.attempt)
        except Conflict:
            self._process.clock.tally["outcomes fenced"] += 1
        except Unprocessable:
            if not (yield from self._is_over(item)):
                yield from self.tell(item, order, None)

    def _is_over(self, item: Item) -> Steps[bool]:
        try:
            yield from self.tell(item, "start", 0)
        except Conflict as exc:
            if exc.code == "already_processed":
                return True
            yield from self.tell(item, "start", None)
        return False

    def _mark(self, item: Item, over: list[Item]) -> Steps[None]:
        try:
            attempt = yield from self._mark_once(item)
        except Conflict:
            over.append(item)
        except ThenvoiError:
            self._process.clock.tally["hand-outs not marked"] += 1
        else:
            yield from self._process.change(protocol.marked, item, attempt)

    def _mark_once(self, item: Item) -> Steps[int]:
        try:
            return (yield from self.tell(item, "start", item.attempt or 0, MOMENT))
        except Conflict as exc:
            if exc.code == "already_processed":
                raise
            return (yield from self.tell(item, "start", None, MOMENT))
