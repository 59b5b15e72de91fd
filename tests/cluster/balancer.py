"""A proxy as stands before several servers: it passes each connection to the next one that takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class Balancer:
    """Stands on a port of loopback before servers on others, as an async context manager."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = deque(ports)
        self.url = ""

    async def __aenter__(self) -> Self:
        self._listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._listener.extra(SocketAttribute.local_port)}"
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._listener.serve, self._carry)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._listener.aclose()

    async def _carry(self, near: SocketStream) -> None:
        async with near:
            far = await self._reached()
            if far is None:
                return
            async with far, anyio.create_task_group() as tasks:
                tasks.start_soon(_pass_on, near, far, tasks.cancel_scope)
                tasks.start_soon(_pass_on, far, near, tasks.cancel_scope)

    async def _reached(self) -> SocketStream | None:
        self._ports.rotate(-1)
        for port in tuple(self._ports):
            with suppress(OSError):
                return await anyio.connect_tcp("127.0.0.1", port)
        return None


async def _pass_on(source: ByteStream, sink: ByteStream, both: anyio.CancelScope) -> None:
    with suppress(*BROKEN):
        async for some in source:
            await sink.send(some)
    both.cancel()
