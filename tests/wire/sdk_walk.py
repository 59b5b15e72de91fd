"""An agent on an installed official SDK: it thinks, then answers everybody who mentions it.

    python -m tests.wire.sdk_walk PACKAGE URL

AGENT_ID and KEY in the environment say who it is. `{"is": "connected"}` and then one line of JSON for each
answer come out; the end of the input is the end of the agent.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import Any


def agent_of(sdk: Any, url: str) -> Any:
    class Parrot(importlib.import_module(f"{sdk.__name__}.core").SimpleAdapter):  # type: ignore[misc]
        async def on_message(self, msg: Any, tools: Any, *seen: Any, **more: Any) -> None:
            await tools.send_event("I know this one", "thought")
            await tools.send_message(f"You said: {msg.content}", mentions=[msg.sender_id])
            print(json.dumps({"is": "answered", "id": msg.id}), flush=True)

    return sdk.Agent.create(
        adapter=Parrot(),
        agent_id=os.environ["AGENT_ID"],
        api_key=os.environ["KEY"],
        ws_url=f"{url.replace('http', 'ws')}/api/v1/socket/websocket",
        rest_url=url,
    )


async def main(package: str, url: str) -> None:
    async with agent_of(importlib.import_module(package), url):
        print(json.dumps({"is": "connected"}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
