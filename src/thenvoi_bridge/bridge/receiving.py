"""Receiving: what one process of an identity does for all of them. It listens, looks, sweeps, and says so.

The socket wakes, REST reconciles, the inbox keeps. A lost socket, a restart and a first start are one path.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from thenvoi_bridge.bridge.rooms import PAGE, Rooms, every
from thenvoi_bridge.bridge.sweeping import Sweeper
from thenvoi_bridge.contract.chats import ChatRoom, ListChats
from thenvoi_bridge.contract.contacts import ListContactRequests
from thenvoi_bridge.contract.errors import Forbidden, NotFound, ThenvoiError
from thenvoi_bridge.contract.feed import (
    ContactRequestReceived,
    ContactRequestUpdated,
    MessageCreated,
    ParticipantAdded,
    ParticipantRemoved,
    Payload,
    RoomAdded,
    RoomDeleted,
    RoomRemoved,
    Topic,
)
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.listener import Denied, Heard, Listener, Lost, Notice, Ready, Refused, Unclear

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client

LOOK = 30.0
"""Seconds between two looks; a push that never came waits no longer, in a room where something goes on."""

LOOK_AGAIN = 5.0
"""Seconds between two looks while there is no socket, or after one that failed."""

SLICE = 20
"""Rooms in which nothing goes on that one look reads at least; it reads a tenth of them if that is more."""

AT_ONCE = 200
"""Messages that have come meanwhile and are kept along with one: a commit takes as long for many."""

HEARD = 60.0
"""Seconds to which the others know when something was last heard."""

HANGS = "the process that receives hangs; another one looks in its place"
"""Why nothing is heard although the socket may be up."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reception:
    """How receiving goes, to all processes of the identity. Times are Unix times.

    `word` is what the listener says of its socket, `behind` that something is still to be read, `requests`
    how many contact requests wait for an answer.
    """

    word: str = "connecting"
    since: float = 0.0
    reason: str | None = None
    attempts: int = 0
    heard_at: float | None = None
    behind: bool = True
    requests: int = 0

    @property
    def connection(self) -> str:
        """One word: `live`, `catching_up`, or what the listener says of its trouble."""
        return "catching_up" if self.word == "live" and self.behind else self.word

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Reception:
        """As another process posted it, be that of an older or newer version."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in said.items() if name in known})

    def as_news(self) -> dict[str, Any]:
        """What is worth telling the others; each push is not."""
        heard = self.heard_at and self.heard_at // HEARD * HEARD
        return {**asdict(self), "heard_at": heard}

    def hanging(self, since: float) -> Reception:
        """The same of a process that has been silent since then. One that stood back still stands back."""
        return self if self.word == "standby" else replace(self, word="waiting", reason=HANGS, since=since)


class Receiver:
    """Hears, looks and sweeps for one identity. `ring` is called whenever `reception` may have changed."""

    def __init__(
        self, client: Client, inbox: Inbox, rooms: Rooms, listener: Listener, ring: Callable[[], None]
    ) -> None:
        self._client, self._inbox, self._board, self._rooms = client, inbox, inbox.board, rooms
        self._listener, self._ring = listener, ring
        self._sweeper = Sweeper(client, inbox, rooms)
        self._look, self._news = anyio.Event(), anyio.Event()
        self._looked, self._behind, self._lost = False, True, 0
        self._joining: set[str] = set()
        self._requests = 0
        self._turn = 0

    @property
    def reception(self) -> Reception:
        """How it goes at this moment."""
        state = self._listener.state
        said = (state.word, state.since, state.reason, state.attempts, state.heard_at)
        return Reception(*said, self._behind or self._lost < self._listener.lost, self._requests)

    async def listen(self, moved: Callable[[], Awaitable[bool]]) -> None:
        """Hear, look and sweep, until the platform is somewhere else.

        `moved` is asked whenever the socket was lost or is refused.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listener.run)
            tasks.start_soon(self._post)
            await self._begin()
            tasks.start_soon(self._look_again)
            tasks.start_soon(self._inbox.keep_tidy)
            tasks.start_soon(self._sweeper.run, self._tell)
            async for notice in self._listener:
                await self._take(notice)
                self._tell()
                if isinstance(notice, Lost | Refused) and await moved():
                    break
            tasks.cancel_scope.cancel()

    async def stand_in(self, moved: Callable[[], Awaitable[bool]]) -> None:
        """Only look and sweep, in place of a process that hangs, until the platform is somewhere else.

        `moved` is asked whenever it cannot be looked at.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._sweeper.run, self._ring)
            while True:
                if not await self._try_to_look() and await moved():
                    break
                await anyio.sleep(LOOK_AGAIN)
            tasks.cancel_scope.cancel()

    async def _begin(self) -> None:
        """Know nothing for certain: there is no socket yet, or none any more."""
        self._looked, self._joining = False, set(self._rooms.titles)
        self._behind, self._lost = True, self._listener.lost
        await self._doubt()

    async def _doubt(self) -> None:
        self._rooms.doubt()
        await self._board.changed()

    async def _take(self, notice: Notice) -> None:
        match notice:
            case Ready(Topic("agent_rooms")):
                self._look.set()
            case Ready(Topic("room_participants", chat_id)):
                await self._changed(chat_id)
            case (
                Ready(Topic("chat_room", chat_id))
                | Unclear(Topic("chat_room", chat_id))
                | Denied(Topic("chat_room", chat_id))
            ):
                self._sweeper.mark([chat_id])
                self._joining.discard(chat_id)
            case Unclear() | Refused():
                self._look.set()
            case Heard(topic, payload):
                await self._heard(topic, payload)
            case Lost():
                await self._begin()
                self._look.set()

    async def _heard(self, topic: Topic, payload: Payload) -> None:
        match payload:
            case MessageCreated():
                came = [payload, *self._listener.more(MessageCreated, AT_ONCE)]
                if await self._inbox.put(came, titles=self._rooms.titles) < len(came):
                    self._sweeper.mark(await self._inbox.behind())
            case RoomRemoved(id=chat_id) | RoomDeleted(id=chat_id):
                await self._leave(chat_id)
            case RoomAdded(id=chat_id):
                await self._enter(ChatRoom(id=chat_id, title=payload.title, inserted_at="", updated_at=""))
            case ParticipantAdded() | ParticipantRemoved():
                await self._changed(topic.id)
            case ContactRequestReceived() | ContactRequestUpdated():
                self._look.set()

    async def _look_again(self) -> None:
        """Look at everything when the socket has come (back), and now and then besides."""
        while True:
            served = self._listener.state.word in ("live", "standby")
            pause = LOOK if served and self._looked else LOOK_AGAIN
            with anyio.move_on_after(pause * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter, not secrecy
                await self._look.wait()
            self._look = anyio.Event()
            await self._try_to_look()
            self._tell()

    async def _try_to_look(self) -> bool:
        try:
            await self._look_at_rooms()
            await self._look_at_requests()
        except ThenvoiError as exc:
            logger.info("the rooms could not be listed (%s)", exc.code)
            self._looked = False
            return False
        return True

    async def _look_at_rooms(self) -> None:
        known = {*self._rooms.titles, *await self._board.rooms()}
        waiting = await self._inbox.rooms_waiting()
        listed = await self._listed()
        if len(listed) >= PAGE and not known <= listed.keys():
            listed |= await self._listed()  # when a room goes, another one slips between two pages
        for room in listed.values():
            await self._enter(room)
        for chat_id in (known | waiting) - listed.keys():
            await self._leave(chat_id)
        self._sweeper.mark(self._in_turn(sorted(known & listed.keys())) | (waiting & listed.keys()))
        if self._listener.state.word != "live":  # no join will be confirmed, and no change be told
            self._sweeper.mark(listed.keys() - known)
            await self._doubt()
        self._looked = not self._look.is_set()  # by now there may be more to see

    async def _listed(self) -> dict[str, ChatRoom]:
        ask = partial(ListChats, page_size=PAGE)
        return {room.id: room async for room in every(lambda page: self._client(ask(page=page)))}

    def _in_turn(self, rooms: list[str]) -> set[str]:
        """A part of many rooms, another one each time."""
        many = max(SLICE, len(rooms) // 10)
        start = self._turn % max(1, len(rooms))
        self._turn = start + many
        return {*rooms[start : start + many], *rooms[: max(0, start + many - len(rooms))]}

    async def _look_at_requests(self) -> None:
        """Count who waits to become a contact. A platform or plan without contacts has nobody."""
        try:
            page = await self._client(ListContactRequests(page_size=1))
        except (Forbidden, NotFound):
            self._requests = 0
        else:
            self._requests = page.metadata.received.total

    async def _enter(self, room: ChatRoom) -> None:
        """Join a room's topics; its sweep follows when the join is confirmed."""
        if room.id not in self._rooms.titles:
            self._joining.add(room.id)
        if self._rooms.titles.get(room.id, "") != room.title:
            await self._board.entered(room.id, room.title)
        self._rooms.entered(room.id, room.title)
        self._listener.join(Topic("chat_room", room.id))
        self._listener.join(Topic("room_participants", room.id))

    async def _leave(self, chat_id: str) -> None:
        self._listener.leave(Topic("chat_room", chat_id))
        self._listener.leave(Topic("room_participants", chat_id))
        self._sweeper.forget(chat_id)
        self._joining.discard(chat_id)
        self._rooms.left(chat_id)
        await self._board.left(chat_id)
        await self._inbox.drop_room(chat_id)

    async def _changed(self, chat_id: str) -> None:
        self._rooms.changed(chat_id)
        await self._board.changed(chat_id)

    def _tell(self) -> None:
        self._news.set()

    @property
    def _is_behind(self) -> bool:
        """Whether something is still to be looked at, joined or read."""
        return bool(not self._looked or self._joining or self._sweeper.behind)

    async def _post(self) -> None:
        """Tell the other processes how it goes, and first that it is not as one that died has told them."""
        posted: dict[str, Any] = {}
        while True:
            self._news = anyio.Event()
            behind = self._is_behind
            if (news := replace(self.reception, behind=behind).as_news()) != posted:
                await self._board.post(news)
                posted = news
            self._behind = behind or self._is_behind  # nothing is called live before the others can know
            self._ring()
            await self._news.wait()
