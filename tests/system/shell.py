"""Commands as somebody types them, and inboxes for them to find."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import apsw

from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

SCOUT = {"platform": "https://thenvoi.example", "id": "scout-id", "handle": "alice/scout"}
WRITER = {**SCOUT, "id": "writer-id", "handle": "alice/writer"}
MODULE = ("-m", "thenvoi_bridge")
NETWORK = (
    *("mcp", "mcp_types", "httpx2", "starlette", "uvicorn", "websockets", "rich"),
    *(f"thenvoi_bridge.{part}" for part in ("client", "listener", "platform", "bridge.session")),
)
"""What only those need who talk to a platform or to a host."""


def telling_what_is_imported(*heavy: str) -> tuple[str, ...]:
    """The command as a program whose last line says which of these it has imported."""
    return (
        "-c",
        "import atexit, sys\n"
        f"atexit.register(lambda: print('HEAVY', *sorted({{*{heavy}}} & sys.modules.keys())))\n"
        "from thenvoi_bridge.cli import main\n"
        "main()\n",
    )


@dataclass(frozen=True)
class Ended:
    """What came of a command."""

    code: int
    out: str
    err: str


def environ(state: Path, encoding: str = "utf-8", **more: str) -> dict[str, str]:
    """The environment of somebody who has no key."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("THENVOI_")}
    return env | {"THENVOI_STATE_DIR": str(state), "PYTHONIOENCODING": encoding, **more}


async def typed(
    state: Path,
    *arguments: str,
    program: Sequence[str] = MODULE,
    encoding: str = "utf-8",
    given: bytes = b"",
    **more: Any,
) -> Ended:
    """`thenvoi-bridge`, as somebody types it; `given` is what is piped into it."""
    command = [sys.executable, "-W", "error", *program, *arguments]
    done = await anyio.run_process(command, input=given, env=environ(state, encoding, **more), check=False)
    return Ended(done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding))


def done(ended: Ended) -> str:
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def folder_of(state: Path, who: dict[str, str] = SCOUT) -> Path:
    return state / "agents" / who["id"].encode().hex()[:16]


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Inbox]:
    """The inbox in another process's hands."""
    owner = Owner.start(folder)
    inbox = await Inbox.open(folder, owner)
    try:
        yield inbox
    finally:
        await inbox.close()
        owner.close()


async def fill(state: Path, *messages: ChatMessage, who: dict[str, str] = SCOUT) -> None:
    async with opened(folder_of(state, who)) as inbox:
        await inbox.board.introduce(who)
        await inbox.put(messages, {"room": "The Plan"})


async def until(happens: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that the test's time limit bounds."""
    while True:
        if await happens():
            return
        await anyio.sleep(0.05)


@asynccontextmanager
async def locked(folder: Path) -> AsyncGenerator[None]:
    """Another program holds the file of an inbox, so that nobody can write."""
    connection = apsw.Connection(str(folder / "inbox.db"))
    connection.set_busy_timeout(10_000)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()
