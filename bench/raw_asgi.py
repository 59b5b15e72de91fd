"""What any ASGI server has to do for a POST: read it, parse it, answer with as much. Nothing is kept.

    python -m bench.raw_asgi

prints the address it serves, and serves.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import Receive, Scope, Send

from bench.environments import ROOT, clean
from thenvoi_bridge.ports import address, bind

ANSWER = {
    "data": {"id": "0" * 36, "success": True, "recipients": [{"id": "0" * 36, "handle": "person/scout"}]}
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    json.loads(body or b"{}")
    answer = json.dumps(ANSWER).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 201, "headers": head})
    await send({"type": "http.response.body", "body": answer})


@contextmanager
def served() -> Generator[tuple[str, int]]:
    """Its address and process, until the end of the block."""
    command = [sys.executable, "-m", "bench.raw_asgi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=clean()) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.kill()


def main() -> None:
    config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None)  # as the platform's
    listener = bind("127.0.0.1", 0)
    print(address(listener), flush=True)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
