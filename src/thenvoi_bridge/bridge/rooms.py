"""What is known of the rooms without asking again: their titles and who is in them.

Events keep it true while the socket is live; whatever an event may have missed is forgotten and asked anew.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from thenvoi_bridge.contract.page import Page
from thenvoi_bridge.contract.participants import Participant

Item = TypeVar("Item")

PAGE = 100
"""Items asked for at once; the most the platform gives."""


class Person(Protocol):
    """A participant or peer, as far as telling them apart goes."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def handle(self) -> str | None: ...


class Rooms:
    """Titles and participants by room id."""

    def __init__(self, ask: Callable[[str], Awaitable[Sequence[Participant]]]) -> None:
        self._ask = ask
        self._titles: dict[str, str | None] = {}
        self._participants: dict[str, Sequence[Participant]] = {}
        self._learnt: dict[str, tuple[str | None, int]] = {}
        self._changes = 0

    @property
    def titles(self) -> dict[str, str | None]:
        """Titles of the rooms the identity is in, by id."""
        return self._titles

    def entered(self, chat_id: str, title: str | None) -> None:
        """Note a room the identity is in."""
        self._titles[chat_id] = title

    def learn(self, known: Mapping[str, tuple[str | None, int]]) -> bool:
        """Know what the process that receives knows: title and version of every room. False if it is no news.

        The version grows whenever the participants may have changed.
        """
        if known == self._learnt:
            return False
        for chat_id in self._titles.keys() - known.keys():
            self.left(chat_id)
        for chat_id, (title, version) in known.items():
            self.entered(chat_id, title)
            if chat_id not in self._learnt or self._learnt[chat_id][1] != version:
                self.changed(chat_id)
        self._learnt = {**known}
        return True

    def left(self, chat_id: str) -> None:
        """Note that the identity is no longer in a room."""
        self._titles.pop(chat_id, None)
        self.changed(chat_id)

    def changed(self, chat_id: str) -> None:
        """Ask for the participants again next time."""
        self._changes += 1
        self._participants.pop(chat_id, None)

    def doubt(self) -> None:
        """Ask for everything again: events may have been missed."""
        self._changes += 1
        self._participants.clear()

    async def participants(self, chat_id: str, *, fresh: bool = False) -> Sequence[Participant]:
        """Who is in a room; from memory unless `fresh`. Raises `ThenvoiError`."""
        if not fresh and chat_id in self._participants:
            return self._participants[chat_id]
        before = self._changes
        people = await self._ask(chat_id)
        if self._changes == before:  # else the answer may be older than what changed while it was on its way
            self._participants[chat_id] = people
        return people


async def every(ask: Callable[[int], Awaitable[Page[Item]]]) -> AsyncGenerator[Item]:
    """Every item of a list, page by page. `ask` takes a page number. Raises `ThenvoiError`."""
    page, pages = 1, 1
    while page <= pages:
        answer = await ask(page)
        for item in answer.data:
            yield item
        page, pages = page + 1, answer.metadata.total_pages
