"""A platform in a process of its own, and people, agents and rooms on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from bench.environments import ROOT, clean
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.participants import AddMyParticipant

PLATFORM = (sys.executable, "-m", "thenvoi_bridge", "platform")
PATIENCE = 60.0
"""Seconds that anything on the way to a measurement may take."""


@dataclass(frozen=True)
class Somebody:
    """A person or an agent, with a client."""

    id: str
    key: str
    call: Client


class Stage:
    """A platform that runs."""

    def __init__(
        self, url: str, pid: int, folder: Path, environ: dict[str, str], clients: AsyncExitStack
    ) -> None:
        self.url, self.pid, self.folder = url, pid, folder
        self._environ, self._clients = environ, clients
        self._people = 0

    async def person(self) -> Somebody:
        """A new one, in the one organisation there is."""
        self._people += 1
        name = f"Person {self._people}"
        email = f"person{self._people}@bench.example"
        add = ("user", "add", "--data", str(self.folder), "--email", email, "--name", name)
        said = await self.administer(*add, "--org", "Bench", "--json")
        made = json.loads(said)
        return Somebody(made["id"], made["api_key"], await self.client(made["api_key"]))

    async def agent(self, owner: Somebody, name: str = "Scout") -> Somebody:
        """A new agent of somebody's."""
        made = await owner.call(RegisterMyAgent(name=name, description="Is measured"))
        key = made.credentials.api_key
        return Somebody(made.agent.id, key, await self.client(key))

    async def room(self, owner: Somebody, *members: Somebody) -> str:
        """A room of somebody's, with these in it."""
        room = await owner.call(CreateMyChat())
        for member in members:
            await owner.call(AddMyParticipant(chat_id=room.id, participant_id=member.id))
        return room.id

    async def client(self, key: str) -> Client:
        """A REST client."""
        return await self._clients.enter_async_context(Client(self.url, key))

    async def administer(self, *arguments: str) -> bytes:
        """Run a command of administration; what it says."""
        done = await anyio.run_process([*PLATFORM, *arguments], env=self._environ, cwd=ROOT)
        return done.stdout


@asynccontextmanager
async def stage(database: str | None = None, at: Path | None = None) -> AsyncGenerator[Stage]:
    """A platform without limits until the end of the block, on a file (in this folder) or this Postgres."""
    with TemporaryDirectory(dir=at) as home:
        folder = Path(home) / "platform"
        environ = clean(**({"THENVOI_PLATFORM_DATABASE": database} if database else {}))
        at = folder.with_name("address")
        serve = [*PLATFORM, "serve", "--data", str(folder), "--port", "0", "--address-file", str(at)]
        limits = ["--connects", "0", "--max-turns", "0", "--log-level", "error"]
        process = subprocess.Popen([*serve, *limits], env=environ, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            async with AsyncExitStack() as clients:
                yield Stage(await _address(at, process), process.pid, folder, environ, clients)
        finally:
            process.terminate()
            process.wait()


async def _address(file: Path, process: subprocess.Popen[bytes]) -> str:
    with anyio.fail_after(PATIENCE):
        while not file.exists():  # another process makes it
            assert process.poll() is None, "the platform has ended"
            await anyio.sleep(0.02)
    return file.read_text()
