"""Who is there while a platform restarts: agents that listen as bridges do, and who talks to them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import httpx2

from tests.home import opened
from thenvoi_bridge.contract.feed import MessageCreated, Topic
from thenvoi_bridge.listener import Heard, Listener, Ready
from thenvoi_bridge.platform import participants
from thenvoi_bridge.platform.administration import add_agent, add_user, administer
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rooms import room

ROOM = 25
"""Agents in a room."""


@dataclass(frozen=True)
class Cast:
    """A person's key, and the agents: id, key and room of each."""

    key: str
    agents: list[tuple[str, str, str]]


async def cast(folder: Path, size: int) -> Cast:
    """So many agents of one person in a new platform."""
    async with opened(folder) as (db, keys):
        return await administer(db, keys, partial(_cast, size=size))


def _cast(tx: Change, size: int) -> Cast:
    owner = add_user(tx, email="alice@crowd.example", name="Alice Doe", organization="Crowd")
    agents: list[tuple[str, str, str]] = []
    for nth in range(size):
        if nth % ROOM == 0:
            chat_id = _room(tx, owner["id"])
        agent = add_agent(tx, owner=owner["id"], name=f"Agent {nth}", description="Listens")
        participants.enter(tx, room(tx, chat_id), agent["id"], "member")
        agents.append((agent["id"], agent["api_key"], chat_id))
    return Cast(owner["api_key"], agents)


def _room(tx: Change, owner_id: str) -> str:
    id = tx.new_id()
    tx.run(
        "INSERT INTO chats (id, title, last_at, inserted_at, updated_at) VALUES (?, 'Crowd', ?, ?, ?)",
        id, tx.now, tx.now, tx.now,
    )  # fmt: skip
    participants.enter(tx, room(tx, id), owner_id, "owner")
    return id


@dataclass
class Agent:
    """One that listens. `ready` has the times at which it heard its room, one for each connection."""

    id: str
    key: str
    room: str
    ready: list[float] = field(default_factory=list[float])
    pushed: set[str] = field(default_factory=set[str])
    found: set[str] = field(default_factory=set[str])

    async def listen(self, url: str, http: httpx2.AsyncClient) -> None:
        """Listen for ever, and look at REST whenever the room is joined anew."""
        topic = Topic("chat_room", self.room)
        listener = Listener(url, self.key, first=[Topic("agent_control", self.id), topic])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            async for notice in listener:
                match notice:
                    case Ready(topic=Topic(kind="chat_room")):
                        self.ready.append(anyio.current_time())
                        tasks.start_soon(self._look, url, http)
                    case Heard(payload=MessageCreated(id=id)):
                        self.pushed.add(id)

    async def _look(self, url: str, http: httpx2.AsyncClient) -> None:
        path = f"{url}/api/v1/agent/chats/{self.room}/messages"
        request = http.build_request("GET", path, params={"page_size": 100}, headers={"X-API-Key": self.key})
        answer = await persistent(http, request)
        self.found |= {message["id"] for message in answer.json()["data"]}


@dataclass
class Speaker:
    """Mentions one agent after another, and says everything until it was taken."""

    key: str
    agents: list[Agent]
    said: list[tuple[Agent, str]] = field(default_factory=list[tuple[Agent, str]])
    over: anyio.Event = field(default_factory=anyio.Event)

    async def speak(self, url: str, http: httpx2.AsyncClient, pause: float) -> None:
        """Speak until it is over, with so many seconds between two messages."""
        dice, numbers = random.Random(7), count(1)
        while not self.over.is_set():
            await self._say(url, http, dice.choice(self.agents), f"say-{next(numbers)}")
            with anyio.move_on_after(pause):
                await self.over.wait()

    async def _say(self, url: str, http: httpx2.AsyncClient, to: Agent, once: str) -> None:
        body = {"message": {"content": "hello", "mentions": [{"id": to.id}]}}
        headers = {"X-API-Key": self.key, "Idempotency-Key": once}
        path = f"{url}/api/v1/me/chats/{to.room}/messages"
        answer = await persistent(http, http.build_request("POST", path, json=body, headers=headers))
        self.said.append((to, answer.json()["data"]["id"]))

    def missing(self) -> Counter[str]:
        """How many messages an agent has neither heard nor found, by agent."""
        return Counter(to.id for to, id in self.said if id not in to.pushed | to.found)


async def persistent(http: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
    """The answer to a request that is sent until there is one."""
    while True:
        try:
            answer = await http.send(request)
        except httpx2.TransportError:
            await anyio.sleep(0.2)
        else:
            if answer.status_code < 500:
                assert answer.is_success, answer.text
                return answer
