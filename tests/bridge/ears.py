"""A host that hears of changes as its era does it, and waits for what it wants to hear."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import mcp_types as types
from mcp import Client as McpClient
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated

from tests.bridge.desk import PATIENCE, Desk, desk
from thenvoi_bridge.bridge.endpoint import Locate

LIST = "the list"


class Ears:
    """What was heard: addresses of resources, and `LIST`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._bell = anyio.Event()

    def hear(self, what: str) -> None:
        self.heard.append(what)
        self._bell.set()

    async def until(self, *what: str) -> None:
        """Wait until all this was heard, and forget it."""
        with anyio.fail_after(PATIENCE):
            while not {*what} <= {*self.heard}:
                self._bell = anyio.Event()
                await self._bell.wait()
        self.heard = [each for each in self.heard if each not in what]

    async def take(self, message: object) -> None:
        """What a client of the handshake era is sent."""
        if isinstance(message, types.ResourceListChangedNotification):
            self.hear(LIST)
        if isinstance(message, types.ResourceUpdatedNotification):
            self.hear(str(message.params.uri))


@asynccontextmanager
async def listening(
    locate: Locate, state: Path, mode: str, *uris: str, rooms: int = 1
) -> AsyncGenerator[tuple[Desk, Ears]]:
    """A host that, once it hears and knows of so many rooms, wants to hear of these, and of the list."""
    ears = Ears()
    async with desk(locate, state, mode, message_handler=ears.take) as host:
        await host.until("live")
        await _settled(host, rooms)
        async with asked(host.llm, ears, mode, *uris):
            yield host, ears


@asynccontextmanager
async def asked(llm: McpClient, ears: Ears, mode: str, *uris: str) -> AsyncGenerator[None]:
    """Ask to be told of these and of the list, as the era does it; in the older one `ears.take` must hear."""
    if mode == "legacy":
        for uri in uris:
            await llm.subscribe_resource(uri)
        yield
    else:
        async with _listening(llm, ears, uris):
            yield


async def _settled(host: Desk, rooms: int) -> None:
    """Wait until so many rooms' participants are listened to: till then they may change at any time."""

    async def so() -> bool:
        known = await host.seat.inbox.board.rooms()
        return sum(version > 0 for _, version in known.values()) == rooms

    await host.rung(so)


@asynccontextmanager
async def _listening(llm: McpClient, ears: Ears, uris: Sequence[str]) -> AsyncGenerator[None]:
    listen = llm.listen(resources_list_changed=True, resource_subscriptions=uris)
    async with listen as events, anyio.create_task_group() as tasks:

        async def hear() -> None:
            async for event in events:
                if isinstance(event, ResourcesListChanged):
                    ears.hear(LIST)
                if isinstance(event, ResourceUpdated):
                    ears.hear(event.uri)

        tasks.start_soon(hear)
        yield
        tasks.cancel_scope.cancel()
