"""Where the story takes place: a platform, a room, a person at the REST API, two agents with hosts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.messages import ChatMessage, ListMyMessages
from thenvoi_bridge.demo.hosts import Host
from thenvoi_bridge.demo.processes import PlatformProcess


@dataclass(slots=True)
class Agent:
    """An agent: who it is on the platform, the host that speaks for it, and the message it works on."""

    id: str
    name: str
    key: str = field(repr=False)
    host: Host
    task: str = ""


class Scene:
    """Filled as the story goes on: each step may rely on what earlier ones brought."""

    url: str
    alice: Client
    alice_id: str
    scout: Agent
    writer: Agent
    room: str
    question: str

    def __init__(self, platform: PlatformProcess, tasks: TaskGroup) -> None:
        self.platform, self._tasks = platform, tasks

    @property
    def agents(self) -> tuple[Agent, Agent]:
        """Both of them."""
        return self.scout, self.writer

    async def agent(self, name: str, description: str) -> Agent:
        """A new agent of Alice's."""
        made = await self.alice(RegisterMyAgent(name=name, description=description))
        return Agent(made.agent.id, name, made.credentials.api_key, Host(self._tasks, name.lower()))

    async def messages(self) -> list[ChatMessage]:
        """What Alice reads in the room, oldest first."""
        return (await self.alice(ListMyMessages(chat_id=self.room))).data[::-1]

    def readable(self, text: str) -> str:
        """A stored text with names for ids, as clients show it."""
        for id, name in ((self.alice_id, "Alice"), *((agent.id, agent.name) for agent in self.agents)):
            text = text.replace(f"@[[{id}]]", f"@{name}")
        return text


@asynccontextmanager
async def staged(platform: PlatformProcess) -> AsyncGenerator[Scene]:
    """A scene for as long as this is entered; leaving ends the hosts, and with them their bridges."""
    async with anyio.create_task_group() as tasks:
        scene = Scene(platform, tasks)
        try:
            yield scene
        finally:
            tasks.cancel_scope.cancel()
            if client := getattr(scene, "alice", None):
                with anyio.move_on_after(2, shield=True):
                    await client.aclose()
