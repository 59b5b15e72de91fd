"""A real platform on a real port, with people, agents and hosts in it; nothing here is pretended."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import mcp_types as types
from mcp import Client as McpClient
from mcp import StdioServerParameters
from mcp.shared.exceptions import MCPDeprecationWarning
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.home import opened, served
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.chats import ChatRoom, CreateMyChat
from thenvoi_bridge.contract.messages import Mention, MessageSent, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.metering import UNMETERED, Meter
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform

Around = Callable[[ASGIApp], ASGIApp] | None


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

    def __init__(
        self,
        folder: Path,
        clients: AsyncExitStack,
        settings: Platform | None = None,
        around: Around = None,
        meter: Meter = UNMETERED,
    ) -> None:
        self.folder = folder
        self._settings, self._around, self._meter = settings, around, meter
        self._clients = clients
        self._port = 0
        self._up, self._down, self._stop = anyio.Event(), anyio.Event(), anyio.Event()
        self._start = anyio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def start(self) -> None:
        """Serve, on the same port as before."""
        self._start.set()
        await self._up.wait()

    async def stop(self) -> None:
        """Stop serving; the data stays."""
        self._stop.set()
        await self._down.wait()

    async def run(self) -> None:
        """Start and stop as told; in a task of its own, since a test tells it from anywhere."""
        while True:
            await self._start.wait()
            self._start, self._down = anyio.Event(), anyio.Event()
            listener = bind("127.0.0.1", self._port)
            self._port = listener.getsockname()[1]
            serve = partial(served, around=self._around, meter=self._meter)
            async with serve(self.folder, listener, self._settings):
                self._up.set()
                await self._stop.wait()
            self._up, self._stop = anyio.Event(), anyio.Event()
            self._down.set()

    async def person(self, name: str = "Alice Doe", organization: str = "Acme") -> Somebody:
        """A new person, added as an administrator would."""
        email = name.lower().replace(" ", ".") + f"@{organization.lower()}.example"
        async with opened(self.folder) as (db, keys):
            add = partial(add_user, email=email, name=name, organization=organization)
            new = await administer(db, keys, add)
        return Somebody(new["id"], new["handle"], name, new["api_key"], await self.client(new["api_key"]))

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
async def world(
    folder: Path, settings: Platform | None = None, around: Around = None, meter: Meter = UNMETERED
) -> AsyncGenerator[World]:
    """A platform that runs until the end of the block, unless it is stopped before.

    `around` puts something between its server and its app, as faults are.
    """
    async with AsyncExitStack() as clients, anyio.create_task_group() as tasks:
        it = World(folder, clients, settings, around, meter)
        tasks.start_soon(it.run)
        await it.start()
        yield it
        if it.is_up:
            await it.stop()
        tasks.cancel_scope.cancel()


def without_keys(app: ASGIApp) -> ASGIApp:
    """A platform that passes over the extensions of this project's, as others do."""

    async def ordinary(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            kept = [(name, value) for name, value in scope["headers"] if name not in EXTENSIONS]
            scope = {**scope, "headers": kept}
        await app(scope, receive, send)

    return ordinary


EXTENSIONS = (b"idempotency-key", b"if-attempt")


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
async def host(
    server: StdioServerParameters, mode: str = "auto", updated: Callable[[], None] | None = None
) -> AsyncGenerator[McpClient]:
    """A real MCP client with a bridge of its own, once that bridge hears.

    With `updated` it subscribes to the inbox, as its era does it, and calls that on every update.
    """

    async def hear(message: object) -> None:
        if updated and isinstance(message, types.ResourceUpdatedNotification):
            updated()

    async with McpClient(server, mode=mode, message_handler=hear) as client:
        with anyio.fail_after(20):
            await connected(client)
        if updated is None:
            yield client
        elif mode == "legacy":
            with warnings.catch_warnings():  # the new SDK calls the old era's way deprecated
                warnings.simplefilter("ignore", MCPDeprecationWarning)
                await client.subscribe_resource("thenvoi://inbox")
            yield client
        else:
            async with listening(client, updated):
                yield client


@asynccontextmanager
async def listening(client: McpClient, updated: Callable[[], None]) -> AsyncGenerator[None]:
    """`subscriptions/listen` of 2026-07-28."""
    async with client.listen(resource_subscriptions=["thenvoi://inbox"]) as events:

        async def hear() -> None:
            async for _ in events:
                updated()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear)
            yield
            tasks.cancel_scope.cancel()


async def connected(client: McpClient) -> None:
    """Wait until the bridge hears."""
    while True:
        (content,) = (await client.read_resource("thenvoi://status")).contents
        assert isinstance(content, types.TextResourceContents)
        if json.loads(content.text)["connection"] == "live":
            return
        await anyio.sleep(0.02)
