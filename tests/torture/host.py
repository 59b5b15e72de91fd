"""A scripted MCP host: a bridge of its own over stdio, which is started again whenever it dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import StdioServerParameters

from tests.faults.history import ANSWER, History

LONGEST_LINE = 2**24
OVER = ("not_open", "lease_lost", "underway", "unknown_message", "idempotency_key_reused")
"""Why a message is no longer this host's to answer."""

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}}


class Gone(Exception):
    """The bridge has died."""


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
    """Answers every message that its bridge hands it, for ever. `answered` is called for each."""

    def __init__(
        self,
        name: str,
        server: StdioServerParameters,
        history: History,
        log: Path,
        answered: Callable[[], None],
        rng: Random,
    ) -> None:
        self.name = name
        self._server, self._history, self._log = server, history, log
        self._answered, self._rng = answered, rng
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
        while True:
            result = await self._call(wire, "inbox_wait", timeout_s=5)
            messages = result.get("structuredContent", {}).get("messages", [])
            if result.get("isError"):
                await anyio.sleep(0.5)
            for message in messages:
                await anyio.sleep(self._rng.random() * 0.02)
                await self._answer(wire, message["id"])

    async def _answer(self, wire: Wire, id: str) -> None:
        """Answer a message before the next one, as often as it takes."""
        while True:
            result = await self._call(wire, "reply", message_ids=[id], content=f"re {id}")
            said = result.get("structuredContent", {})
            if not result.get("isError"):
                self._history.note(self.name, ANSWER, id, "unknown" if "pending" in said else "ok")
                self._answered()
                return
            error = said.get("error", {})
            self._history.note(self.name, ANSWER, id, "fail", code=error.get("code"))
            if error.get("code") in OVER:
                return
            await anyio.sleep(min(2.0, error.get("retry_after_s") or 0.5))

    async def _call(self, wire: Wire, name: str, **arguments: Any) -> dict[str, Any]:
        return await wire.ask("tools/call", {"name": name, "arguments": arguments})
