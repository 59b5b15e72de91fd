"""MCP hosts that cost little themselves: over stdio, lines of JSON and nothing else."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from bench.stage import PATIENCE

Json = dict[str, Any]
HELLO: Json = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}
LONGEST = 1 << 24


class Failed(Exception):
    """A server did not do what it is measured at."""


class Host:
    """The host of one server."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ids = count(1)
        self._waiting: dict[int, anyio.Event] = {}
        self._answers: dict[int, Json] = {}
        self.told = anyio.Event()
        """Is set, and made anew, when the server says something by itself; `told_at` is when it last did."""
        self.told_at = 0.0

    @property
    def pid(self) -> int:
        """Of the server."""
        return self._process.pid

    async def ask(self, method: str, **params: Any) -> Json:
        """The result of a request. Raises `Failed` for an error."""
        number = next(self._ids)
        self._waiting[number] = anyio.Event()
        await self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        with anyio.fail_after(PATIENCE):
            await self._waiting[number].wait()
        del self._waiting[number]
        answer = self._answers.pop(number)
        if "error" in answer:
            raise Failed(answer["error"]["message"])
        result: Json = answer["result"]
        return result

    async def tell(self, method: str) -> None:
        """Notify."""
        await self._write({"jsonrpc": "2.0", "method": method})

    async def greet(self) -> None:
        """The handshake."""
        await self.ask("initialize", **HELLO)
        await self.tell("notifications/initialized")

    async def call(self, tool: str, arguments: Json) -> Json:
        """The result of a tool. Raises `Failed` if that is an error."""
        result = await self.ask("tools/call", name=tool, arguments=arguments)
        if result.get("isError"):
            raise Failed(f"{tool}: {result['content']}")
        return result

    async def read(self) -> None:
        """Hear what the server says, until it ends."""
        assert self._process.stdout
        lines = BufferedByteReceiveStream(self._process.stdout)
        with suppress(anyio.IncompleteRead, anyio.ClosedResourceError):
            while True:
                self._hear(json.loads(await lines.receive_until(b"\n", LONGEST)))

    def _hear(self, said: Json) -> None:
        if "method" not in said and said.get("id") in self._waiting:
            self._answers[said["id"]] = said
            self._waiting[said["id"]].set()
        elif "method" in said:
            self.told_at = time.perf_counter()
            self.told.set()
            self.told = anyio.Event()

    async def _write(self, message: Json) -> None:
        assert self._process.stdin
        await self._process.stdin.send(json.dumps(message).encode() + b"\n")


@asynccontextmanager
async def host(command: list[str], environ: dict[str, str]) -> AsyncGenerator[Host]:
    """A server, and its host; the server is killed at the end. Nobody has greeted yet."""
    started = anyio.open_process(command, env=environ, stderr=subprocess.DEVNULL)
    async with await started as process, anyio.create_task_group() as tasks:
        it = Host(process)
        tasks.start_soon(it.read)
        try:
            yield it
        finally:
            process.kill()
            tasks.cancel_scope.cancel()
