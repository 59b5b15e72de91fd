"""Whatever bytes come to the port, nothing breaks, and the next good request is served."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from urllib.parse import quote_from_bytes

import anyio
import httpx2
import pytest

from tests.platform.town import Town, by, data, example
from thenvoi_bridge.contract import CALLS

Noise = Callable[[random.Random, bytes], bytes]


def good(dice: random.Random, town: Town) -> bytes:
    """A request for any call, as a client writes it."""
    kind = dice.choice(CALLS)
    who = town.scout if kind.route.side == "agent" else town.alice
    wire = example(kind)
    request = httpx2.Request(
        wire.method, f"http://here{wire.path}", params=wire.query, json=wire.body, headers=by(who)
    )
    head = [request.method.encode() + b" " + request.url.raw_path + b" HTTP/1.1"]
    head += [name + b": " + value for name, value in request.headers.raw]
    return b"\r\n".join([*head, b"", request.read()])


def flipped(dice: random.Random, request: bytes) -> bytes:
    changed = bytearray(request)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut(dice: random.Random, request: bytes) -> bytes:
    return request[: dice.randrange(len(request))]


def doubled(dice: random.Random, request: bytes) -> bytes:
    start = dice.randrange(len(request))
    return request[:start] + request[start : start + 50] * dice.randint(2, 20) + request[start:]


def headed(dice: random.Random, request: bytes) -> bytes:
    """With a header that is wrong, or that contradicts another."""
    line, _, rest = request.partition(b"\r\n")
    wrong = [
        b"Content-Length: -1", b"Content-Length: 9" * 3, b"Content-Length: 1e9", b"Content-Length:\xb2",
        b"Content-Length: 99999999999999999999", b"Content-Length: 5\r\nContent-Length: 6",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Expect: 100-continue",
        b"Host: a\r\nHost: b", b"Connection: Upgrade\r\nUpgrade: websocket",
        b"Connection: Upgrade\r\nUpgrade: h2c", b"X-API-Key: \xff\xfe", b"X-API-Key: " + b"thnv_" * 2000,
        b"Authorization: Bearer", b"Authorization: \x00",
        b"Content-Type: \xff", b"Content-Encoding: gzip", b": nameless", b"no colon", b" folded: x",
        b"\r\n".join(b"X-%d: y" % n for n in range(2000)), b"X-Long: " + b"y" * 70_000,
    ]  # fmt: skip
    return b"\r\n".join([line, dice.choice(wrong), rest])


def addressed(dice: random.Random, request: bytes) -> bytes:
    """With a path or a query that is wrong."""
    method, _, rest = request.partition(b" ")
    path, _, rest = rest.partition(b" ")
    random_bytes = dice.randbytes(dice.randint(1, 40))
    wrong = [
        path + b"%00", path + b"%", path + b"%zz", path + b"\xff", path + b"?page=%00", path + b"//",
        b"*", b"", path + b"?page=" + b"9" * 500, path + b"?" + b"&".join(b"page=1" for _ in range(500)),
        path + b"?\xff=\xfe", path + b"?x=" + b"y" * 20_000, b"http://other" + path,
        path.replace(b"/", b"//"), path.replace(b"/", b"%2F"),
        b"/api/v1/../../etc/passwd", b"/api/v1/%2e%2e/%2e%2e/x", quote_from_bytes(random_bytes).encode(),
        b"/api/v1/me/chats/" + quote_from_bytes(random_bytes, safe="").encode() + b"/messages",
    ]  # fmt: skip
    return b" ".join([method, dice.choice(wrong), rest])


def embodied(dice: random.Random, request: bytes) -> bytes:
    """With a body that is none, or is not what its length says."""
    head, _, body = request.partition(b"\r\n\r\n")
    wrong = [
        b"", b"{", b"[" * 5000, b'{"a":' * 5000, b"null", b'"x"', b"\xff\xfe", b"{}" * 3,
        b'{"chat":{"task_id":1e999}}', b'{"message":{"content":"\\ud800","mentions":[]}}', b'{"\\u0000":1}',
        dice.randbytes(50), body[::-1],
    ]  # fmt: skip
    chosen = dice.choice(wrong)
    length = len(chosen) + dice.choice([0, 0, 0, 1, -1])
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % length, b"", chosen])


def rubbish(dice: random.Random, _: bytes) -> bytes:
    return dice.choice(
        [dice.randbytes(200), b"\x16\x03\x01" + dice.randbytes(100), b"\n" * 50, b"GET\r\n\r\n", b"\x00"]
    )


NOISES: tuple[Noise, ...] = (flipped, cut, doubled, headed, addressed, embodied, rubbish)


async def answered(port: int, request: bytes) -> bytes:
    """What the server says to these bytes, after which nothing more comes from us."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        heard = b""
        try:
            await stream.send(request)
            await stream.send_eof()
            while True:
                heard += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return heard


async def shout(town: Town, seed: int, times: int) -> None:
    dice = random.Random(seed)
    port = int(town.here.url.rpartition(":")[2])
    for _ in range(times):
        noise = dice.choice(NOISES)
        request = noise(dice, good(dice, town))
        with anyio.fail_after(20):
            answer = await answered(port, request)
        assert not answer.startswith(b"HTTP/1.1 5"), (noise.__name__, request[:300], answer[:300])
        assert b"Traceback" not in answer


async def endured(town: Town, caplog: pytest.LogCaptureFixture, voices: int, times: int) -> None:
    async with anyio.create_task_group() as tasks:
        for seed in range(voices):
            tasks.start_soon(shout, town, seed, times)
    data(await town.http.get("/agent/me", headers=by(town.scout)))
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_some_malformed_requests_break_nothing(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    await endured(town, caplog, voices=4, times=150)


@pytest.mark.thorough
async def test_ten_thousand_malformed_requests_break_nothing(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    await endured(town, caplog, voices=8, times=1250)
