"""The least of an HTTP client: one connection that is kept, requests that were rendered before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit


def rendered(url: str, key: str, method: str, path: str, body: Any = None) -> bytes:
    """A request as it goes over the wire."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nX-API-Key: {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


class Line:
    """A connection to a server."""

    def __init__(self, read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
        self._read, self._write = read, write

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, which must be a success."""
        self._write.write(request)
        head = (await self._read.readuntil(b"\r\n\r\n")).lower()
        assert head[9:10] == b"2", head
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return await self._read.readexactly(length)


class Lines:
    """Some connections; whoever asks takes one that is free."""

    def __init__(self, lines: list[Line]) -> None:
        self._free = lines

    async def ask(self, request: bytes) -> bytes:
        """As `Line.ask`. There must be one."""
        line = self._free.pop()
        answer = await line.ask(request)
        self._free.append(line)
        return answer


@asynccontextmanager
async def lines(url: str, number: int) -> AsyncGenerator[Lines]:
    """So many connections."""
    where = urlsplit(url)
    async with AsyncExitStack() as closings:
        made = []
        for _ in range(number):
            read, write = await asyncio.open_connection(where.hostname, where.port)
            closings.callback(write.close)
            made.append(Line(read, write))
        yield Lines(made)
