"""Replicas of a hosted bridge, processes of their own on one Postgres, that can be killed and stopped."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process

from tests.faults.bridges import Sockets
from tests.hosting.team import host, read, serving, shown
from tests.world import Somebody, World, say, world
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import ListMyMessages

PATIENCE = 60.0
"""Seconds anything takes at most; TimeoutError after that."""


@dataclass(frozen=True)
class Served:
    """One replica."""

    url: str
    process: Process | None = None

    async def tool(self, who: Somebody, name: str, **arguments: Any) -> dict[str, Any]:
        """What a tool says to a host of somebody's that comes and goes."""
        with anyio.fail_after(PATIENCE):
            async with host(self, who.key) as llm:
                return await shown(llm, name, **arguments)

    async def handed(self, who: Somebody, seconds: int = 30) -> list[str]:
        """The ids of what a wait is handed."""
        said = await self.tool(who, "inbox_wait", timeout_s=seconds)
        return [message["id"] for message in said["messages"]]

    async def status(self, who: Somebody) -> dict[str, Any]:
        with anyio.fail_after(PATIENCE):
            async with host(self, who.key) as llm:
                return await read(llm, "thenvoi://status")

    async def until(self, who: Somebody, so: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the status is so."""
        with anyio.fail_after(PATIENCE):
            while not so(await self.status(who)):  # noqa: ASYNC110 - another process
                await anyio.sleep(0.1)

    async def live(self, who: Somebody, *, here: bool | None = None) -> None:
        """Wait until somebody's messages arrive, by a socket of this replica's or of another one's."""
        await self.until(
            who, lambda is_: is_["connection"] == "live" and here in (None, is_["socket"]["here"])
        )

    async def send(self, what: signal.Signals) -> None:
        """Send its process a signal; wait for its end where that is what comes of it."""
        assert self.process
        self.process.send_signal(what)
        if what in (signal.SIGTERM, signal.SIGKILL):
            await self.process.wait()


@dataclass
class Stage:
    """A platform with a room of Alice and her agent Scout, a Postgres, and replicas that come and go."""

    here: World
    sockets: Sockets
    alice: Somebody
    scout: Somebody
    room: ChatRoom
    database: str
    folder: Path
    replicas: AsyncExitStack

    async def start(self) -> Served:
        """One more replica, a process of its own."""
        new = replica(self.here.url, self.database, self.folder / "state")
        return await self.replicas.enter_async_context(new)

    async def start_here(self) -> Served:
        """One more in this process, which lasts as long as the stage."""
        new = serving(self.here, self.folder / "state", database=self.database)
        return Served((await self.replicas.enter_async_context(new)).url)

    async def pair(self, start: Callable[[], Awaitable[Served]]) -> tuple[Served, Served]:
        """Two replicas, of which the first one receives for Scout."""
        one = await start()
        await one.live(self.scout, here=True)
        other = await start()
        await other.live(self.scout, here=False)
        return one, other

    async def mention(self, text: str = "hi", room: ChatRoom | None = None) -> str:
        """Alice mentions Scout; the message's id."""
        return (await say(self.alice, room or self.room, self.scout, text)).id

    async def answers(self) -> list[str]:
        """What Scout has said in the room."""
        said = (await self.alice.call(ListMyMessages(chat_id=self.room.id, page_size=100))).data
        ours = [message.content for message in said if message.sender_id == self.scout.id]
        return [text.rpartition("]] ")[2] for text in ours]


@asynccontextmanager
async def stage(database: str, folder: Path) -> AsyncGenerator[Stage]:
    sockets = Sockets()
    async with (
        world(folder / "platform", around=sockets.around) as here,
        AsyncExitStack() as replicas,
    ):
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        room = await here.room(alice, scout)
        yield Stage(here, sockets, alice, scout, room, database, folder, replicas)


@asynccontextmanager
async def replica(platform: str, database: str, state: Path) -> AsyncGenerator[Served]:
    """One process until the end of the block, however it ends."""
    environ = {
        **os.environ,
        "THENVOI_BASE_URL": platform,
        "THENVOI_DATABASE": database,
        "THENVOI_STATE_DIR": str(state),
        "THENVOI_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "thenvoi_bridge", "serve", "--port", "0"]
    async with await anyio.open_process(command, env=environ) as process:
        assert process.stderr
        with anyio.fail_after(PATIENCE):
            said = (await process.stderr.receive()).decode()
        url = said.removeprefix("Thenvoi Bridge on ").removesuffix("/mcp (Ctrl-C ends it)\n")
        yield Served(url, process)
        if process.returncode is None:
            process.kill()
