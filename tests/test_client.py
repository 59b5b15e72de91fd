"""The client against a server that answers, hangs and hangs up as each test says; time is the test's own."""

import gzip
import json
import logging
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, TaskStatus
from anyio.lowlevel import checkpoint
from anyio.streams.buffered import BufferedByteReceiveStream

from thenvoi_bridge import __version__
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.errors import (
    AgentLoop,
    BadRequest,
    BrokenAnswer,
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ThenvoiError,
    Unauthorized,
    Unavailable,
    Unprocessable,
    Unreachable,
)
from thenvoi_bridge.contract.identity import GetMe
from thenvoi_bridge.contract.lifecycle import MarkProcessed
from thenvoi_bridge.contract.messages import ListMessages, Mention, NextMessage, SendMessage
from thenvoi_bridge.contract.system import Version
from thenvoi_bridge.errands import MAX_ANSWER
from thenvoi_bridge.pauses import Clock

KEY = "thnv_a_1_secret"
ME = {
    "id": "a",
    "name": "Scout",
    "handle": "al/scout",
    "owner_uuid": "u",
    "inserted_at": "",
    "updated_at": "",
}
SENT = {"id": "m", "success": True, "recipients": []}
DONE = {"id": "m", "status": "processed", "attempt_number": 1, "success": True}
SEND = SendMessage(chat_id="r", content="hi", mentions=[Mention(id="b")])
MARK = MarkProcessed(chat_id="r", message_id="m")


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes
    at: float
    peer: int


Script = bytes | None | Callable[[ByteStream], Awaitable[bytes]]
"""What happens to a request: these bytes come back, the connection is cut, or what the function does."""


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.clock = Clock(now=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await checkpoint()


@dataclass
class Server:
    time: Time
    script: list[Script]
    port: int = 0
    requests: list[Request] = field(default_factory=list[Request])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **settings: Any) -> Client:
        return Client(self.url, KEY, clock=self.time.clock, **settings)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self.port) as listener:
            self.port = listener.extra(SocketAttribute.local_port)
            task_status.started()
            await listener.serve(self.handle)

    async def handle(self, stream: ByteStream) -> None:
        reader = BufferedByteReceiveStream(stream)
        async with stream:
            try:
                while await self.answer(reader, stream):
                    pass
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                pass

    async def answer(self, reader: BufferedByteReceiveStream, stream: ByteStream) -> bool:
        head = (await reader.receive_until(b"\r\n\r\n", 65536)).decode()
        line, *fields = head.split("\r\n")
        headers = {k.lower(): v for k, v in (f.split(": ", 1) for f in fields)}
        body = await reader.receive_exactly(int(headers.get("content-length", "0")))
        peer = stream.extra(SocketAttribute.remote_port)
        self.requests.append(Request(line, headers, body, self.time.now, peer))
        what = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        data = await what(stream) if callable(what) else what
        if data is not None:
            await stream.send(data)
        return data is not None


@asynccontextmanager
async def serving(*script: Script, time: Time | None = None) -> AsyncIterator[Server]:
    """A server that follows the script, one step a request; the last step is for all that follow."""
    server = Server(time or Time(), list(script))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            await tasks.start(server.run)
            yield server
            tasks.cancel_scope.cancel()


def http(status: int, body: object = None, **headers: str) -> bytes:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if status != 204:
        lines.append(f"content-length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode() + data


def refusal(code: str) -> dict[str, Any]:
    return {
        "error": {"code": code, "message": f"because {code}", "request_id": "q1", "details": {"/x": ["y"]}}
    }


OK = http(200, {"data": ME})


async def test_a_call_carries_the_key_and_brings_back_what_sits_under_data() -> None:
    async with serving(OK) as server, server.client() as client:
        assert client.base_url == server.url
        assert (await client(GetMe())).handle == "al/scout"
    request = server.requests[0]
    assert request.line == "GET /api/v1/agent/me HTTP/1.1"
    assert request.headers["x-api-key"] == KEY
    assert request.headers["user-agent"] == f"thenvoi-bridge/{__version__}"


async def test_arguments_travel_in_path_query_and_body() -> None:
    page = {"page": 1, "page_size": 5, "total_count": 0, "total_pages": 1, "status_filter": "all"}
    lists = http(200, {"data": [], "metadata": page})
    async with serving(lists, http(201, {"data": SENT})) as server, server.client() as client:
        assert (await client(ListMessages(chat_id="r", status="all", page_size=5))).metadata.total_count == 0
        assert (await client(SEND)).id == "m"
    listed, sent = server.requests
    assert listed.line.split()[1] == "/api/v1/agent/chats/r/messages?status=all&page=1&page_size=5"
    assert json.loads(sent.body) == {"message": {"content": "hi", "mentions": [{"id": "b"}]}}


async def test_a_base_url_may_have_a_path_and_an_answer_no_envelope() -> None:
    report = {"version": "1", "commit": "c", "built_at": "now"}
    async with serving(http(200, report)) as server, Client(f"{server.url}/at/", KEY) as client:
        assert (await client(Version())).commit == "c"
    assert server.requests[0].line == "GET /at/version HTTP/1.1"


async def test_an_empty_204_is_none() -> None:
    async with serving(http(204)) as server, server.client() as client:
        assert await client(NextMessage(chat_id="r")) is None


@pytest.mark.parametrize(
    "garbled", [http(200, b"<html>log in</html>"), http(200, b'{"data": '), http(200), http(204)]
)
async def test_what_is_not_even_json_is_asked_for_again_and_again_but_not_for_ever(garbled: bytes) -> None:
    async with serving(garbled, garbled, http(200, {"data": ME})) as server, server.client() as client:
        assert (await client(GetMe())).id == ME["id"]
    assert len(server.requests) == 3
    async with serving(garbled) as server, server.client() as client:
        with pytest.raises(BrokenAnswer):
            await client(GetMe())
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [
        http(200, {"id": "a"}),
        http(200, {"data": {"id": 7}}),
        http(200, [ME]),
        http(200, b"no gzip", content_encoding="gzip"),
    ],
)
async def test_an_answer_that_does_not_fit_is_broken(answer: bytes) -> None:
    async with serving(answer) as server, server.client() as client:
        with pytest.raises(BrokenAnswer):
            await client(GetMe())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (418, BadRequest),
        (422, Unprocessable),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_every_refusal_is_an_error_of_its_own_kind(status: int, kind: type[ThenvoiError]) -> None:
    async with serving(http(status, refusal("why"))) as server, server.client(attempts=1) as client:
        with pytest.raises(ThenvoiError) as refused:
            await client(GetMe())
    error = refused.value
    assert type(error) is kind
    assert (error.code, error.message, error.request_id) == ("why", "because why", "q1")
    assert error.details == {"/x": ["y"]}


async def test_a_refusal_without_an_envelope_keeps_its_kind() -> None:
    async with serving(http(404, b"<html>nginx</html>")) as server, server.client() as client:
        with pytest.raises(NotFound, match=r"^Not found$"):
            await client(GetMe())


async def test_a_quota_is_told_once_and_not_tried_again() -> None:
    async with serving(http(403, refusal("limit_reached"))) as server, server.client() as client:
        with pytest.raises(Forbidden) as refused:
            await client(SEND)
    assert refused.value.code == "limit_reached"
    assert len(server.requests) == 1


@pytest.mark.parametrize("trouble", [None, http(502), http(503), http(504), http(500), http(429)])
@pytest.mark.parametrize(("call", "good"), [(GetMe(), OK), (MARK, http(200, {"data": DONE}))])
async def test_what_may_be_repeated_is(call: Call[Any], good: bytes, trouble: bytes | None) -> None:
    async with serving(trouble, trouble, good) as server, server.client() as client:
        assert await client(call)
    assert len(server.requests) == 3


async def test_a_message_whose_answer_is_lost_is_not_sent_again() -> None:
    async with serving(None) as server, server.client() as client:
        with pytest.raises(OutcomeUnknown):
            await client(SEND)
    assert len(server.requests) == 1


async def test_an_answer_cut_short_is_a_lost_one() -> None:
    async def half(stream: ByteStream) -> bytes:
        await stream.send(http(201, {"data": SENT})[:-5])
        raise anyio.EndOfStream

    async with serving(half) as server, server.client() as client:
        with pytest.raises(OutcomeUnknown):
            await client(SEND)


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_fault_that_may_have_followed_the_deed_leaves_a_message_unknown(status: int) -> None:
    async with serving(http(status, refusal("x"))) as server, server.client() as client:
        with pytest.raises(OutcomeUnknown) as unknown:
            await client(SEND)
    assert unknown.value.request_id == "q1"
    assert len(server.requests) == 1


async def test_a_message_the_platform_could_not_serve_is_not_sent_again() -> None:
    async with serving(http(503)) as server, server.client() as client:
        with pytest.raises(Unavailable):
            await client(SEND)
    assert len(server.requests) == 1


async def test_a_message_refused_by_rate_is_sent_again() -> None:
    limited, sent = http(429, retry_after="2"), http(201, {"data": SENT})
    async with serving(limited, sent) as server, server.client() as client:
        assert (await client(SEND)).success
    first, second = server.requests
    assert second.at - first.at >= 2


async def test_a_message_that_found_no_connection_is_sent_again() -> None:
    time = Time()
    async with serving(OK) as gone:
        port = gone.port
    server = Server(time, [http(201, {"data": SENT})], port)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:

            async def sleep(seconds: float) -> None:
                await tasks.start(server.run)

            clock = Clock(now=lambda: time.now, sleep=sleep)
            async with Client(server.url, KEY, clock=clock) as client:
                assert (await client(SEND)).id == "m"
            tasks.cancel_scope.cancel()


async def test_it_gives_up_after_a_few_attempts_with_growing_random_pauses() -> None:
    time = Time()
    async with serving(OK) as gone:
        pass
    async with Client(gone.url, KEY, clock=time.clock) as client:
        with pytest.raises(Unreachable):
            await client(SEND)
    assert len(time.slept) == 4
    assert all(0 <= pause <= most for pause, most in zip(time.slept, [0.5, 1, 2, 4], strict=True))


async def test_it_gives_up_when_its_patience_is_over() -> None:
    async def slowly(stream: ByteStream) -> bytes:
        server.time.now += 9
        return http(503)

    async with serving(slowly) as server, server.client(patience=20.0) as client:
        with pytest.raises(Unavailable):
            await client(GetMe())
    assert len(server.requests) == 3


@pytest.mark.parametrize(("call", "kind"), [(GetMe(), Unavailable), (SEND, OutcomeUnknown)])
async def test_a_request_without_an_answer_ends_in_time(call: Call[Any], kind: type[ThenvoiError]) -> None:
    async def never(stream: ByteStream) -> bytes:
        await anyio.sleep_forever()
        return OK

    async with serving(never) as server, server.client(timeout=0.05, attempts=1) as client:
        with pytest.raises(kind):
            await client(call)


async def test_an_answer_that_only_trickles_ends_in_time() -> None:
    async def trickle(stream: ByteStream) -> bytes:
        while True:
            await stream.send(b"H")
            await anyio.sleep(0.01)

    async with serving(trickle) as server, server.client(timeout=0.1, attempts=1) as client:
        with pytest.raises(Unavailable):
            await client(GetMe())


async def test_nobody_with_this_key_passes_before_the_time_the_platform_named() -> None:
    async with serving(http(429, retry_after="3"), OK) as server, server.client(attempts=1) as client:
        with pytest.raises(RateLimited):
            await client(GetMe())
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(client, GetMe())
    first, *later = server.requests
    assert len(later) == 8
    assert all(request.at >= first.at + 3 for request in later)


async def test_a_pause_longer_than_the_patience_is_told_at_once() -> None:
    async with serving(http(429, retry_after="60")) as server, server.client(patience=20.0) as client:
        for _ in range(2):
            with pytest.raises(RateLimited) as limited:
                await client(GetMe())
            assert limited.value.retry_after == 60
    assert server.time.slept == []
    assert len(server.requests) == 1, "the second call must not leave"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "2"}, 2),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "-5"}, 0),
        ({"retry_after": "nan"}, 0),
        ({"retry_after": "1e9"}, 300),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry_after": "Sun, 01 Mar 2026 10:00:07 GMT", "date": "Sun, 01 Mar 2026 10:00:00 GMT"}, 7),
        ({"retry_after": "soon"}, 1),
        ({"retry_after": "Sun, 01 Mar 99999 10:00:07 GMT"}, 1),
        ({}, 1),
    ],
)
async def test_a_pause_is_read_from_seconds_or_a_date(headers: dict[str, str], seconds: float) -> None:
    async with serving(http(429, **headers)) as server, server.client(attempts=1) as client:
        with pytest.raises(RateLimited) as limited:
            await client(GetMe())
    assert limited.value.retry_after == seconds


async def test_a_pause_is_granted_to_a_platform_that_cannot_serve() -> None:
    async with serving(http(503, retry_after="4"), OK) as server, server.client() as client:
        assert await client(GetMe())
    first, second = server.requests
    assert second.at - first.at >= 4


@pytest.mark.parametrize("packed", [False, True])
async def test_too_long_an_answer_is_not_read_on(packed: bool) -> None:
    data = b" " * (MAX_ANSWER + 1)
    answer = http(200, gzip.compress(data), content_encoding="gzip") if packed else http(200, data)
    async with serving(answer) as server, server.client() as client:
        with pytest.raises(BrokenAnswer, match="too long"):
            await client(GetMe())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(status: int) -> None:
    async with serving(OK) as other:
        there = http(status, location=f"{other.url}/x")
        async with serving(there) as server, server.client() as client:
            with pytest.raises(BrokenAnswer, match="redirect"):
                await client(GetMe())
    assert other.requests == []


async def test_sixteen_calls_are_in_flight_together() -> None:
    together = anyio.Event()

    async def meet(stream: ByteStream) -> bytes:
        if len(server.requests) == 16:
            together.set()
        await together.wait()
        return OK

    async with serving(meet) as server, server.client() as client, anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(client, GetMe())
    assert len(server.requests) == 16


async def test_a_connection_is_used_again() -> None:
    async with serving(OK) as server, server.client() as client:
        for _ in range(3):
            await client(GetMe())
    assert len({request.peer for request in server.requests}) == 1


async def test_a_proxy_is_not_asked_for_what_runs_on_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with serving(OK) as server, server.client(attempts=1) as client:
        assert await client(GetMe())


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is set, and nothing is exempt."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


ELSEWHERE = "127.0.0.2:9"


@pytest.mark.usefixtures("no_proxy")
@pytest.mark.parametrize("name", ["HTTP_PROXY", "all_proxy"])
async def test_a_proxy_is_asked_for_what_is_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as proxy:
        monkeypatch.setenv(name, proxy.url)
        async with Client(f"http://{ELSEWHERE}/at", KEY) as client:
            assert await client(GetMe())
    assert proxy.requests[0].line == f"GET http://{ELSEWHERE}/at/api/v1/agent/me HTTP/1.1"
    assert proxy.requests[0].headers["host"] == ELSEWHERE


@pytest.mark.usefixtures("no_proxy")
async def test_a_proxy_is_not_asked_for_what_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.2")
        async with Client(f"http://{ELSEWHERE}", KEY, attempts=1) as client:
            with pytest.raises(Unreachable):
                await client(GetMe())
    assert proxy.requests == []


async def test_a_name_and_password_in_the_address_are_brought() -> None:
    async with serving(OK) as server:
        url = server.url.replace("://", "://al:pass%20word@")
        async with Client(url, KEY) as client:
            assert await client(GetMe())
    (request,) = server.requests
    assert request.headers["authorization"] == "Basic " + b64encode(b"al:pass word").decode()
    assert request.headers["host"] == server.url.removeprefix("http://")


async def test_a_client_that_is_closed_makes_no_connection() -> None:
    async with serving(OK) as server:
        async with server.client() as client:
            pass
        with pytest.raises(RuntimeError, match="closed"):
            await client(GetMe())
    assert server.requests == []


@pytest.mark.parametrize(
    "script", [None, OK, http(401, refusal("x")), http(302, location="http://h/"), b"?\r\n\r\n"]
)
async def test_the_key_is_in_no_error_and_in_no_log(script: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(script) as server, server.client() as client:
        try:
            await client(SEND)
        except ThenvoiError as error:
            told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
            assert KEY not in told
        assert KEY not in repr(client)
    assert server.requests
    assert caplog.records
    assert KEY not in caplog.text


@pytest.mark.parametrize("key", ["a\r\nx: b", " a", "clé", "a b"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_unseen(key: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        Client("http://127.0.0.1", key)
    assert key not in str(refused.value)


ECHOED = http(201, {"data": SENT}, idempotency_replayed="false")


async def test_what_must_not_be_applied_twice_carries_a_key_of_its_own() -> None:
    sent = [http(201, {"data": SENT})] * 3
    async with serving(*sent, http(200, {"data": DONE})) as server, server.client() as client:
        await client(SEND)
        await client(SEND)
        await client(SEND, key="mine")
        await client(MARK, if_attempt=3)
    one, other, given, mark = (request.headers for request in server.requests)
    assert one["idempotency-key"] != other["idempotency-key"]
    assert given["idempotency-key"] == "mine"
    assert "idempotency-key" not in mark
    assert (mark["if-attempt"], "if-attempt" in one) == ("3", False)


async def test_a_post_is_repeated_with_its_key_once_the_platform_is_known_to_honour_it() -> None:
    lost: tuple[Script, ...] = (None, http(502), http(200, b"<html>"))
    async with serving(ECHOED, *lost, ECHOED) as server, server.client() as client:
        known = [client.honours_keys]
        await client(SEND)
        assert [*known, client.honours_keys] == [None, True]
        assert (await client(SEND, key="mine")).id == "m"
    assert [request.headers["idempotency-key"] for request in server.requests[1:]] == ["mine"] * 4
    assert len({request.body for request in server.requests}) == 1


async def test_a_platform_that_says_nothing_of_keys_is_sent_no_post_twice() -> None:
    async with serving(http(201, {"data": SENT}), None) as server, server.client() as client:
        await client(SEND)
        assert client.honours_keys is False
        with pytest.raises(OutcomeUnknown):
            await client(SEND, key="mine")
    assert len(server.requests) == 2


async def test_a_loop_of_agents_is_not_waited_for_and_stops_nothing_else() -> None:
    loop = http(429, refusal("agent_loop"), retry_after="240")
    async with serving(loop, OK) as server, server.client() as client:
        with pytest.raises(AgentLoop) as told:
            await client(SEND)
        assert told.value.retry_after == 240
        await client(GetMe())
    assert server.time.slept == []
    assert len(server.requests) == 2


async def test_what_may_have_been_applied_before_is_in_doubt_although_the_last_request_was_not() -> None:
    async with serving(ECHOED, None, http(403, refusal("forbidden"))) as server, server.client() as client:
        await client(SEND)
        with pytest.raises(OutcomeUnknown):
            await client(SEND, key="mine")
    async with serving(ECHOED, None, http(422, refusal("bad"))) as server, server.client() as client:
        await client(SEND)
        with pytest.raises(Unprocessable):
            await client(SEND, key="mine")
