"""An agent's seat on Thenvoi: its inbox, and whatever keeps that and the platform in step.

Of all the processes of an agent that share an inbox one receives, and the others work on what it keeps.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio

from thenvoi_bridge.bridge.allowing import Doorman
from thenvoi_bridge.bridge.noting import Noting
from thenvoi_bridge.bridge.receiving import HANGS, Receiver, Reception
from thenvoi_bridge.bridge.rooms import Rooms
from thenvoi_bridge.bridge.sending import Sender
from thenvoi_bridge.bridge.settling import Settler
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.errors import NotFound, ThenvoiError
from thenvoi_bridge.contract.feed import Topic
from thenvoi_bridge.contract.identity import AgentMe
from thenvoi_bridge.contract.messages import ChatMessage, ListMessages
from thenvoi_bridge.contract.participants import ListParticipants, Participant
from thenvoi_bridge.inbox.core import OPEN, Item
from thenvoi_bridge.inbox.errors import InboxError, LeadLost
from thenvoi_bridge.inbox.life import Lead
from thenvoi_bridge.inbox.places import Places
from thenvoi_bridge.inbox.sight import Sight
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.listener import Listener

BEAT = 5.0
"""Seconds between two signs of the process that receives that it does not hang."""

SILENT = 20.0
"""Seconds without one, after which another process looks in its place; the socket stays where it is."""

POLL = 0.5
"""Seconds between two tries to receive in place of a process that may have died."""

WORKING = 60.0
"""Seconds between two extensions of what was handed out, if the host has done anything in between."""

ASK_AGAIN = 30.0
"""Seconds between two looks at who has written, if nothing has changed in between."""

HEAD = 20
"""Messages at the head of a room that are asked for before any are handed out."""

logger = logging.getLogger(__name__)


class Seat:
    """One agent identity, connected. Made by `seated`, at work while `run` runs."""

    def __init__(
        self,
        me: AgentMe,
        client: Client,
        inbox: Inbox,
        lead: Lead,
        listener: Callable[[bool], Listener],
        doorman: Doorman,
    ) -> None:
        self.me, self.client, self.inbox = me, client, inbox
        self.rooms = Rooms(self._participants)
        self.settler = Settler(client, inbox)
        self.sender = Sender(me.id, client, inbox, ended=self.settler.wake)
        self.noting = Noting(inbox.ledger, client.meter)
        self._lead, self._listener, self._doorman = lead, listener, doorman
        self._receiver: Receiver | None = None
        self._posted = Reception()
        self._worked = False

    @property
    def reception(self) -> Reception:
        """How receiving goes, here or in the process that does it."""
        return self._receiver.reception if self._receiver else self._posted

    @property
    def receives(self) -> bool:
        """Whether this process does it."""
        return self._receiver is not None

    def works(self) -> None:
        """Note that the host has done something: it is at work on what it was handed."""
        self._worked = True

    async def lease(self, chat_id: str | None, limit: int) -> list[Item]:
        """Hand out the oldest open messages of one room and mark them `processing`, best effort.

        Nothing, if the platform cannot be asked what is the oldest, or another computer receives for this
        agent. Cancelled, it has handed out nothing.
        """
        if self.reception.word == "standby":
            return []
        asked: set[str] = set()
        while found := await self.inbox.next_room(chat_id, self.inbox.now(), but=asked):
            room, since = found
            asked.add(room)
            if items := await self._lease(room, since, limit):
                return await self._marked(items)
        return []

    async def _marked(self, items: list[Item]) -> list[Item]:
        """What of this is not processed already; cancelled, none of it was handed out."""
        try:
            over = await self.settler.processing(items)
            if over:
                await self.inbox.vanish(over)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.inbox.release(items)
            raise
        return [item for item in items if item not in over]

    async def _lease(self, room: str, since: int, limit: int) -> list[Item]:
        """The oldest that the platform has in a room, so that nothing overtakes it; nothing if it says not.

        What has come in since is not part of it: something before that may not have been pushed.
        """
        try:
            return await self._from_head(room, since, limit)
        except NotFound:
            await self.inbox.drop_room(room)
        except ThenvoiError as exc:
            logger.info("room %s could not be asked what is next (%s)", room, exc.code)
        return []

    async def _from_head(self, room: str, since: int, limit: int) -> list[Item]:
        """Read a room's unprocessed messages page by page until there is one to hand out on them."""
        listed, page, title = dict[str, ChatMessage](), 0, self.rooms.titles.get(room)
        while True:
            page += 1
            answer = await self.client(ListMessages(chat_id=room, page=page, page_size=HEAD))
            listed |= {message.id: message for message in answer.data}
            if page >= answer.metadata.total_pages:
                every, now = [*listed.values()], self.inbox.now()
                return await self.inbox.hand_out(room, every, since, limit, now, title=title)
            await self.inbox.note_listed(answer.data, title=title)  # however full it is: these are next
            if any(self._is_next(item) for item in await self.inbox.get(listed)):
                return await self.inbox.lease(room, limit, self.inbox.now(), only=listed)
            # what is dead here is still unprocessed there

    def _is_next(self, item: Item) -> bool:
        return item.state in OPEN and self.inbox.may_see(item)

    async def run(self, ring: Callable[[], None], moved: Callable[[], Awaitable[bool]]) -> None:
        """Receive or follow, send and settle, until cancelled or the platform is somewhere else.

        `ring` is called whenever `reception` may have changed; `moved` is asked while there is no socket.
        """
        me = {"platform": self.client.base_url, "id": self.me.id, "handle": self.me.handle}
        await self.inbox.board.introduce(me)
        try:
            async with anyio.create_task_group() as tasks:
                workers = (self.settler.run, self.sender.run, self.noting.run, self._extend)
                for work in (self.inbox.watch, self.inbox.debts.run, *workers):
                    tasks.start_soon(work)
                if self._doorman.is_choosy:
                    tasks.start_soon(self._get_to_know, ring)
                while await self._follow(ring, moved) and not await self._receive(ring, moved):
                    logger.warning("another process receives now, for this one was out of touch")
                tasks.cancel_scope.cancel()
        finally:
            self._lead.give()  # only now: until here there may have been a socket

    async def _receive(self, ring: Callable[[], None], moved: Callable[[], Awaitable[bool]]) -> bool:
        """Receive until the platform has moved; False: or the lead was lost."""
        has_moved = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hold, tasks.cancel_scope)
                self._receiver = self._new_receiver(ring)
                ring()  # what was posted by another is true of us no more
                try:
                    await self._receiver.listen(moved)
                    has_moved = True
                finally:
                    word = "standby" if self.reception.word == "standby" else "connecting"
                    self._posted, self._receiver = Reception(word), None
                tasks.cancel_scope.cancel()
        except* LeadLost:
            pass
        return has_moved

    async def _hold(self, receiving: anyio.CancelScope) -> None:
        await self._lead.hold(BEAT)
        receiving.cancel()

    async def _follow(self, ring: Callable[[], None], moved: Callable[[], Awaitable[bool]]) -> bool:
        """Know what the receiving process knows, until its place is ours; False if the platform has moved."""
        rang = anyio.Event()
        stop = self.inbox.listen(lambda: rang.set())
        try:
            while not self._lead.take():
                rang = anyio.Event()
                await self._read_the_board(ring)
                if self._hangs and self._lead.stand_in() and await self._stand_in(ring, moved):
                    return False
                with anyio.move_on_after(POLL):
                    await rang.wait()
            return True
        finally:
            stop()

    async def _read_the_board(self, ring: Callable[[], None]) -> None:
        posted = Reception.read(await self.inbox.board.posted())
        if self._hangs:
            since = self._posted.since if self._posted.reason == HANGS else time.time()
            posted = posted.hanging(since)
        if self.rooms.learn(await self.inbox.board.rooms()) or posted != self._posted:
            self._posted = posted
            ring()

    async def _stand_in(self, ring: Callable[[], None], moved: Callable[[], Awaitable[bool]]) -> bool:
        """Look in place of a process that hangs until it stirs or is gone; True: the platform has moved."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._wait_for_the_lead, tasks.cancel_scope)
            await self._new_receiver(ring).stand_in(moved)
            tasks.cancel_scope.cancel()
            return True
        if not self._lead.take():
            self._lead.give()
        return False

    async def _wait_for_the_lead(self, standing_in: anyio.CancelScope) -> None:
        while True:
            if self._lead.take() or not self._hangs:
                standing_in.cancel()
            await anyio.sleep(POLL)

    @property
    def _hangs(self) -> bool:
        """Whether whoever leads has given no sign for so long; of use only while somebody does."""
        return self._lead.silent() > SILENT

    def _new_receiver(self, ring: Callable[[], None]) -> Receiver:
        """Whoever comes after one that stood back stands back, too, and asks for the place."""
        listener = self._listener(self._posted.word == "standby")
        return Receiver(self.client, self._lead.guarded(self.inbox), self.rooms, listener, ring)

    async def _get_to_know(self, ring: Callable[[], None]) -> None:
        """Find out whether whoever writes is somebody that the user has allowed by his handle."""
        rang = anyio.Event()
        stop = self.inbox.listen(lambda: rang.set())
        try:
            while True:
                rang = anyio.Event()
                if await self._doorman.meet(await self.inbox.senders(), self.rooms.participants):
                    ring()
                with anyio.move_on_after(ASK_AGAIN):
                    await rang.wait()
        finally:
            stop()

    async def _extend(self) -> None:
        while True:
            await anyio.sleep(WORKING)
            if self._worked:
                self._worked = False
                await self.inbox.extend(self.inbox.now())

    async def _participants(self, chat_id: str) -> Sequence[Participant]:
        return await self.client(ListParticipants(chat_id=chat_id))


@asynccontextmanager
async def seated(
    me: AgentMe, client: Client, *, key: str, socket: str, places: Places, doorman: Doorman, known_as: str
) -> AsyncGenerator[Seat]:
    """Open the inbox of an agent where inboxes are kept, and take its seat. Raises as `Places.opened` does.

    The inbox is named by platform and agent, not by key: a new key keeps it. `known_as` is what the settings
    have of the agent, a key or a name, by which `inbox.marks` finds a folder again.
    """
    name = hashlib.sha256(f"{client.base_url}\x1f{me.id}".encode()).hexdigest()[:16]
    sees = None if doorman.sight == Sight() else doorman.sees
    async with places.opened(name, known_as, sees) as (inbox, lead):
        try:
            listener = partial(Listener, socket, key, agent_id=me.id, first=_own_topics(me.id))
            yield Seat(me, client, inbox, lead, lambda back: listener(standby=back), doorman)
        finally:
            with anyio.CancelScope(shield=True):
                with suppress(InboxError):  # what is not given back is free anyway once the process is gone
                    await inbox.release_all()


def _own_topics(agent_id: str) -> list[Topic]:
    """`agent_control` first: later platforms announce there that another process took the seat."""
    return [
        Topic("agent_control", agent_id),
        Topic("agent_rooms", agent_id),
        Topic("agent_contacts", agent_id),
    ]
