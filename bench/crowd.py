"""Many WebSockets in one process, which read as little of what they are sent as they can.

    python bench/crowd.py HOST:PORT MARK < PATHS AND FRAMES

Reads a line of JSON for each socket, `[path, first frame or null]`, and opens them all. Prints `ready` when
each has been sent as much as it was to wait for, and then the time (monotonic, in seconds) at which the last
of them had the first, the second, the third frame with the mark in it, and so on.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: crowd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MASK = bytes(4)  # of zeros, so that masking changes nothing
TEXT, PING, PONG = 0x1, 0x9, 0xA
OPENING = 50  # sockets that are being opened at a time


def frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + MASK + payload


class Crowd:
    """Counts who has had how many of the marked frames."""

    def __init__(self, mark: bytes, size: int) -> None:
        self.mark, self._size = mark, size
        self._heard: Counter[int] = Counter()

    def heard(self, nth: int) -> None:
        self._heard[nth] += 1
        if self._heard[nth] == self._size:
            print(time.monotonic(), flush=True)


class Listener(asyncio.Protocol):
    """One socket. `ready` is set once its upgrade, and its first frame if it has one, are answered."""

    transport: asyncio.Transport

    def __init__(self, crowd: Crowd, path: str, first: str | None) -> None:
        self._crowd, self._path, self._first = crowd, path, first
        self._data, self._is_open, self._marked = b"", False, 0
        self.ready = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(UPGRADE.format(path=self._path).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        sys.exit("a socket was closed")

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_open:
            self._upgraded()
        while self._is_open and (found := self._next()):
            self._on_frame(*found)

    def _upgraded(self) -> None:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if end:
            assert head.startswith(b"HTTP/1.1 101"), head
            self._is_open, self._data = True, rest
            if self._first is None:
                self.ready.set()
            else:
                self.transport.write(frame(TEXT, self._first.encode()))

    def _next(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        start, length = 2, data[1]
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            return None
        self._data = data[start + length :]
        return data[0] & 0xF, data[start : start + length]

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif self._crowd.mark in payload:
            self._marked += 1
            self._crowd.heard(self._marked)
        else:
            self.ready.set()


async def main(address: str, mark: str) -> None:
    host, _, port = address.rpartition(":")
    wanted = [json.loads(line) for line in sys.stdin]
    crowd, opening = Crowd(mark.encode(), len(wanted)), asyncio.Semaphore(OPENING)
    loop = asyncio.get_running_loop()

    async def enter(path: str, first: str | None) -> None:
        async with opening:
            _, one = await loop.create_connection(lambda: Listener(crowd, path, first), host, int(port))
            await one.ready.wait()

    await asyncio.gather(*(enter(path, first) for path, first in wanted))
    print("ready", flush=True)
    await loop.create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
