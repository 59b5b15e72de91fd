"""The platform on this computer: found if it runs, started if not, with an agent for this host on it.

It is started as a process of its own, which ends by itself some minutes after its last use, so that several
hosts share one platform and none of them owns it.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread
from filelock import AsyncFileLock, Timeout

from thenvoi_bridge import settings
from thenvoi_bridge.bridge.endpoint import CannotLocate as CannotLocate  # commands catch it, too
from thenvoi_bridge.bridge.endpoint import Endpoint
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.identity import GetMyProfile
from thenvoi_bridge.contract.system import Health
from thenvoi_bridge.inbox.privacy import NotPrivate, private_folder

IDLE = 300
"""Seconds after its last use at which the local platform ends."""

START = 30.0
"""Seconds the local platform may take to start."""

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Person:
    """The one person of a platform: where that is, the folder of its data, and the person's id."""

    url: str
    data: Path
    id: str


class LocalPlatform:
    """The platform whose data and keys are in one private folder of this account."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data, self._address = folder / "platform", folder / "address"

    async def locate(self, host: str) -> Endpoint:
        """The running platform, with the key of the agent named after the host. Raises `CannotLocate`."""
        return await self._reached(partial(self._agent, host))

    async def person(self) -> Person:
        """The running platform and its one person, for whom there is a console. Raises `CannotLocate`."""
        return await self._reached(self._person)

    async def _reached(self, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        """What the platform answers, which is started if need be."""
        try:
            await to_thread.run_sync(private_folder, self._folder)
            async with AsyncFileLock(self._folder / "lock", timeout=START):
                return await ask(await self.running() or await self._start())
        except Timeout as exc:
            raise CannotLocate("Another process is starting the local platform and does not finish") from exc
        except (OSError, NotPrivate, ThenvoiError, subprocess.CalledProcessError) as exc:
            logger.warning("local platform: %s", exc)
            raise CannotLocate("The local platform cannot be used; the bridge's log says why") from exc

    async def running(self) -> str | None:
        """The address of the platform, if it answers there. Starts nothing. Raises `OSError`."""
        from thenvoi_bridge.client import Client

        url = _text(self._address)
        if url is None:
            return None
        try:
            async with Client(url, "", attempts=1, timeout=3.0) as client:
                await client(Health())
        except ThenvoiError:
            return None
        return url

    async def _start(self) -> str:
        """Start the platform, on the port it had before if that is free, and wait until it answers."""
        port = (_text(self._address) or ":0").rpartition(":")[2]
        self._address.unlink(missing_ok=True)
        process = await to_thread.run_sync(self._spawn, port)
        with anyio.move_on_after(START):
            while process.poll() is None:
                if url := _text(self._address):
                    logger.info("started the local platform on %s", url)
                    return url
                await anyio.sleep(0.05)
        if process.poll() is not None and port != "0":
            return await self._start()  # somebody else has that port now
        raise CannotLocate("The local platform did not start; platform.log in the state folder says why")

    def _spawn(self, port: str) -> subprocess.Popen[bytes]:
        # A line for each request would make its log grow for ever.
        rest = ["--address-file", str(self._address), "--exit-when-idle", str(IDLE), "--log-level", "warning"]
        with (self._folder / "platform.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [*_COMMAND, "serve", "--data", str(self._data), "--port", port, *rest],
                stdin=subprocess.DEVNULL,
                env=settings.of_local(),
                stdout=log,
                stderr=log,
                start_new_session=True,  # it outlives this host
            )

    async def _agent(self, host: str, url: str) -> Endpoint:
        return Endpoint(url, agent_key=await self._agent_key(url, host), local=True)

    async def _person(self, url: str) -> Person:
        from thenvoi_bridge.client import Client

        async with Client(url, await self._person_key()) as client:
            return Person(url, self._data, (await client(GetMyProfile())).id)

    async def _person_key(self) -> str:
        if kept := _text(self._folder / "person.key"):
            return kept
        return await to_thread.run_sync(self._add_person)

    async def _agent_key(self, url: str, host: str) -> str:
        """The key of the host's agent, which is registered when the host comes for the first time."""
        from thenvoi_bridge.client import Client

        kept = self._folder / "agents" / f"{host.encode().hex()}.key"
        if key := _text(kept):
            return key
        async with Client(url, await self._person_key()) as client:
            made = await client(RegisterMyAgent(name=host, description=f"{host} on this computer"))
        await to_thread.run_sync(partial(_keep, kept, made.credentials.api_key))
        return made.credentials.api_key

    def _add_person(self) -> str:
        """Make the one person of this platform: whoever uses this computer."""
        name = _user_name()
        new = ["--email", f"{name}@localhost", "--name", name, "--org", "local", "--json"]
        command = [*_COMMAND, "user", "add", "--data", str(self._data), *new]
        done = subprocess.run(  # noqa: S603 - our own
            command, check=True, capture_output=True, text=True, env=settings.of_local()
        )
        key: str = json.loads(done.stdout)["api_key"]
        _keep(self._folder / "person.key", key)
        return key


_COMMAND = [sys.executable, "-m", "thenvoi_bridge", "platform"]


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "you"


def _text(path: Path) -> str | None:
    """What a small file says, None if it is missing or empty."""
    return path.read_text() or None if path.exists() else None


def _keep(path: Path, key: str) -> None:
    """Keep a key for this account's eyes only."""
    private_folder(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
