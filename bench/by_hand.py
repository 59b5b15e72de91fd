"""The way of a mention written by hand: a bare WebSocket that prints the id of every message it hears.

    python by_hand.py URL ROOM [mark | NUMBER]

KEY in the environment says who listens. It prints `joined` first. With `mark` it does before what a bridge
does: asks the platform what is next in the room, and marks that `processing`. With a number it prints the
last of so many alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import httpx2
from websockets.asyncio.client import ClientConnection, connect

BEAT = 20.0
"""Seconds between two signs of life."""


async def main(url: str, room: str, how: str) -> None:
    at = f"{url.replace('http', 'ws', 1)}/api/v1/socket/websocket?vsn=2.0.0&api_key={os.environ['KEY']}"
    headers = {"X-API-Key": os.environ["KEY"]}
    async with (
        connect(at, max_size=None, proxy=None, compression=None) as ws,
        httpx2.AsyncClient(base_url=f"{url}/api/v1/agent/chats/{room}", headers=headers) as http,
    ):
        await ws.send(json.dumps(["1", "1", f"chat_room:{room}", "phx_join", {}]))
        await ws.recv()
        print("joined", flush=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(beat(ws))
            if how.isdigit():
                await count(ws, int(how))
            else:
                await hear(ws, http if how == "mark" else None)


async def messages(ws: ClientConnection) -> AsyncIterator[str]:
    """The ids of what is heard."""
    async for frame in ws:
        _, _, _, event, payload = json.loads(frame)
        if event == "message_created":
            yield payload["id"]


async def hear(ws: ClientConnection, http: httpx2.AsyncClient | None) -> None:
    """Show everything."""
    async for message in messages(ws):
        await show(message, http)


async def count(ws: ClientConnection, number: int) -> None:
    """Show the last of every so many."""
    heard = 0
    async for message in messages(ws):
        heard += 1
        if heard % number == 0:
            await show(message, None)


async def show(message: str, http: httpx2.AsyncClient | None) -> None:
    """Print it, and end it behind that, so that the next is first again."""
    if http:
        (await http.get("/messages", params={"page": 1, "page_size": 100})).json()
        (await http.post(f"/messages/{message}/processing")).raise_for_status()
    print(message, flush=True)
    if http:
        (await http.post(f"/messages/{message}/processed")).raise_for_status()


async def beat(ws: ClientConnection) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await ws.send(json.dumps([None, "2", "phoenix", "heartbeat", {}]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], "".join(sys.argv[3:])))
