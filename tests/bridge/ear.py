"""A host that subscribes or listens, as its era does it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.client.subscriptions import ResourceUpdated

from tests.bridge.desk import PATIENCE, Desk, desk, nowhere
from thenvoi_bridge.bridge.endpoint import Locate


class Ear:
    """Hears notifications, and lets a test wait for them."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.ended = False
        self._bell = anyio.Event()

    def __call__(self, uri: str) -> None:
        self.heard.append(uri)
        self._bell.set()

    async def until(self, number: int) -> None:
        with anyio.fail_after(PATIENCE):
            while len(self.heard) < number:
                self._bell = anyio.Event()
                await self._bell.wait()


@asynccontextmanager
async def subscribed(
    state: Path, mode: str, *uris: str, locate: Locate | None = None, **more: Any
) -> AsyncGenerator[tuple[Desk, Ear]]:
    """A host that has asked to be told of these as its era does it; without a platform nothing happens.

    `more` goes to its desk.
    """
    ear = Ear()

    async def hear(message: object) -> None:
        if mode == "legacy" and isinstance(message, types.ResourceUpdatedNotification):
            ear(str(message.params.uri))

    async with desk(locate or nowhere(), state, mode, message_handler=hear, **more) as host:
        if mode == "legacy":
            for uri in uris:
                await host.llm.subscribe_resource(uri)
            yield host, ear
        else:
            async with listening(host, ear, uris):
                yield host, ear


@asynccontextmanager
async def listening(host: Desk, ear: Ear, uris: Sequence[str]) -> AsyncGenerator[None]:
    """`subscriptions/listen` of 2026-07-28."""
    listen = host.llm.listen(resource_subscriptions=uris)
    async with listen as events, anyio.create_task_group() as tasks:

        async def hear() -> None:
            async for event in events:
                assert isinstance(event, ResourceUpdated)
                ear(event.uri)
            ear.ended = True

        tasks.start_soon(hear)
        yield
        tasks.cancel_scope.cancel()
