"""What a scripted host does with its bridge, whatever lies between the two."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

import anyio

from tests.faults.history import ANSWER, History

OVER = ("not_open", "lease_lost", "underway", "unknown_message", "idempotency_key_reused")
"""Why a message is no longer this host's to answer."""


class Gone(Exception):
    """The bridge has died, or cannot be reached."""


class Call(Protocol):
    """Calls a tool: its result. Raises `Gone`."""

    async def __call__(self, name: str, **arguments: Any) -> dict[str, Any]: ...


class Worker:
    """Answers every message that its bridge hands it. `answered` is called for each."""

    def __init__(self, name: str, history: History, answered: Callable[[], None], rng: Random) -> None:
        self._name, self._history, self._answered, self._rng = name, history, answered, rng

    async def work(self, call: Call) -> None:
        """Wait and answer, for ever. Raises `Gone`."""
        while True:
            result = await call("inbox_wait", timeout_s=5)
            messages = result.get("structuredContent", {}).get("messages", [])
            if result.get("isError"):
                await anyio.sleep(0.5)
            for message in messages:
                await anyio.sleep(self._rng.random() * 0.02)
                await self._answer(call, message["id"])

    async def _answer(self, call: Call, id: str) -> None:
        """Answer a message before the next one, as often as it takes."""
        while True:
            result = await call("reply", message_ids=[id], content=f"re {id}")
            said = result.get("structuredContent", {})
            if not result.get("isError"):
                self._history.note(self._name, ANSWER, id, "unknown" if "pending" in said else "ok")
                self._answered()
                return
            error = said.get("error", {})
            self._history.note(self._name, ANSWER, id, "fail", code=error.get("code"))
            if error.get("code") in OVER:
                return
            await anyio.sleep(min(2.0, error.get("retry_after_s") or 0.5))
