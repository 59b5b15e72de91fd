"""Bridges as processes that can be killed and stopped, each with a host at its end; and who has a socket."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.world import bridge

PATIENCE = 60.0
"""Seconds anything takes at most; TimeoutError after that."""

_HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


class Sockets:
    """Counts the WebSockets at a platform by key: those asked for, those opened, and the most at a time."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._rang = anyio.Event()

    async def until(self, key: str, asked: int) -> None:
        """Wait until so many were asked for."""
        while self.asked[key] < asked:
            await self._rang.wait()

    def around(self, app: ASGIApp) -> ASGIApp:
        """For `world`."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket":
                key = parse_qs(scope["query_string"].decode()).get("api_key", [""])[0]
                await self._count(key, app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return counted

    async def _count(self, key: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = False

        async def sent(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "websocket.accept":
                accepted = True
                self.opened[key] += 1
                self._open[key] += 1
                self.most[key] = max(self.most[key], self._open[key])
            await send(message)

        self.asked[key] += 1
        rang, self._rang = self._rang, anyio.Event()
        rang.set()
        try:
            await app(scope, receive, sent)
        finally:
            self._open[key] -= accepted


class Bridge:
    """One process and its host, which asks for one thing at a time. Made by `started`."""

    def __init__(self, process: Process) -> None:
        assert process.stdout
        self.process = process
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._ids = count(1)

    async def greet(self) -> None:
        """Shake hands; it connects from now on."""
        await self.ask("initialize", _HELLO)
        await self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of a request."""
        id = next(self._ids)
        await self._say({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        with anyio.fail_after(PATIENCE):
            while True:
                heard = json.loads(await self._lines.receive_until(b"\n", 2**24))
                if heard.get("id") == id:
                    result: dict[str, Any] = heard["result"]
                    return result

    async def tool(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a tool, which must not fail."""
        result = await self.ask("tools/call", {"name": name, "arguments": arguments})
        assert not result.get("isError"), result
        return dict(result.get("structuredContent") or {})

    async def status(self) -> dict[str, Any]:
        """The resource of that name."""
        result = await self.ask("resources/read", {"uri": "thenvoi://status"})
        status: dict[str, Any] = json.loads(result["contents"][0]["text"])
        return status

    async def until(self, so: Callable[[dict[str, Any]], bool], patience: float = PATIENCE) -> dict[str, Any]:
        """Wait until the status is so, and return it."""
        with anyio.fail_after(patience):
            while True:
                if so(status := await self.status()):
                    return status
                await anyio.sleep(0.01)

    async def live(self) -> bool:
        """Wait until it says that messages arrive; return whether they do so in this process."""
        status = await self.until(lambda status: status["connection"] == "live")
        return bool(status["socket"]["here"])

    async def leave(self) -> None:
        """Close stdin, as a host does that ends, and wait until the process has ended."""
        assert self.process.stdin
        await self.process.stdin.aclose()
        with anyio.fail_after(PATIENCE):
            await self.process.wait()

    def stop(self) -> None:
        """Let it hang where it is, until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it where it is; once is enough."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def _say(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        await self.process.stdin.send(json.dumps(message).encode() + b"\n")


@asynccontextmanager
async def started(url: str, key: str, state: Path, **environ: str) -> AsyncGenerator[Bridge]:
    """A bridge until the end of the block; its host is yet to `greet` it."""
    server = bridge(url, key, state, **environ)
    command = [server.command, *server.args]
    async with AsyncExitStack() as ending:
        process = await anyio.open_process(command, env=server.env, stderr=None)
        it = Bridge(process)
        ending.push_async_callback(process.aclose)
        ending.push_async_callback(it.kill)
        yield it
