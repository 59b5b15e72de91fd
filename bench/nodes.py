"""How long a message takes from a POST at one node to the frame at a socket of another, by who rings.

    uv run python -m bench.nodes [ADDRESS]

Two nodes are real processes on one Postgres: the one at ADDRESS, an empty database, or else one of the tests'
own. All ways take turns in one run: the socket at the node of the POST, for comparison; the bell of Postgres;
that and NATS; NATS alone; and polling alone, with every bell cut. Prints a line for each, in milliseconds.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx2

from tests import natsd, postgres
from tests.machine import free_port
from tests.platform.line import Line, called
from thenvoi_bridge.platform import app
from thenvoi_bridge.platform.administration import add_agent, add_user, administer
from thenvoi_bridge.platform.bells import Carrier, carriers
from thenvoi_bridge.platform.log import Bell
from thenvoi_bridge.platform.serving import publish, serve
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform

ROUNDS = 3
MESSAGES = 100
"""In each round of each way."""

WAYS = {
    "the same node": "PostgresBell",
    "bell of Postgres": "PostgresBell",
    "Postgres and NATS": "PostgresBell,NatsBell",
    "NATS alone": "NatsBell",
    "polling alone": "none",
}


def node(data: str, database: str, nats: str, address: str, kinds: str) -> None:
    """Be a node that has only these carriers of the bell."""

    def chosen(site: Site, bell: Bell) -> list[Carrier]:
        return [one for one in carriers(site, bell) if type(one).__name__ in kinds.split(",")]

    vars(app)["carriers"] = chosen  # there is no setting for that, since nobody would want fewer
    settings = Platform(database=database, nats=nats, connects=0, idle=0)
    ready = partial(publish, Path(address))
    with bind("127.0.0.1", 0) as listener:
        anyio.run(lambda: serve(Path(data), listener, settings, ready=ready))


@contextmanager
def started(data: Path, database: str, nats: str, kinds: str) -> Iterator[str]:
    """A node as a process of its own, once it answers; its URL."""
    address = data / f"address-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "bench.nodes", "node", str(data), database, nats, str(address), kinds]
    with subprocess.Popen(command) as process:
        while not address.exists() and process.poll() is None:
            time.sleep(0.02)
        try:
            yield address.read_text()
        finally:
            process.terminate()


async def peopled(data: Path, database: str) -> tuple[str, dict[str, Any]]:
    """A person's key, and an agent."""
    async with app.opened(data, database) as (db, keys):
        name = f"p{time.monotonic_ns()}"
        add = partial(add_user, email=f"{name}@acme.example", name="Ann Poe", organization="Acme")
        person = await administer(db, keys, add)
        agent = partial(add_agent, owner=person["id"], name="Scout", description="listens")
        return person["api_key"], await administer(db, keys, agent)


@asynccontextmanager
async def listening(url: str, key: str, room: str) -> AsyncGenerator[Line]:
    async with called(url, {"api_key": key}) as it:
        await it.join(f"chat_room:{room}")
        yield it


async def measured(speaking: str, hearing: str, key: str, agent: dict[str, Any]) -> list[float]:
    """Milliseconds from each POST, as it is sent, to its frame."""
    async with httpx2.AsyncClient(base_url=f"{speaking}/api/v1/me", headers={"X-API-Key": key}) as http:
        room = (await http.post("/chats", json={"chat": {}})).json()["data"]["id"]
        await http.post(
            f"/chats/{room}/participants",
            json={"participant": {"participant_id": agent["id"], "role": "member"}},
        )
        body = {"message": {"content": "hello", "mentions": [{"id": agent["id"]}]}}
        taken = []
        async with listening(hearing, agent["api_key"], room) as it:
            for _ in range(MESSAGES):
                await anyio.sleep(random.uniform(0.02, 0.27))
                before = time.perf_counter()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(partial(http.post, f"/chats/{room}/messages", json=body))
                    await it.event("message_created")
                    taken.append((time.perf_counter() - before) * 1000)
        return taken


def shown(way: str, taken: list[float]) -> str:
    cuts = statistics.quantiles(taken, n=100)
    return f"{way:18} p50 {cuts[49]:6.1f}  p99 {cuts[98]:6.1f}  longest {max(taken):6.1f} ms"


async def main(server: str) -> None:
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as folder, natsd.server(free_port()) as nats:
        key, agent = await peopled(Path(folder), server)
        for _ in range(ROUNDS):
            for way, kinds in WAYS.items():
                with ExitStack() as stack:
                    a, b = (stack.enter_context(started(Path(folder), server, nats, kinds)) for _ in "ab")
                    taken[way] += await measured(a, a if way == "the same node" else b, key, agent)
                print(".", end="", file=sys.stderr, flush=True)
    for way, times in taken.items():
        print(shown(way, times))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "error")
    if sys.argv[1:2] == ["node"]:
        node(*sys.argv[2:])
    elif sys.argv[1:]:
        anyio.run(main, sys.argv[1])
    else:
        with postgres.server() as own:
            anyio.run(main, own)
