"""A socket that says as much as it can: it lets anybody join anything, and tells rooms of many mentions.

    python bench/frames.py

prints its port. A line `ROOM NUMBER` on stdin sends so many frames, each a mention of its own, to everybody
who has joined that room, and is answered with the monotonic time at which that began. For bridges that have
their REST elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TEXT = "@scout What do you make of the figures of this week? " * 3
NOW = "2026-03-01T10:00:00.000000Z"

Joined = dict[str, dict[ServerConnection, str]]
"""Who has joined which topic, and with which reference."""


def mention(topic: str, reference: str) -> str:
    """A frame as the platform sends it."""
    said: dict[str, Any] = {"id": str(uuid4()), "chat_room_id": topic.partition(":")[2], "content": TEXT}
    said |= {"inserted_at": NOW, "updated_at": NOW, "message_type": "text", "metadata": {"mentions": []}}
    said |= {"sender_id": str(uuid4()), "sender_type": "User", "sender_name": "Person"}
    return json.dumps([reference, None, topic, "message_created", said])


async def answer(joined: Joined, ws: ServerConnection) -> None:
    """Say ok to everything, until whoever it is is killed."""
    with suppress(ConnectionClosed):
        async for frame in ws:
            reference, number, topic, event, _ = json.loads(frame)
            if event == "phx_join":
                joined.setdefault(topic, {})[ws] = reference
            said = {"status": "ok", "response": {}}
            await ws.send(json.dumps([reference, number, topic, "phx_reply", said]))
    for members in joined.values():
        members.pop(ws, None)


async def tell(joined: Joined, room: str, number: int) -> None:
    """So many frames to everybody in the room."""
    topic = f"chat_room:{room}"
    for ws, reference in [*joined[topic].items()]:
        frames = [mention(topic, reference) for _ in range(number)]
        print(time.monotonic(), flush=True)
        for frame in frames:
            await ws.send(frame)


async def main() -> None:
    joined: Joined = {}
    async with serve(lambda ws: answer(joined, ws), "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            room, number = line.split()
            await tell(joined, room, int(number))


if __name__ == "__main__":
    asyncio.run(main())
