"""The stdio wire: one JSON-RPC message a line, on pipes that belong to the protocol alone.

The event loop reads and writes the pipes itself; the SDK's transport hops to a thread for every line.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from typing import BinaryIO, Self

import anyio
import mcp_types as types
from anyio.lowlevel import checkpoint
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage

LONGEST_LINE = 16 * 2**20
"""Bytes of one message; what is longer ends the connection."""

logger = logging.getLogger(__name__)

Streams = tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]]


@asynccontextmanager
async def opened(wire_in: BinaryIO, wire_out: BinaryIO) -> AsyncGenerator[Streams]:
    """The wire as the SDK takes it; the first stream ends when the host closes either side.

    A host that cannot hear is gone, even if somebody holds its end of our stdin open.
    """
    if not _can_be_waited_for(wire_in, wire_out):
        async with _threaded(wire_in, wire_out) as streams:
            yield streams
        return
    async with _reader(wire_in) as (lines, reading), _writer(wire_out, reading) as (out, deaf):
        yield _FromHost(lines, deaf), _ToHost(out)


@asynccontextmanager
async def _threaded(wire_in: BinaryIO, wire_out: BinaryIO) -> AsyncGenerator[Streams]:
    """Files, terminals and Windows handles cannot be waited for by the loop; the SDK's threads can.

    Leaving it waits until the host writes once more or closes its side.
    """
    try:
        async with (
            anyio.wrap_file(_text(wire_in)) as lines_in,
            anyio.wrap_file(_text(wire_out)) as lines_out,
            stdio_server(lines_in, lines_out) as streams,
        ):
            yield streams
    except* BrokenPipeError:
        logger.info("the host reads no more")


class _Stream:
    """What the SDK asks of a stream besides its messages."""

    async def aclose(self) -> None:
        """Nothing: the wire is closed where it was opened."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _FromHost(_Stream):
    """What the host says."""

    def __init__(self, lines: asyncio.StreamReader, deaf: anyio.Event) -> None:
        self._lines, self._deaf = lines, deaf

    async def receive(self) -> SessionMessage | Exception:
        """The next message, or what is wrong with it. Raises `anyio.EndOfStream`."""
        await checkpoint()  # many lines may be there, and each begins something
        try:
            line = await self._lines.readline()
        except ValueError:
            logger.error("a message of more than %d bytes ends the connection", LONGEST_LINE)
            line = b""
        if not line or self._deaf.is_set():
            raise anyio.EndOfStream
        return _message(line)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class _ToHost(_Stream):
    """What the host is told."""

    def __init__(self, out: asyncio.StreamWriter) -> None:
        self._out = out

    async def send(self, said: SessionMessage) -> None:
        """Say it, once the host has read most of what was said before.

        Raises `anyio.BrokenResourceError` if it reads no more.
        """
        if self._out.is_closing():
            raise anyio.BrokenResourceError
        self._out.write(said.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
        try:
            await self._out.drain()
        except ConnectionError as exc:
            raise anyio.BrokenResourceError from exc


def _message(line: bytes) -> SessionMessage | ValueError:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as exc:
        return exc


@asynccontextmanager
async def _reader(wire: BinaryIO) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.ReadTransport]]:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, wire)
    try:
        yield reader, transport
    finally:
        transport.close()


class _Hearing(asyncio.StreamReaderProtocol):
    """Brings the flow control of a writer. When the host has closed its end, `reading` ends, too."""

    def __init__(self, reading: asyncio.ReadTransport) -> None:
        super().__init__(asyncio.StreamReader())
        self._reading = reading
        self.deaf = anyio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.deaf.set()
        if not self._reading.is_closing():
            logger.info("the host reads no more")
            self._reading.close()


@asynccontextmanager
async def _writer(
    wire: BinaryIO, reading: asyncio.ReadTransport
) -> AsyncGenerator[tuple[asyncio.StreamWriter, anyio.Event]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(lambda: _Hearing(reading), wire)
    try:
        yield asyncio.StreamWriter(transport, protocol, None, loop), protocol.deaf
    finally:
        reading.close()
        transport.close()
        await protocol.deaf.wait()  # until then it writes what the host has not read yet


def _can_be_waited_for(wire_in: BinaryIO, wire_out: BinaryIO) -> bool:
    if not (_is_pipe(wire_in) and _is_pipe(wire_out)):
        return False
    # The loop's writer takes anything that can be read from its own socket for the host's end.
    return not os.path.sameopenfile(wire_in.fileno(), wire_out.fileno())


def _is_pipe(wire: BinaryIO) -> bool:
    mode = os.fstat(wire.fileno()).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _text(wire: BinaryIO) -> TextIOWrapper:
    return TextIOWrapper(wire, encoding="utf-8", errors="replace", newline="\n")
