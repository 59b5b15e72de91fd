"""An agent's seat on Thenvoi: its socket, its inbox, and everything that keeps the two in step.

The socket wakes, REST reconciles, the inbox keeps. A lost socket, a restart and a first start are one path.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from thenvoi_bridge.bridge.rooms import PAGE, Person, Rooms, every
from thenvoi_bridge.bridge.settling import Settler
from thenvoi_bridge.bridge.sweeping import Sweeper
from thenvoi_bridge.client import Client
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
from thenvoi_bridge.contract.identity import AgentMe
from thenvoi_bridge.contract.participants import ListParticipants
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.listener import Denied, Heard, Listener, Lost, Notice, Ready, State, Unclear

LOOK = 60.0
"""Seconds between two looks at everything; a push that never came waits no longer than this."""

LOOK_AGAIN = 5.0
"""Seconds before a look that failed is tried again."""

logger = logging.getLogger(__name__)


class Seat:
    """One agent identity, connected. Made by `seated`, at work while `run` runs."""

    def __init__(self, me: AgentMe, client: Client, listener: Listener, inbox: Inbox) -> None:
        self.me, self.client, self.inbox = me, client, inbox
        self.rooms = Rooms(self._participants)
        self.settler = Settler(client, inbox)
        self._listener = listener
        self._sweeper = Sweeper(client, inbox, self.rooms)
        self._look = anyio.Event()
        self._looked = False
        self.requests = 0  # contact requests that wait for an answer
        self._joining: set[str] = set()

    @property
    def connection(self) -> str:
        """One word: `live`, `catching_up`, or what the listener says of its trouble."""
        state = self._listener.state.word
        behind = not self._looked or self._joining or self._sweeper.behind
        return "catching_up" if state == "live" and behind else state

    @property
    def socket(self) -> State:
        """The state of the socket."""
        return self._listener.state

    async def lease(self, chat_id: str | None, limit: int) -> list[Item]:
        """Hand out the oldest open messages of one room and mark them `processing`, best effort.

        Cancelled, it has handed out nothing.
        """
        items = await self.inbox.lease(chat_id, limit, time.time())
        try:
            await self.settler.processing(items)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.inbox.release(items)
            raise
        return items

    async def run(self, ring: Callable[[], None], moved: Callable[[], Awaitable[bool]]) -> None:
        """Hear, look, sweep and settle until cancelled.

        `ring` is called whenever `connection` may have changed; `moved` is asked when the socket was lost,
        and ends this if the platform is somewhere else now.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look_again, ring)
            tasks.start_soon(self._sweeper.run, ring)
            for work in (self._listener.run, self.settler.run, self.inbox.watch):
                tasks.start_soon(work)
            async for notice in self._listener:
                await self._take(notice)
                ring()
                if isinstance(notice, Lost) and await moved():
                    break
            tasks.cancel_scope.cancel()

    async def _take(self, notice: Notice) -> None:
        match notice:
            case Ready(Topic("agent_rooms")):
                self._look.set()
            case Ready(Topic("room_participants", chat_id)):
                self.rooms.changed(chat_id)
            case (
                Ready(Topic("chat_room", chat_id))
                | Unclear(Topic("chat_room", chat_id))
                | Denied(Topic("chat_room", chat_id))
            ):
                self._sweeper.mark([chat_id])
                self._joining.discard(chat_id)
            case Unclear():
                self._look.set()
            case Heard(topic, payload):
                await self._heard(topic, payload)
            case Lost():
                self._looked, self._joining = False, set(self.rooms.titles)
                self.rooms.doubt()

    async def _heard(self, topic: Topic, payload: Payload) -> None:
        match payload:
            case MessageCreated():
                await self.inbox.put([payload], titles=self.rooms.titles)
            case RoomRemoved(id=chat_id) | RoomDeleted(id=chat_id):
                await self._leave(chat_id)
            case RoomAdded(id=chat_id):
                self._enter(ChatRoom(id=chat_id, title=payload.title, inserted_at="", updated_at=""))
            case ParticipantAdded() | ParticipantRemoved():
                self.rooms.changed(topic.id)
            case ContactRequestReceived() | ContactRequestUpdated():
                self._look.set()

    async def _look_again(self, ring: Callable[[], None]) -> None:
        """Look at everything when the socket has come (back), and now and then besides."""
        pause = LOOK
        while True:
            with anyio.move_on_after(pause * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter, not secrecy
                await self._look.wait()
            self._look = anyio.Event()
            try:
                await self._look_at_rooms()
                await self._look_at_requests()
                pause = LOOK
                ring()
            except ThenvoiError as exc:
                logger.info("the rooms could not be listed (%s)", exc.code)
                pause = LOOK_AGAIN

    async def _look_at_rooms(self) -> None:
        entered, waiting = set(self.rooms.titles), await self._rooms_waiting()
        ask = partial(ListChats, page_size=PAGE)
        listed = {room.id: room async for room in every(lambda page: self.client(ask(page=page)))}
        for room in listed.values():
            self._enter(room)
        for chat_id in (entered | waiting) - listed.keys():
            await self._leave(chat_id)
        self._sweeper.mark(entered & listed.keys())
        self._looked = True

    async def _look_at_requests(self) -> None:
        """Count who waits to become a contact. A platform or plan without contacts has nobody."""
        try:
            page = await self.client(ListContactRequests(page_size=1))
        except (Forbidden, NotFound):
            self.requests = 0
        else:
            self.requests = page.metadata.received.total

    async def _rooms_waiting(self) -> set[str]:
        """The rooms of what is open in the inbox, which may be there from an earlier run."""
        found: set[str] = set()
        page = await self.inbox.page(None, None, PAGE)
        while page.items:
            found.update(item.chat_id for item in page.items)
            page = await self.inbox.page(page.next_cursor, None, PAGE)
        return found

    def _enter(self, room: ChatRoom) -> None:
        """Join a room's topics; its sweep follows when the join is confirmed."""
        if room.id not in self.rooms.titles:
            self._joining.add(room.id)
        self.rooms.entered(room)
        self._listener.join(Topic("chat_room", room.id))
        self._listener.join(Topic("room_participants", room.id))

    async def _leave(self, chat_id: str) -> None:
        self._listener.leave(Topic("chat_room", chat_id))
        self._listener.leave(Topic("room_participants", chat_id))
        self._sweeper.forget(chat_id)
        self._joining.discard(chat_id)
        self.rooms.left(chat_id)
        await self.inbox.drop_room(chat_id)

    async def _participants(self, chat_id: str) -> Sequence[Person]:
        return await self.client(ListParticipants(chat_id=chat_id))


@asynccontextmanager
async def seated(
    me: AgentMe, client: Client, *, key: str, socket: str, state_dir: Path
) -> AsyncGenerator[Seat]:
    """Open the inbox of an agent in `state_dir` and take its seat. Raises `StorageError`, `NotPrivate`.

    The folder is named by platform and agent, not by key: a new key keeps the inbox.
    """
    name = hashlib.sha256(f"{client.base_url}\x1f{me.id}".encode()).hexdigest()[:16]
    folder = state_dir / "agents" / name
    owner = Owner.start(folder)
    try:
        inbox = await Inbox.open(folder, owner)
        try:
            listener = Listener(socket, key, agent_id=me.id, first=_own_topics(me.id))
            yield Seat(me, client, listener, inbox)
        finally:
            with anyio.CancelScope(shield=True):
                await inbox.release_all()
                await inbox.close()
    finally:
        owner.close()


def _own_topics(agent_id: str) -> list[Topic]:
    """`agent_control` first: later platforms announce there that another process took the seat."""
    return [
        Topic("agent_control", agent_id),
        Topic("agent_rooms", agent_id),
        Topic("agent_contacts", agent_id),
    ]
