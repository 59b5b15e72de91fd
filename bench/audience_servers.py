"""The servers of `audience`, each in a process of its own.

    python bench/audience_servers.py platform SOCKETS FOLDER
    python bench/audience_servers.py bare

An empty line on stdin is answered with the seconds of processor time that the process has used; the bare
server sends any other to all of its sockets.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from websockets.asyncio.server import ServerConnection, broadcast, serve

from thenvoi_bridge.platform import participants
from thenvoi_bridge.platform.administration import add_agent, add_user, administer, find
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rooms import room
from thenvoi_bridge.platform.serving import served
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform


async def tell_cpu(others: Any = None) -> None:
    async for line in anyio.wrap_file(sys.stdin):
        if line.strip():
            others(line.strip())
        else:
            print(time.process_time(), flush=True)


def populated(tx: Change, people: int) -> dict[str, Any]:
    """A room with so many people and an agent, which is whom the messages mention."""
    add = partial(add_user, tx, organization="Crowd")
    somebody = [add(email=f"p{nth}@crowd.example", name=f"Person {nth}") for nth in range(people)]
    owner = somebody[0]
    agent = add_agent(tx, owner=owner["id"], name="Scout", description="Looks things up")
    chat_id = tx.new_id()
    tx.run(
        "INSERT INTO chats (id, title, last_at, inserted_at, updated_at) VALUES (?, 'Crowd', ?, ?, ?)",
        chat_id, tx.now, tx.now, tx.now,
    )  # fmt: skip
    for one in (*somebody, agent):
        participants.enter(tx, room(tx, chat_id), one["id"], "owner" if one is owner else "member")
    mention = {"mention": find(tx, agent["id"])["handle"], "id": agent["id"]}
    return {**mention, "room": chat_id, "key": owner["api_key"], "keys": [s["api_key"] for s in somebody]}


async def platform(people: int, folder: Path) -> None:
    async with opened(folder) as (db, keys):
        known = await administer(db, keys, partial(populated, people=people))
    listener = bind("127.0.0.1", 0)
    async with served(folder, listener, Platform(idle=0)) as it:
        print(json.dumps({**known, "address": it.url.removeprefix("http://")}), flush=True)
        await tell_cpu()


async def bare() -> None:
    everybody: set[ServerConnection] = set()

    async def hold(ws: ServerConnection) -> None:
        everybody.add(ws)
        await ws.wait_closed()

    async with serve(hold, "127.0.0.1", 0, compression=None) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        print(f"{host}:{port}", flush=True)
        await tell_cpu(partial(broadcast, everybody))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["platform", people, folder]:
            anyio.run(platform, int(people), Path(folder))
        case _:
            anyio.run(bare)
