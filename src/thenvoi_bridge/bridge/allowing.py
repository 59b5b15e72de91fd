"""Whom and where a host may have to do with: the rooms and senders that its user has allowed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.rooms import Person
from thenvoi_bridge.contract.call import UUID
from thenvoi_bridge.contract.errors import Forbidden, ThenvoiError
from thenvoi_bridge.inbox.sight import Sight


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the settings say: ids of rooms, ids or handles of senders; of nothing said, everything.

    `chat` pins one room: it is the only one there is.
    """

    rooms: Collection[str] = ()
    senders: Collection[str] = ()
    chat: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is kept away."""
        return not (self.rooms or self.senders or self.chat)

    def room(self, chat_id: str) -> bool:
        """Whether a room may be known and used."""
        rooms = (self.chat,) if self.chat else self.rooms
        return not rooms or chat_id in rooms

    def check(self, arguments: dict[str, Any], *, opens_room: bool) -> None:
        """Raise `Forbidden` (`room_not_allowed`) for a call about another room, or one that opens a room."""
        chat_id = arguments.get("chat_id")
        elsewhere = chat_id is not None and not self.room(str(chat_id))
        if elsewhere or (opens_room and (self.rooms or self.chat)):
            raise Forbidden(wording.ROOM_NOT_ALLOWED, code="room_not_allowed")


ALL = Allowed()


class Doorman:
    """Tells whose messages a process may see, `sight` being all it knows of that.

    Who has a handle is found out among the people of the room; what nobody knows of is kept away.
    """

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        # Nobody gets in by taking somebody's id for a handle.
        named = (sender for sender in allowed.senders if not re.fullmatch(UUID, sender))
        self._handles = {name.removeprefix("@").casefold() for name in named}
        rooms = [allowed.chat] if allowed.chat else allowed.rooms
        self.sight = Sight(frozenset(rooms) or None, frozenset(allowed.senders) or None)

    @property
    def is_choosy(self) -> bool:
        """Whether it matters what whoever writes is called."""
        return bool(self._handles)

    def sees(self, chat_id: str, sender_id: str) -> bool:
        """Whether messages of that sender in that room are for this host."""
        return self.sight.sees(chat_id, sender_id)

    async def meet(
        self,
        senders: Iterable[tuple[str, str]],
        participants: Callable[[str], Awaitable[Sequence[Person]]],
    ) -> bool:
        """Find out who of these, by room, has a handle that is allowed; True if that is news.

        A room that cannot be asked who is in it is passed over.
        """
        before = self.sight
        for chat_id in {room for room, sender in senders if self._is_strange(room, sender)}:
            with suppress(ThenvoiError):
                people = await participants(chat_id)
                named = {p.id for p in people if p.handle and p.handle.casefold() in self._handles}
                self.sight = self.sight.knowing(named)
        return self.sight != before

    def _is_strange(self, chat_id: str, sender_id: str) -> bool:
        return self._allowed.room(chat_id) and not self.sees(chat_id, sender_id)
