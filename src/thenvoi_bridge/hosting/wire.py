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
from contextlib import asynccontextmanager
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
    """The wire as the SDK takes it; the first stream ends when the host closes its side."""
    if not _can_be_waited_for(wire_in, wire_out):
        # Files, terminals and Windows handles cannot be waited for by the loop; the SDK's threads can.
        async with (
            anyio.wrap_file(_text(wire_in)) as lines_in,
            anyio.wrap_file(_text(wire_out)) as lines_out,
            stdio_server(lines_in, lines_out) as streams,
        ):
            yield streams
        return
    to_server, from_host = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_host, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    async with _reader(wire_in) as lines, _writer(wire_out) as out, anyio.create_task_group() as tasks:
        tasks.start_soon(_read, lines, to_server)
        tasks.start_soon(_write, from_server, out)
        yield from_host, to_host


async def _read(
    lines: AsyncIterator[bytes], to_server: anyio.abc.ObjectSendStream[SessionMessage | Exception]
) -> None:
    async with to_server:
        try:
            async for line in lines:
                await to_server.send(_message(line))
        except ValueError:
            logger.error("a message of more than %d bytes ends the connection", LONGEST_LINE)


def _message(line: bytes) -> SessionMessage | ValueError:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as exc:
        return exc


async def _write(
    from_server: anyio.abc.ObjectReceiveStream[SessionMessage], out: asyncio.StreamWriter
) -> None:
    async with from_server:
        try:
            async for said in from_server:
                out.write(said.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await out.drain()
        except ConnectionError:
            logger.info("the host reads no more")


@asynccontextmanager
async def _reader(wire: BinaryIO) -> AsyncGenerator[AsyncIterator[bytes]]:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, wire)
    try:
        yield reader
    finally:
        transport.close()


@asynccontextmanager
async def _writer(wire: BinaryIO) -> AsyncGenerator[asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())  # brings the flow control of a writer
    transport, _ = await loop.connect_write_pipe(lambda: protocol, wire)
    try:
        yield asyncio.StreamWriter(transport, protocol, None, loop)
    finally:
        transport.close()


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
