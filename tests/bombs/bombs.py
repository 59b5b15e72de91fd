"""Requests and frames that are meant to use a platform up, each with what must come of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import repeat

import anyio
import httpx2
from anyio.abc import ByteStream
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.platform.line import Line, called

Throw = Callable[["Target"], Awaitable[str]]

BOMBS: dict[str, tuple[Throw, str]] = {}
"""By name, with the status or the close code that is the answer, or `slowed` for what is read more slowly."""

LETTERS = b"x" * 1000


@dataclass(frozen=True)
class Target:
    """The platform, and somebody's key, room and agent there. `rooms` are more rooms of theirs."""

    url: str
    key: str
    room: str
    agent: str
    rooms: list[str]

    @property
    def head(self) -> bytes:
        """A request of theirs that opens a room, up to the headers that say how long it is."""
        return f"POST /api/v1/me/chats HTTP/1.1\r\nHost: x\r\nX-API-Key: {self.key}\r\n".encode()

    async def post(self, body: bytes, **headers: str) -> str:
        """The status for a message of theirs with this body."""
        path = f"{self.url}/api/v1/me/chats/{self.room}/messages"
        async with httpx2.AsyncClient(timeout=60) as http:
            answer = await http.post(path, content=body, headers={"X-API-Key": self.key, **headers})
        return str(answer.status_code)

    async def raw(self, pieces: Iterable[bytes], pause: float = 0.0) -> str:
        """The status for these bytes, which may be endless, with so many seconds between them."""
        port = int(self.url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream, anyio.create_task_group() as tasks:
            tasks.start_soon(_send, stream, pieces, pause)
            heard = b""
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while True:
                    heard += await stream.receive()
            tasks.cancel_scope.cancel()
        return heard[9:12].decode() or "closed"


def bomb(answer: str) -> Callable[[Throw], Throw]:
    """Put a bomb into the list, under its name."""

    def put(throw: Throw) -> Throw:
        BOMBS[getattr(throw, "__name__").replace("_", " ")] = throw, answer  # noqa: B009 - for mypy
        return throw

    return put


# Sockets


@bomb("1009")
async def a_huge_frame(target: Target) -> str:
    """Ten megabytes at once."""
    async with called(target.url, {"api_key": target.key}) as it:
        return await _ended(it, "x" * 10_000_000)


@bomb("1009")
async def an_endless_frame(target: Target) -> str:
    """In pieces, of which none is the last."""

    async def pieces() -> AsyncIterator[str]:
        for piece in repeat("x" * 1000):
            yield piece

    async with called(target.url, {"api_key": target.key}) as it:
        return await _ended(it, pieces())


@bomb("1011")
async def a_binary_frame(target: Target) -> str:
    """Of which there are none in this protocol."""
    async with called(target.url, {"api_key": target.key}) as it:
        return await _ended(it, bytes(60_000))


@bomb("too many topics")
async def many_joins(target: Target) -> str:
    """Of all rooms there are, again and again."""
    async with called(target.url, {"api_key": target.key}) as it:
        reply = {"response": {"reason": "no rooms"}}
        for room in target.rooms:
            reply = await it.ask(f"chat_room:{room}")
        reason: str = reply["response"].get("reason", "joined")
        return reason


@bomb("429")
async def many_sockets(target: Target) -> str:
    """Of one key."""
    async with AsyncExitStack() as stack:
        for _ in range(100):
            try:
                await stack.enter_async_context(called(target.url, {"api_key": target.key}))
            except InvalidStatus as exc:
                return str(exc.response.status_code)
    return "let in"


@bomb("slowed")
async def a_flood_of_frames(target: Target) -> str:
    """More than any client has to say."""
    async with called(target.url, {"api_key": target.key}) as it:
        return await _flood(it, lambda: it.send(None, "1", "phoenix", "heartbeat", {}))


@bomb("slowed")
async def a_flood_of_pings(target: Target) -> str:
    """Which are answered, and count for nothing."""
    async with called(target.url, {"api_key": target.key}) as it:

        async def ping() -> None:
            await it.ws.ping()

        return await _flood(it, ping)


@bomb("1011")
async def a_slow_reader(target: Target) -> str:
    """Who asks for much and reads nothing of it."""
    async with called(target.url, {"api_key": target.key}) as it:
        it.ws.transport.pause_reading()
        with suppress(ConnectionClosed):
            with anyio.move_on_after(2):
                for nth in range(400):
                    await it.send(None, str(nth), "x" * 60_000, "message", {})
            it.ws.transport.resume_reading()
        return str((await it.closed())[0])


@bomb("408")
async def half_open_connections(target: Target) -> str:
    """Which say nothing at all."""
    answers: set[str] = set()

    async def wait() -> None:
        answers.add(await target.raw([]))

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(wait)
    return ", ".join(answers)


# Requests


@bomb("408")
async def a_slow_head(target: Target) -> str:
    """A byte at a time."""
    return await target.raw([target.head, *repeat(b"x", 10_000)], pause=0.05)


@bomb("408")
async def a_slow_body(target: Target) -> str:
    """A byte at a time."""
    head = target.head + b"Content-Length: 100000\r\n\r\n"
    return await target.raw([head, *repeat(b" ", 10_000)], pause=0.05)


@bomb("431")
async def endless_headers(target: Target) -> str:
    """One after another."""
    return await target.raw([target.head, *(b"X-%d: %s\r\n" % (n, LETTERS) for n in range(1000))], 0.001)


@bomb("414")
async def an_endless_address(target: Target) -> str:
    """Of a megabyte."""
    return await target.raw([b"GET /", *repeat(LETTERS, 1000)], 0.001)


@bomb("413")
async def an_endless_body(target: Target) -> str:
    """In chunks, of which none is the last."""
    head = target.head + b"Transfer-Encoding: chunked\r\n\r\n"
    return await target.raw([head, *repeat(b"3e8\r\n" + LETTERS + b"\r\n", 5000)])


@bomb("400")
async def a_deep_body(target: Target) -> str:
    """Of a hundred thousand arrays in each other."""
    return await target.post(b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@bomb("400")
async def a_body_of_many_things(target: Target) -> str:
    """As many empty arrays as go into a megabyte."""
    return await target.post(b'{"message":[' + b"[]," * 340_000 + b"[]]}")


@bomb("400")
async def a_number_that_is_none(target: Target) -> str:
    """NaN, as some write it."""
    return await target.post(b'{"message":{"content":"x","mentions":[{"id":NaN}]}}')


@bomb("400")
async def a_huge_number(target: Target) -> str:
    """Of a hundred thousand digits."""
    return await target.post(b'{"message":{"content":"x","mentions":' + b"9" * 100_000 + b"}}")


@bomb("400")
async def a_compressed_body(target: Target) -> str:
    """Ten megabytes in ten kilobytes."""
    body = gzip.compress(b'{"message":{"content":"' + b"x" * 10_000_000 + b'"}}')
    return await target.post(body, **{"Content-Encoding": "gzip"})


@bomb("400")
async def many_mentions_that_are_none(target: Target) -> str:
    """Half a million numbers in their place."""
    return await target.post(b'{"message":{"content":"x","mentions":[' + b"1," * 500_000 + b"1]}}")


@bomb("400")
async def many_unknown_properties(target: Target) -> str:
    """Ninety thousand."""
    names = b",".join(b'"k%d":1' % n for n in range(90_000))
    return await target.post(b'{"message":{"content":"x","mentions":[],' + names + b"}}")


@bomb("422")
async def many_mentions(target: Target) -> str:
    """Of nobody, as many as a body has room for."""
    nobody = [
        {"id": f"00000000-0000-4000-8000-{n:012}"} for n in range(9_900)
    ]  # with a value and a comma each
    return await target.post(json.dumps({"message": {"content": "@" * 1000, "mentions": nobody}}).encode())


async def _send(stream: ByteStream, pieces: Iterable[bytes], pause: float) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        for piece in pieces:
            await stream.send(piece)
            await anyio.sleep(pause)


async def _ended(it: Line, said: str | bytes | AsyncIterator[str]) -> str:
    """The code with which a socket is closed on which this was sent."""
    with suppress(ConnectionClosed):
        await it.ws.send(said)
    return str((await it.closed())[0])


FLOOD = 2500
"""Frames of a flood, of which 2,000 are taken at once."""


async def _flood(it: Line, send: Callable[[], Awaitable[None]]) -> str:
    """Whether a flood is slowed down, after which the socket is as good as before."""
    start = anyio.current_time()
    for _ in range(FLOOD):
        await send()
    await it.send(None, "last", "phoenix", "heartbeat", {})
    while (await it.read())[1] != "last":
        pass
    return "slowed" if anyio.current_time() - start > 1 else "at once"
