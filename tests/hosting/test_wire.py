"""The stdio wire on real pipes, on sockets as some hosts use them, and on files."""

import json
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import mcp_types as types
import pytest
from anyio import to_thread
from mcp.shared.message import SessionMessage

from thenvoi_bridge.hosting import wire

PATIENCE = 20.0  # seconds until a stuck test fails
Ends = tuple[BinaryIO, BinaryIO]
Make = Callable[[], tuple[Ends, Ends]]


def message(number: int, size: int = 0) -> SessionMessage:
    params = {"number": number, "text": "ß" * size}
    return SessionMessage(types.JSONRPCNotification(jsonrpc="2.0", method="note", params=params))


def line(number: int, size: int = 0) -> bytes:
    return json.dumps(message(number, size).message.model_dump(by_alias=True)).encode() + b"\n"


def number_in(item: SessionMessage | Exception) -> Any:
    assert isinstance(item, SessionMessage)
    assert isinstance(item.message, types.JSONRPCNotification)
    assert item.message.params
    return item.message.params["number"]


def pipes() -> tuple[Ends, Ends]:
    """The bridge's two ends, and the host's."""
    (our_in, their_out), (their_in, our_out) = os.pipe(), os.pipe()
    return (_reads(our_in), _writes(our_out)), (_reads(their_in), _writes(their_out))


def sockets() -> tuple[Ends, Ends]:
    """The same, made as Node makes the stdin and stdout of its children."""
    (our_in, their_out), (our_out, their_in) = socket.socketpair(), socket.socketpair()
    ours = (_reads(our_in.detach()), _writes(our_out.detach()))
    return ours, (_reads(their_in.detach()), _writes(their_out.detach()))


def one_socket() -> tuple[Ends, Ends]:
    """The same, made as socat and inetd make them: one socket for both ways."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fds = [os.dup(end.fileno()) for end in (ours, ours, theirs, theirs)]
    return (_reads(fds[0]), _writes(fds[1])), (_reads(fds[2]), _writes(fds[3]))


def _reads(fd: int) -> BinaryIO:
    return os.fdopen(fd, "rb", 0)  # as the bridge claims them


def _writes(fd: int) -> BinaryIO:
    return os.fdopen(fd, "wb", 0)


class Wired:
    """The bridge's streams, and the host at the other ends of the wire."""

    def __init__(self, streams: wire.Streams, said: BinaryIO, tell: BinaryIO) -> None:
        self.read: Any
        self.write: Any
        self.read, self.write = streams
        self._said, self._tell = said, tell
        self._rest = b""

    async def hear(self) -> Any:
        """The next message the host reads."""
        while b"\n" not in self._rest:
            chunk = await to_thread.run_sync(self._said.read, 2**16)
            assert chunk, "the bridge has closed its side"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)["params"]["number"]

    async def send(self, data: bytes) -> None:
        """Have the host write, however long the pipe takes."""
        rest = memoryview(data)
        while rest:
            rest = rest[await to_thread.run_sync(self._tell.write, rest) :]

    def hang_up(self) -> None:
        """Have the host close the bridge's stdin."""
        self._tell.close()

    def go_deaf(self) -> None:
        """Have the host close the bridge's stdout."""
        self._said.close()

    def die(self) -> None:
        """Have the host close everything."""
        self._said.close()
        self._tell.close()


@asynccontextmanager
async def wired(make: Make) -> AsyncGenerator[Wired]:
    ours, (said, tell) = make()
    with said, tell, anyio.fail_after(PATIENCE):
        async with wire.opened(*ours) as (read, write), read, write:
            yield Wired((read, write), said, tell)
            tell.close()


@pytest.fixture(params=[pipes, sockets])
def ends(request: pytest.FixtureRequest) -> Make:
    make: Make = request.param
    return make


async def test_messages_go_both_ways_one_a_line(ends: Make) -> None:
    async with wired(ends) as it:
        await it.send(line(1) + line(2))
        assert [number_in(await it.read.receive()) for _ in range(2)] == [1, 2]
        await it.write.send(message(3))
        await it.write.send(message(4))
        assert [await it.hear() for _ in range(2)] == [3, 4]


async def test_a_line_that_comes_in_pieces_is_one_message(ends: Make) -> None:
    async with wired(ends) as it:
        whole = line(1, size=10)
        for at in range(0, len(whole), 7):
            await it.send(whole[at : at + 7])
        assert number_in(await it.read.receive()) == 1


@pytest.mark.parametrize(
    "bad",
    [b"this is no JSON\n", b"\n", b"[]\n", b'{"jsonrpc":"2.0"}\n', b'{"jsonrpc":"2.0","method":"\xff"}\n'],
    ids=["text", "empty", "list", "neither", "no UTF-8"],
)
async def test_a_line_that_is_no_message_is_an_error_and_the_next_one_is_served(
    ends: Make, bad: bytes
) -> None:
    async with wired(ends) as it:
        await it.send(bad + line(2))
        assert isinstance(await it.read.receive(), ValueError)
        assert number_in(await it.read.receive()) == 2


async def test_windows_line_ends_are_fine(ends: Make) -> None:
    async with wired(ends) as it:
        await it.send(line(1).replace(b"\n", b"\r\n"))
        assert number_in(await it.read.receive()) == 1


async def test_the_stream_ends_when_the_host_hangs_up(ends: Make) -> None:
    async with wired(ends) as it:
        await it.send(line(1))
        it.hang_up()
        assert [number_in(item) async for item in it.read] == [1]


async def test_the_stream_ends_when_the_host_reads_no_more_and_says_nothing(ends: Make) -> None:
    async with wired(ends) as it:
        await it.send(line(1))
        assert number_in(await it.read.receive()) == 1
        it.go_deaf()
        assert [item async for item in it.read] == []


async def test_what_a_host_said_that_reads_no_more_is_left(ends: Make) -> None:
    async with wired(ends) as it:
        await it.send(line(1) + line(2))
        assert number_in(await it.read.receive()) == 1
        it.go_deaf()
        with pytest.raises(anyio.BrokenResourceError):
            await endless(it)
        assert [item async for item in it.read] == []


async def test_who_reads_many_messages_that_are_there_holds_nobody_up(ends: Make) -> None:
    async with wired(ends) as it, anyio.create_task_group() as tasks:
        await it.send(line(1) + line(2))
        assert number_in(await it.read.receive()) == 1
        worked = anyio.Event()

        async def work() -> None:
            worked.set()

        tasks.start_soon(work)
        assert number_in(await it.read.receive()) == 2
        assert worked.is_set()


@pytest.mark.parametrize("more", [b"", line(2) + line(3)], ids=["says nothing", "goes on"])
async def test_it_can_be_left_while_the_host_is_there_and(ends: Make, more: bytes) -> None:
    ours, (said, tell) = ends()
    with said, tell, anyio.fail_after(PATIENCE):
        async with wire.opened(*ours) as (read, write), read, write:
            tell.write(line(1) + more)
            assert number_in(await read.receive()) == 1
            await anyio.wait_all_tasks_blocked()


async def test_leaving_it_waits_until_the_host_has_heard_the_last_word() -> None:
    ours, (said, tell) = pipes()
    left = anyio.Event()

    async def speak() -> None:
        async with wire.opened(*ours) as (read, write), read, write:
            await write.send(message(1, size=50_000))  # more than a pipe holds
        left.set()

    with said, tell, anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            heard = await to_thread.run_sync(said.read, 1)
            await anyio.wait_all_tasks_blocked()
            assert not left.is_set()
            while not heard.endswith(b"\n"):
                heard += await to_thread.run_sync(said.read, 2**16)
            await left.wait()


async def test_a_last_message_without_a_line_end_is_still_one(ends: Make) -> None:
    async with wired(ends) as it:
        await it.send(line(1) + line(2).rstrip())
        it.hang_up()
        assert [number_in(item) async for item in it.read] == [1, 2]


async def test_a_mebibyte_passes_both_ways(ends: Make) -> None:
    async with wired(ends) as it, anyio.create_task_group() as tasks:
        tasks.start_soon(it.send, line(1, size=2**20))
        assert number_in(await it.read.receive()) == 1
        tasks.start_soon(it.write.send, message(2, size=2**20))
        assert await it.hear() == 2


async def test_a_line_that_is_too_long_ends_the_connection_and_says_so(
    ends: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wire, "LONGEST_LINE", 1000)
    async with wired(ends) as it:
        await it.send(line(1) + line(2, size=1000))
        assert [number_in(item) async for item in it.read] == [1]
    assert "more than 1000 bytes" in caplog.text


async def test_a_host_that_does_not_read_makes_the_bridge_wait_and_gets_everything_in_order(
    ends: Make,
) -> None:
    async with wired(ends) as it, anyio.create_task_group() as tasks:
        sent: list[int] = []

        async def send() -> None:
            for number in range(1000):
                await it.write.send(message(number, size=1000))
                sent.append(number)

        tasks.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        assert len(sent) < 1000
        assert [await it.hear() for _ in range(1000)] == list(range(1000))


async def test_a_bridge_that_does_not_read_makes_the_host_wait_and_gets_everything_in_order(
    ends: Make,
) -> None:
    async with wired(ends) as it, anyio.create_task_group() as tasks:
        written = anyio.Event()

        async def send() -> None:
            # A multiple of what the reader keeps: twice its limit, before it stops to read the pipe.
            await it.send(b"".join(line(number, size=1000) for number in range(2000)))
            written.set()

        tasks.start_soon(send)
        assert [number_in(await it.read.receive()) for _ in range(2000)] == list(range(2000))
        await written.wait()


async def test_a_host_that_dies_with_messages_unread_is_no_crash(ends: Make) -> None:
    async with wired(ends) as it:
        await it.write.send(message(1, size=1000))
        await anyio.wait_all_tasks_blocked()
        it.die()
        assert [item async for item in it.read] == []
        with pytest.raises(anyio.BrokenResourceError):
            await endless(it)


async def endless(it: Wired) -> None:
    while True:
        await it.write.send(message(2))
        await anyio.wait_all_tasks_blocked()


async def test_one_socket_for_both_ways_works_too() -> None:
    async with wired(one_socket) as it:
        await it.send(line(1) + line(2))
        assert [number_in(await it.read.receive()) for _ in range(2)] == [1, 2]
        await it.write.send(message(3))
        assert await it.hear() == 3
        it.die()
        assert [item async for item in it.read] == []


async def test_files_work_too(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(line(1) + b"no JSON\n" + line(2, size=5))
    wire_in = await to_thread.run_sync(lambda: (tmp_path / "in").open("rb", buffering=0))
    wire_out = await to_thread.run_sync(lambda: (tmp_path / "out").open("wb", buffering=0))
    with wire_in, wire_out, anyio.fail_after(PATIENCE):
        async with wire.opened(wire_in, wire_out) as (read, write), read, write:
            first, bad, second = [item async for item in read]
            assert (number_in(first), number_in(second)) == (1, 2)
            assert isinstance(bad, ValueError)
            await write.send(message(3, size=5))
            await write.send(message(4))
    written = (tmp_path / "out").read_bytes().splitlines()
    assert [json.loads(each)["params"]["number"] for each in written] == [3, 4]


async def test_a_host_that_reads_no_more_is_no_crash_where_threads_write(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"")
    closed, out = os.pipe()
    os.close(closed)
    wire_in = await to_thread.run_sync(lambda: (tmp_path / "in").open("rb", buffering=0))
    with wire_in, _writes(out) as wire_out, anyio.fail_after(PATIENCE):
        async with wire.opened(wire_in, wire_out) as (read, write), read, write:
            await write.send(message(1))
            await anyio.sleep_forever()
