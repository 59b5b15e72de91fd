"""Who takes part in a torture: a person who mentions an agent in many rooms, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar
from uuid import UUID

import anyio

from tests.faults.history import POST, History, Report, check
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.messages import ChatMessage, ListMessages, ListMyMessages, Mention, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.app import opened

T = TypeVar("T")

SETTLED = 60.0
"""Seconds after the last message in which the last one must be answered and processed."""


class Amount(Protocol):
    """How much of everything."""

    @property
    def messages(self) -> int: ...
    @property
    def rooms(self) -> int: ...
    @property
    def seed(self) -> int: ...


class Scene:
    """A person in her rooms, and an agent with several hosts, on a platform that may be gone for a while."""

    def __init__(self, amount: Amount, folder: Path, url: str, alice: Client) -> None:
        self.amount, self.folder, self.url, self.alice = amount, folder, url, alice
        self.history = History(folder / "history.jsonl")
        self._rng = Random(f"{amount.seed}/posts")
        self.agent_id, self.key = "", ""
        self.posted: dict[str, list[str]] = {}
        self._answered, self._news = 0, anyio.Event()

    async def furnish(self) -> None:
        """Register the agent, and open the rooms."""
        made = await self.alice(RegisterMyAgent(name="Scout", description="is tortured"))
        self.agent_id, self.key = made.agent.id, made.credentials.api_key
        for _ in range(self.amount.rooms):
            room = await self.alice(CreateMyChat())
            await self.alice(AddMyParticipant(chat_id=room.id, participant_id=self.agent_id))
            self.posted[room.id] = []

    async def post(self) -> None:
        """Mention the agent again and again, never too far ahead of it."""
        for n in range(self.amount.messages):
            await self._until(lambda n=n: n - self._answered < 15 * self.amount.rooms)  # type: ignore[misc]
            room = self._rng.choice([*self.posted])
            call = SendMyMessage(chat_id=room, content=f"number {n}", mentions=[Mention(id=self.agent_id)])
            key = str(UUID(int=self._rng.getrandbits(128), version=4))
            sent = await insist(lambda call=call, key=key: self.alice(call, key=key))  # type: ignore[misc]
            self.posted[room].append(sent.id)
            self.history.note("alice", POST, sent.id, "ok")

    def note_answer(self) -> None:
        """One more is answered, as far as a host knows."""
        self._answered += 1
        self._news.set()
        self._news = anyio.Event()

    async def harm(self, blows: Sequence[str], strike: Callable[[str], Awaitable[None]]) -> None:
        """Have every blow struck, evenly over all the answers."""
        for nth, blow in enumerate(blows, 1):
            goal = self.amount.messages * nth * 0.95 / (len(blows) + 1)
            await self._until(lambda goal=goal: self._answered >= goal)  # type: ignore[misc]
            await strike(blow)

    async def settled(self) -> tuple[float, dict[str, list[str]]]:
        """Wait until nothing is left to do, for a bounded time: how long it took, and what is left."""
        started = time.monotonic()
        async with Client(self.url, self.key) as agent:
            while left := await self._unprocessed(agent):
                if time.monotonic() - started > SETTLED + len(self.posted):
                    break
                await anyio.sleep(1)
        return time.monotonic() - started, left

    async def report(self, left: dict[str, list[str]]) -> Report:
        """What is wrong with what the platform has, of which this is left to do."""
        answers = {room: [*map(_as_answer, await self._said(room))] for room in self.posted}
        return check(self.posted, answers, left, self.history.ops())

    async def _until(self, so: Callable[[], bool]) -> None:
        while not so():
            await self._news.wait()

    async def _unprocessed(self, agent: Client) -> dict[str, list[str]]:
        """What the platform still holds for the agent, by room."""
        found = {}
        for room in self.posted:
            page = await insist(lambda room=room: agent(ListMessages(chat_id=room, page_size=100)))  # type: ignore[misc]
            if page.data:
                found[room] = [message.id for message in page.data]
        return found

    async def _said(self, room: str) -> list[ChatMessage]:
        """What the agent said in a room, in order."""
        said, page = list[ChatMessage](), 1
        while True:
            call = ListMyMessages(chat_id=room, page=page, page_size=100)
            answer = await insist(lambda call=call: self.alice(call))  # type: ignore[misc]
            said += answer.data
            if page >= answer.metadata.total_pages:
                return [message for message in reversed(said) if message.sender_id == self.agent_id]
            page += 1


def shuffled(blows: dict[str, int], seed: int) -> list[str]:
    """Each blow as often as it says, in an order that comes from the seed."""
    order = [*Counter(blows).elements()]
    Random(f"{seed}/events").shuffle(order)
    return order


async def person(data: Path, database: str | None = None) -> str:
    """The key of a new person on the platform whose data is there."""
    async with opened(data, database) as (db, keys):
        add = partial(add_user, email="alice@acme.example", name="Alice Doe", organization="Acme")
        return str((await administer(db, keys, add))["api_key"])


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """Do it until it is done: the platform may be gone for a while."""
    for _ in range(200):
        try:
            return await work()
        except ThenvoiError:
            await anyio.sleep(0.2)
    raise TimeoutError("the platform does not come back")


def _as_answer(message: ChatMessage) -> tuple[str, str]:
    """Which message it answers, and what it is itself."""
    return message.content.rpartition("re ")[2].split()[0], message.id
