"""A bridge that dies at a given point, as a process: `python -m tests.faults.doomed`.

It imports everything once, then forks a bridge for every job it reads, so that a death costs little. A point
is the moment before or after something durable: a transaction of the inbox, or a request that changes the
platform. Points count from the moment at which the host has its messages.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types

from thenvoi_bridge.bridge import profiles, readback, seat, sending
from thenvoi_bridge.bridge.endpoint import Endpoint, Side
from thenvoi_bridge.bridge.seat import Seat
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Tools
from thenvoi_bridge.errands import Errand, Messenger, Reply
from thenvoi_bridge.inbox import shelf
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.sqlite import open_sqlite

AGENT: tuple[Side, ...] = ("agent",)

PATIENCE = 30.0
"""Seconds after which a bridge that does not die gives up."""


@dataclass(frozen=True)
class Job:
    """Where the bridge works, whom it greets, and at which point it dies; 0 for never."""

    url: str
    key: str
    state: str
    chat_id: str
    greets: str
    die_at: int = 0


class Fate:
    """Counts the points, and kills this process at one of them."""

    def __init__(self, die_at: int) -> None:
        self._die_at = die_at
        self.armed = False
        self.passed: list[str] = []

    def point(self, name: str) -> None:
        """One point is reached."""
        if not self.armed:
            return
        self.passed.append(name)
        if len(self.passed) == self._die_at:
            report({"died_at": name})
            os.kill(os.getpid(), signal.SIGKILL)


class Doomed:
    """A database with a point before and after every transaction that writes."""

    def __init__(self, real: Database, fate: Fate) -> None:
        self._real, self._fate = real, fate
        self.read, self.version, self.close = real.read, real.version, real.close

    async def write(self, work: Callable[[Tx], Any]) -> Any:
        """Run `work`, if this process lives to do it."""
        self._fate.point("before a transaction")
        result = await self._real.write(work)
        self._fate.point("after a transaction")
        return result


def doom(fate: Fate) -> None:
    """Put the points where they belong."""

    async def opened(path: Path | None) -> Database:
        return Doomed(await open_sqlite(path), fate)

    real = Messenger.run

    async def ran(messenger: Messenger, errand: Errand) -> Reply:
        what = f"{errand.wire.method} {errand.route.template.rpartition('/')[2]}"
        writes = errand.wire.method != "GET"
        if writes:
            fate.point(f"before {what}")
        reply = await real(messenger, errand)
        if writes:
            fate.point(f"after {what}")
        return reply

    vars(shelf)["open_sqlite"] = opened
    Messenger.run = ran  # type: ignore[method-assign, assignment]
    sending.SETTLE, readback.TWICE, sending.LOOK, seat.POLL = 0.3, 0.05, 0.1, 0.05


@asynccontextmanager
async def at_work(job: Job) -> AsyncGenerator[tuple[Session, Tools]]:
    """A session and its tools, connected."""

    async def locate(_: str) -> Endpoint:
        return Endpoint(job.url, agent_key=job.key)

    session = Session(locate, Path(job.state))
    session.introduce("doomed")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        yield session, Tools(session, profiles.chosen(AGENT))
        tasks.cancel_scope.cancel()


async def live(job: Job, fate: Fate) -> None:
    """Greet, then answer whatever asks and acknowledge the rest, until nothing is left to do."""
    async with at_work(job) as (session, tools):
        await until(session, lambda: session.connection == "live")
        fate.armed = True
        greeting = {"chat_id": job.chat_id, "content": "hello everybody", "mentions": [job.greets]}
        await run(tools, "send_message", **greeting)
        while not await is_over(await session.seat()):
            result = await run(tools, "inbox_wait", timeout_s=0.2)
            for message in (result.structured_content or {}).get("messages", []):
                await handle(tools, message)
        fate.armed = False
    report({"lived": fate.passed})


async def handle(tools: Tools, message: dict[str, Any]) -> None:
    """Answer a message that asks; acknowledge any other."""
    if "?" in message["untrusted"]["content"]:
        await run(tools, "reply", message_ids=[message["id"]], content=f"answer to {message['id']}")
    else:
        await run(tools, "inbox_ack", message_ids=[message["id"]])


async def is_over(at: Seat) -> bool:
    """Whether everything is answered, and the platform knows."""
    states = frozenset(State) - {State.DONE, State.GONE}
    page = await at.inbox.page(None, None, 100, states)
    unsent = await at.inbox.outbox.unsent()
    return not page.items and not unsent


async def until(session: Session, so: Callable[[], bool]) -> None:
    """Wait until it is so, looking whenever the session rings."""
    while not so():
        bell = session.bell
        if not so():
            await bell.wait()


async def run(tools: Tools, name: str, **arguments: Any) -> types.CallToolResult:
    """Call a tool as a host does."""

    async def silent(*_: object) -> None:
        pass

    return await tools.run(name, arguments, silent)


def report(said: dict[str, Any]) -> None:
    """A line for whoever gave the job, written at once."""
    os.write(1, json.dumps(said).encode() + b"\n")


async def bounded(job: Job, fate: Fate) -> None:
    """Live, but not for ever."""
    with anyio.fail_after(PATIENCE):
        await live(job, fate)


def child(job: Job) -> None:
    """A bridge with a fate."""
    fate = Fate(job.die_at)
    doom(fate)
    try:
        anyio.run(bounded, job, fate)
    except BaseException as exc:
        report({"failed": repr(exc)})
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Fork a bridge for every line, and say what became of it."""
    for line in sys.stdin:
        job = Job(**json.loads(line))
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            child(job)
        _, status = os.waitpid(pid, 0)
        report({"status": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - started})


if __name__ == "__main__":
    main()
