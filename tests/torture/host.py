"""A scripted MCP host with a bridge of its own over stdio, which is started again whenever it dies."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import StdioServerParameters

from tests.torture.worker import Gone, Worker

LONGEST_LINE = 2**24

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}}


@dataclass
class Wire:
    """JSON-RPC with one bridge, one request at a time."""

    process: Process

    def __post_init__(self) -> None:
        assert self.process.stdout
        self._lines = BufferedByteReceiveStream(self.process.stdout)
        self._ids = count(1)

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of a request; notifications in between are passed over. Raises `Gone`."""
        id = next(self._ids)
        await self.tell({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        while True:
            said = await self._line()
            if said.get("id") == id:
                result: dict[str, Any] = said["result"]
                return result

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool. Raises `Gone`."""
        return await self.ask("tools/call", {"name": name, "arguments": arguments})

    async def tell(self, message: dict[str, Any]) -> None:
        """Send one message. Raises `Gone`."""
        assert self.process.stdin
        try:
            await self.process.stdin.send(json.dumps(message).encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as exc:
            raise Gone from exc

    async def _line(self) -> dict[str, Any]:
        try:
            line = await self._lines.receive_until(b"\n", LONGEST_LINE)
        except (anyio.IncompleteRead, anyio.ClosedResourceError, anyio.BrokenResourceError) as exc:
            raise Gone from exc
        said: dict[str, Any] = json.loads(line)
        return said


class Host:
    """Has a worker at one bridge after the other."""

    def __init__(self, server: StdioServerParameters, log: Path, worker: Worker) -> None:
        self._server, self._log, self._worker = server, log, worker
        self._process: Process | None = None
        self.lives = 0

    def kill(self) -> bool:
        """Kill the bridge where it stands; False if there is none at this moment."""
        if self._process is None or self._process.returncode is not None:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
            return True
        return False

    async def run(self) -> None:
        """Work with one bridge after the other, until cancelled."""
        while True:
            with self._log.open("ab") as log:
                command = [self._server.command, *self._server.args]
                async with await anyio.open_process(command, env=self._server.env, stderr=log) as process:
                    self._process, self.lives = process, self.lives + 1
                    try:
                        await self._work(Wire(process))
                    except Gone:
                        self.kill()

    async def _work(self, wire: Wire) -> None:
        await wire.ask("initialize", HELLO)
        await wire.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        await self._worker.work(wire.call)
