"""The WebSocket's way to a platform, to be cut and mended while REST goes past it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.stapled import MultiListener

from tests.world import World

GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class Cable:
    """Forwards connections byte by byte until it is cut; then they end, and new ones end at once."""

    def __init__(self, port: int, where: World) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self._to = int(where.url.rpartition(":")[2])
        self._whole = True
        self._tried = anyio.Event()
        self._conversations: set[anyio.CancelScope] = set()

    def cut(self) -> None:
        """End every connection, and each new one."""
        self._whole = False
        for scope in self._conversations:
            scope.cancel()

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    async def tried(self) -> None:
        """Wait until somebody has tried in vain to come through."""
        await self._tried.wait()

    async def forward(self, near: ByteStream) -> None:
        if not self._whole:
            self._tried.set()
            await near.aclose()
            return
        with suppress(*GONE):
            async with near, await anyio.connect_tcp("127.0.0.1", self._to) as far:
                async with anyio.create_task_group() as tasks:
                    self._conversations.add(tasks.cancel_scope)
                    tasks.start_soon(_pump, near, far, tasks.cancel_scope)
                    tasks.start_soon(_pump, far, near, tasks.cancel_scope)
                self._conversations.discard(tasks.cancel_scope)


async def _pump(source: ByteStream, sink: ByteStream, scope: anyio.CancelScope) -> None:
    with suppress(*GONE):
        async for chunk in source:
            await sink.send(chunk)
    scope.cancel()


@asynccontextmanager
async def cable(where: World) -> AsyncGenerator[Cable]:
    """A cable to a platform's socket."""
    async with AsyncExitStack() as closings:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        assert isinstance(listener, MultiListener)
        await closings.enter_async_context(listener)
        it = Cable(listener.extra(SocketAttribute.local_port), where)
        tasks = await closings.enter_async_context(anyio.create_task_group())
        tasks.start_soon(listener.serve, it.forward)
        yield it
        tasks.cancel_scope.cancel()
