"""What stands before a hosted bridge: something that listens on a port and passes requests on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.hosting.team import serving
from tests.world import World
from thenvoi_bridge.hosting.http import Hosted
from thenvoi_bridge.ports import address, bind


@asynccontextmanager
async def standing_before(app: ASGIApp) -> AsyncGenerator[str]:
    """The URL at which this is served until the end of the block."""
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.01)
            try:
                yield address(listener)
            finally:
                server.should_exit = True


@dataclass
class Replicas:
    """Bridges that stand for one: each request goes to the next of them. `asked` has what went to which."""

    bridges: list[Hosted]
    url: str = ""
    asked: list[tuple[int, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = len(self.asked) % len(self.bridges)
        self.asked.append((turn, scope["method"]))
        await self.bridges[turn].site.app(scope, receive, send)


@asynccontextmanager
async def replicas(where: World, state: Path, number: int = 2, **more: Any) -> AsyncGenerator[Replicas]:
    """So many bridges without sessions, which share a folder and nothing else."""
    async with AsyncExitStack() as running:
        started = [
            await running.enter_async_context(serving(where, state, stateless=True, **more))
            for _ in range(number)
        ]
        them = Replicas(started)
        them.url = await running.enter_async_context(standing_before(them))
        yield them
