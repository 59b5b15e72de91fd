"""A real platform on a real port, with people, agents and hosts in it; nothing here is pretended."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from mcp import Client as McpClient
from mcp import StdioServerParameters

from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.chats import ChatRoom, CreateMyChat
from thenvoi_bridge.contract.messages import Mention, MessageSent, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform.administration import add_user
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.platform.serving import bind, served


@dataclass(frozen=True)
class Somebody:
    """A person or an agent: who it is, its key, and its REST client."""

    id: str
    handle: str
    name: str
    key: str
    call: Client


class World:
    """One platform's data in a folder, and the clients of everybody on it. The platform can be stopped."""

    def __init__(self, folder: Path, clients: AsyncExitStack) -> None:
        self.folder = folder
        self._clients = clients
        self._running: AsyncExitStack | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Serve, on the same port as before."""
        listener = bind("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        self._running = AsyncExitStack()
        await self._running.enter_async_context(served(self.folder, listener))

    async def stop(self) -> None:
        """Stop serving; the data stays."""
        assert self._running
        await self._running.aclose()

    async def person(self, name: str = "Alice Doe", organization: str = "Acme") -> Somebody:
        """A new person, added as an administrator would."""
        email = name.lower().replace(" ", ".") + f"@{organization.lower()}.example"
        async with opened(self.folder) as (db, keys):
            new = await add_user(db, keys, email=email, name=name, organization=organization)
        return Somebody(new.id, new.handle, name, new.api_key, await self.client(new.api_key))

    async def agent(self, owner: Somebody, name: str) -> Somebody:
        """A new agent, registered by its owner over REST."""
        made = await owner.call(RegisterMyAgent(name=name, description=f"{name} of {owner.name}"))
        key, handle = made.credentials.api_key, made.agent.handle
        assert handle
        return Somebody(made.agent.id, handle, name, key, await self.client(key))

    async def room(self, owner: Somebody, *members: Somebody) -> ChatRoom:
        """A room opened by a person, with these members."""
        room = await owner.call(CreateMyChat())
        for member in members:
            await owner.call(AddMyParticipant(chat_id=room.id, participant_id=member.id))
        return room

    async def client(self, key: str) -> Client:
        return await self._clients.enter_async_context(Client(self.url, key))


async def say(who: Somebody, room: ChatRoom, to: Somebody, text: str) -> MessageSent:
    """A person mentions somebody."""
    return await who.call(SendMyMessage(chat_id=room.id, content=text, mentions=[Mention(id=to.id)]))


@asynccontextmanager
async def world(folder: Path) -> AsyncGenerator[World]:
    """A platform that runs until the end of the block, unless it is stopped before."""
    async with AsyncExitStack() as clients:
        it = World(folder, clients)
        await it.start()
        try:
            yield it
        finally:
            await it.stop()


def bridge(url: str, key: str, state: Path, **environ: str) -> StdioServerParameters:
    """How a host starts the bridge: the real command, as a process of its own."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "thenvoi_bridge"],
        env={
            **os.environ,
            "THENVOI_BASE_URL": url,
            "THENVOI_API_KEY": key,
            "THENVOI_STATE_DIR": str(state),
            **environ,
        },
    )


@asynccontextmanager
async def host(server: StdioServerParameters, mode: str = "auto") -> AsyncGenerator[McpClient]:
    """A real MCP client with a bridge of its own, once that bridge hears."""
    async with McpClient(server, mode=mode) as client:
        with anyio.fail_after(20):
            await client.call_tool("inbox_wait", {"timeout_s": 0})
        yield client
