"""Does with an installed `phoenix-channels-python-client` what it is told, and says what comes of it.

    python -m tests.wire.phoenix_walk URL HEARTBEAT

KEY in the environment is the API key, WAY the version of the protocol if not V2, HEARTBEAT seconds. Lines
`join TOPIC` and `leave TOPIC` go in, lines of JSON come out: {"is": what, …}. The end of the input ends it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import sys
from typing import Any

from phoenix_channels_python_client import (  # type: ignore[import-not-found]
    PhoenixChannelsProtocolVersion,
    PHXChannelsClient,
)

KEY = os.environ["KEY"]
VERSION = PhoenixChannelsProtocolVersion[os.environ["WAY"] or "V2"]
BEAT = next(name for name in inspect.signature(PHXChannelsClient).parameters if "heartbeat_interval" in name)
"""What a version calls the seconds between two heartbeats."""


class Beats(logging.Handler):
    """Old versions say nowhere else that a heartbeat was answered."""

    def emit(self, record: logging.LogRecord) -> None:
        if "acknowledged" in record.getMessage():
            say("beat")


def say(what: str, **more: object) -> None:
    print(json.dumps({"is": what, **more}), flush=True)


def why(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".replace(KEY, "KEY")


async def join(client: Any, topic: str) -> None:
    async def hear(message: Any) -> None:
        say("heard", topic=topic, event=str(message.event), payload=message.payload)

    try:
        await client.subscribe_to_topic(topic, hear)
    except Exception as exc:
        say("refused", topic=topic, why=why(exc))
    else:
        say("joined", topic=topic)


async def leave(client: Any, topic: str) -> None:
    await client.unsubscribe_from_topic(topic)
    say("left", topic=topic)


async def lost(exc: Exception | None) -> None:
    say("lost")


async def back() -> None:
    say("back")


async def main(url: str, heartbeat: str) -> None:
    options = {"protocol_version": VERSION, BEAT: float(heartbeat)}
    client = PHXChannelsClient(url, KEY, on_disconnect=lost, on_reconnect=back, **options)
    try:
        async with client:
            say("connected")
            while line := await asyncio.to_thread(sys.stdin.readline):
                do, topic = line.split()
                await {"join": join, "leave": leave}[do](client, topic)
    except Exception as exc:
        say("failed", why=why(exc))


if __name__ == "__main__":
    log = logging.getLogger("phoenix_channels_python_client")
    log.setLevel(logging.DEBUG)
    log.addHandler(Beats())
    asyncio.run(main(*sys.argv[1:]))
