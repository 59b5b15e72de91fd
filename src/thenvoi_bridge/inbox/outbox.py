"""Our own messages, kept from before they are sent. A method is a transaction; `sending` has its rules."""

from __future__ import annotations

from collections.abc import Collection

from thenvoi_bridge.inbox import sending
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.outgoing import Order, Outgoing
from thenvoi_bridge.inbox.shelf import Shelf


class Outbox:
    """The messages of one identity on their way out, shared like its inbox. All may raise `StorageError`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def before(self, digest: str) -> Outgoing | None:
        """The same order, given before and not refused."""
        return await self._shelf.read(lambda rows: sending.before(rows, digest))

    async def of_one_room(self, ids: Collection[str]) -> list[Item]:
        """Messages to answer, as their room has them. Raises `Unknown`, `SeveralRooms`."""
        by = self._shelf.caller(0.0)
        return await self._shelf.read(lambda rows: sending.of_one_room(rows, by, ids))

    async def answer(self, ids: Collection[str], order: Order, now: float) -> Outgoing:
        """Record an answer and the first try to send it, before that is made; or none, if it has to wait.

        From then on nobody else answers these messages. Raises `Unknown`, `SeveralRooms`, and what
        `core.begin` does, and `LoopSuspected`; then nothing is recorded.
        """
        by = self._shelf.caller(now)
        return await self._shelf.change(lambda rows: sending.answer(rows, by, ids, order))

    async def say(self, order: Order, now: float) -> tuple[Outgoing, bool]:
        """Record a message that answers none, and the first try; True with one that was said a moment ago.

        Raises `LoopSuspected`; then nothing is recorded.
        """
        by = self._shelf.caller(now)
        return await self._shelf.change(lambda rows: sending.say(rows, by, order))

    async def adopt(self, now: float) -> list[Outgoing]:
        """Take on whatever was not brought to its end and is nobody's now, of each room the first."""
        by = self._shelf.caller(now)
        if not await self._shelf.read(lambda rows: rows.unsent()):
            return []
        return await self._shelf.change(lambda rows: sending.adopt(rows, by))

    async def attempt(self, out: Outgoing, now: float, wall: float) -> Outgoing:
        """Record another try, before it is made. Raises `LeaseLost`."""
        by = self._shelf.caller(now)
        return await self._shelf.change(lambda rows: sending.attempt(rows, by, out, wall))

    async def sent(self, out: Outgoing, answer: str, now: float) -> Outgoing:
        """Keep the platform's answer, a JSON text; what is answered can be told. Raises `LeaseLost`."""
        by = self._shelf.caller(now)
        return await self._shelf.change(lambda rows: sending.sent(rows, by, out, answer))

    async def refused(self, out: Outgoing, error: str, now: float, *, elsewhere: bool = False) -> Outgoing:
        """Note that it is not in the room, so that its messages can be answered anew. Raises `LeaseLost`.

        `elsewhere`: because another computer has answered the first of them already.
        """
        by = self._shelf.caller(now)
        return await self._shelf.change(
            lambda rows: sending.refused(rows, by, out, error, elsewhere=elsewhere)
        )

    async def put_off(self, out: Outgoing, until: float) -> Outgoing:
        """Note that nobody can tell yet; it is to be looked at again after `until`. Raises `LeaseLost`."""
        return await self._shelf.change(lambda rows: sending.put_off(rows, out, until))

    async def get(self, id: str) -> Outgoing | None:
        """The message of ours with this id, as it stands."""
        return await self._shelf.read(lambda rows: rows.outgoing(id))

    async def unsent(self) -> list[Outgoing]:
        """What is neither sent nor refused, first made first."""
        return await self._shelf.read(lambda rows: rows.unsent())

    async def known_answers(self, chat_id: str, since: float) -> set[str]:
        """What the platform answered to what we made in a room since that Unix time, as JSON texts."""
        said = await self._shelf.read(lambda rows: rows.said(chat_id, since))
        return {out.answer for out in said if out.answer}
