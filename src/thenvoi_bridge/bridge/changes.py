"""Which resources have changed since their subscribers were told, and whether the list of them has."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterable

from thenvoi_bridge.bridge import resources
from thenvoi_bridge.bridge.sdk import Subscribers
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.trouble import Trouble

NOTHING: Hashable = ()
"""How a room stands of which nothing has come; it may be somebody else's, of which nobody is told."""

logger = logging.getLogger(__name__)


class Changes:
    """What the hosts of one session were told last. A rung of `delivery`."""

    def __init__(self, session: Session, subscribers: Subscribers) -> None:
        self._session, self._subscribers = session, subscribers
        self._told = session.bell
        self._marks: dict[str, Hashable] = {}
        self._listed: list[str] = []
        self._seen: str | None = None

    async def expect(self, uris: Iterable[str]) -> None:
        """Remember how these stand now, before whoever asks to be told of them is answered."""
        await self._stirred()
        new = _rooms(uris) - self._marks.keys()
        self._marks |= {**dict.fromkeys(new, NOTHING), **await self._marks_of(new)}

    async def look(self) -> None:
        """Tell of every resource that may have changed, to those who asked, and of the list to everybody.

        Unless the session has rung since, nothing has: that time has passed is no change.
        """
        if (bell := self._session.bell) is self._told:
            return
        self._told = bell
        wanted = self._subscribers.wanted
        changed, stirred = await self._changed(_rooms(wanted)), await self._stirred()
        for uri in sorted(wanted):
            place = resources.place_of(uri)
            if place and (stirred if place.chat_id is None else place.chat_id in changed):
                self._subscribers.updated(uri)
        if (listed := await self._to_list()) != self._listed:
            self._listed = listed
            self._subscribers.list_changed()

    async def _stirred(self) -> bool:
        """Whether anything has changed that the host may see; what it may not is no reason to wake it."""
        try:
            before, self._seen = self._seen, await self._session.glimpse()
        except Trouble:
            self._seen = None
        return self._seen is None or self._seen != before

    async def _changed(self, chat_ids: Collection[str]) -> set[str]:
        """The rooms of these that are not as they were. While nobody can tell they are."""
        before, now = self._marks, await self._marks_of(chat_ids)
        self._marks = {chat_id: now.get(chat_id, before.get(chat_id, NOTHING)) for chat_id in chat_ids}
        return {chat_id for chat_id in now if now[chat_id] != before.get(chat_id, NOTHING)}

    async def _marks_of(self, chat_ids: Collection[str]) -> dict[str, Hashable]:
        seat = self._session.seat_now
        if seat is None or not chat_ids:
            return {}
        try:
            return await seat.inbox.marks(chat_ids)
        except Trouble as exc:
            logger.info("nobody can tell what has changed (%s)", exc.code)
            return {}

    async def _to_list(self) -> list[str]:
        """The rooms that the list has."""
        try:
            return await resources.rooms_to_list(self._session)
        except Trouble:
            return self._listed


def _rooms(uris: Iterable[str]) -> set[str]:
    places = (resources.place_of(uri) for uri in uris)
    return {place.chat_id for place in places if place and place.chat_id}
