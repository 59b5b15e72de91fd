"""The stdio wire: one JSON-RPC message a line, on pipes that belong to the protocol alone.

The event loop reads and writes the pipes itself; the SDK's transport hops to a thread for every line.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import TextIOWrapper
from typing import BinaryIO

import anyio
import mcp_types as types
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
    to_server, from_host = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_host, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    async with (
        _reader(wire_in) as lines,
        _writer(wire_out) as (out, deaf),
        anyio.create_task_group() as writing,
    ):
        writing.start_soon(_write, from_server, out)
        async with to_host, anyio.create_task_group() as reading:
            reading.start_soon(_read, lines, to_server, deaf)
            yield from_host, to_host
            reading.cancel_scope.cancel()


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


async def _read(
    lines: AsyncIterator[bytes],
    to_server: anyio.abc.ObjectSendStream[SessionMessage | Exception],
    deaf: anyio.Event,
) -> None:
    async with to_server, anyio.create_task_group() as tasks:
        tasks.start_soon(_until_deaf, deaf, tasks.cancel_scope)
        try:
            async for line in lines:
                await to_server.send(_message(line))
        except ValueError:
            logger.error("a message of more than %d bytes ends the connection", LONGEST_LINE)
        except anyio.BrokenResourceError:
            pass  # the server ends and takes no more
        tasks.cancel_scope.cancel()


async def _until_deaf(deaf: anyio.Event, reading: anyio.CancelScope) -> None:
    await deaf.wait()
    logger.info("the host reads no more")
    reading.cancel()


def _message(line: bytes) -> SessionMessage | ValueError:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as exc:
        return exc


async def _write(
    from_server: anyio.abc.ObjectReceiveStream[SessionMessage], out: asyncio.StreamWriter
) -> None:
    async with from_server:
        with suppress(ConnectionError):
            async for said in from_server:
                out.write(said.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await out.drain()


@asynccontextmanager
async def _reader(wire: BinaryIO) -> AsyncGenerator[AsyncIterator[bytes]]:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, wire)
    try:
        yield reader
    finally:
        transport.close()


class _Hearing(asyncio.StreamReaderProtocol):
    """Brings the flow control of a writer, and `deaf`, which is set when the host has closed its end."""

    def __init__(self) -> None:
        super().__init__(asyncio.StreamReader())
        self.deaf = anyio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.deaf.set()


@asynccontextmanager
async def _writer(wire: BinaryIO) -> AsyncGenerator[tuple[asyncio.StreamWriter, anyio.Event]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(_Hearing, wire)
    try:
        yield asyncio.StreamWriter(transport, protocol, None, loop), protocol.deaf
    finally:
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
