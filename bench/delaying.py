"""A stretch of network: a proxy that lets every byte wait, in a process of its own.

    python -m bench.delaying PORT SECONDS

forwards to the port on this computer, and prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from bench.environments import ROOT


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seconds: float) -> None:
    """Bytes keep their order and wait beside each other, not for each other."""
    loop = asyncio.get_running_loop()
    while data := await source.read(1 << 16):
        loop.call_later(seconds, sink.write, data)
    loop.call_later(seconds, sink.close)


async def main(port: int, seconds: float) -> None:
    async def meet(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_in, far_out = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(near_in, far_out, seconds), carry(far_in, near_out, seconds))

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def delayed(url: str, round_trip: float) -> Generator[str]:
    """Another address for the same server, from which an answer takes so many seconds longer."""
    command = [sys.executable, "-m", "bench.delaying", url.rpartition(":")[2], str(round_trip / 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
