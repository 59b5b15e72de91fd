"""The servers that are measured beside each other, and what each is asked to do."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import anyio

from bench import environments, minimal
from bench.hosts import Host, host
from bench.stage import PATIENCE, Somebody, Stage

BRIDGE, MINIMAL, BAND = "this bridge", "minimal SDK server", "band-mcp 2.2.7"

_NUMBERS = count(1)

Call = tuple[str, dict[str, Any]]
"""A tool and its arguments."""


@dataclass(frozen=True)
class Scene:
    """An agent, a person, and a room that both are in."""

    url: str
    person: Somebody
    agent: Somebody
    room: str


@dataclass(frozen=True)
class Server:
    """How to start one, and what to ask: `reads` makes one GET, `sends` sends a text that mentions one."""

    command: tuple[str, ...]
    environ: dict[str, str]
    reads: Call
    sends: Call

    def send(self) -> Call:
        """The next text, for one that is said again may be taken for the same."""
        tool, arguments = self.sends
        return tool, arguments | {"content": f"{arguments['content']} {next(_NUMBERS)}"}

    def at(self, old: str, new: str) -> Server:
        """The same for another address of the platform."""
        return replace(self, environ={n: v.replace(old, new) for n, v in self.environ.items()})


async def scene(stage: Stage) -> Scene:
    """A person, an agent of hers, and their room."""
    person = await stage.person()
    agent = await stage.agent(person)
    return Scene(stage.url, person, agent, await stage.room(person, agent))


def servers(on: Scene, state: Path) -> dict[str, Server]:
    """All of them, each with the key of the agent."""
    return {BRIDGE: bridge(on, state), MINIMAL: least(on), BAND: band(on)}


def bridge(on: Scene, state: Path) -> Server:
    """This project's."""
    return Server(
        (str(environments.ours() / "thenvoi-bridge"),),
        environments.clean(
            THENVOI_BASE_URL=on.url, THENVOI_API_KEY=on.agent.key, THENVOI_STATE_DIR=str(state)
        ),
        ("list_participants", {"chat_id": on.room}),
        ("send_message", {"chat_id": on.room, "content": "Measured", "mentions": [on.person.id]}),
    )


def least(on: Scene) -> Server:
    """The minimal one."""
    return Server(
        (str(environments.sdk() / "python"), str(Path(minimal.__file__))),
        environments.clean(URL=on.url, KEY=on.agent.key),
        ("list_participants", {"chat_id": on.room}),
        ("send_message", {"chat_id": on.room, "content": "Measured", "mentions": [on.person.id]}),
    )


def band(on: Scene) -> Server:
    """The vendor's."""
    return Server(
        (str(environments.band() / "band-mcp"),),
        environments.clean(BAND_BASE_URL=on.url, BAND_AGENT_KEY=on.agent.key),
        ("band_get_participants", {"chat_id": on.room}),
        ("band_send_message", {"chat_id": on.room, "content": "Measured", "mentions": [on.person.id]}),
    )


@asynccontextmanager
async def at_work(server: Server) -> AsyncGenerator[Host]:
    """A server that has made its first calls; a bridge is connected."""
    async with host(list(server.command), server.environ) as it:
        await it.greet()
        await it.ask("tools/list")
        if "THENVOI_BASE_URL" in server.environ:
            await connected(it)
        await it.call(*server.reads)
        await it.call(*server.send())
        yield it


async def connected(bridge: Host) -> None:
    """Wait until a bridge hears."""
    with anyio.fail_after(PATIENCE):
        while True:
            (content,) = (await bridge.ask("resources/read", uri="thenvoi://status"))["contents"]
            if json.loads(content["text"])["connection"] == "live":
                return
            await anyio.sleep(0.02)
