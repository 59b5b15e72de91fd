"""Who is let in over HTTP, how much of it, and that nobody reaches anything of another's."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Generator
from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from click.testing import CliRunner
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.bridge.conftest import Scene, played
from tests.bridge.desk import PATIENCE
from tests.guides.reading import masked, printed
from tests.hosting.team import (
    HEADERS,
    HELLO,
    INITIALIZE,
    PING,
    host,
    live,
    log,
    raw,
    serving,
    session_of,
    shown,
)
from tests.world import Somebody, World, world
from thenvoi_bridge import connections
from thenvoi_bridge.cli import main
from thenvoi_bridge.contract.errors import Unauthorized, Unreachable
from thenvoi_bridge.hosting import exchange, tenant, tenants, verifying
from thenvoi_bridge.hosting import http as http_
from thenvoi_bridge.hosting.exchange import Exchange
from thenvoi_bridge.hosting.guard import Guard
from thenvoi_bridge.hosting.http import Hosted
from thenvoi_bridge.hosting.verifying import Principal, Remembered
from thenvoi_bridge.platform.administration import administer, create_key, list_keys, revoke_key
from thenvoi_bridge.platform.app import opened


class Counter:
    """Counts the requests that ask a platform who somebody is."""

    def __init__(self) -> None:
        self.asked = 0

    def around(self, app: ASGIApp) -> ASGIApp:
        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            self.asked += scope["type"] == "http" and scope["path"].endswith(("/agent/me", "/me/profile"))
            await app(scope, receive, send)

        return counting


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


# Who is let in


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer thnv_a_nobody_secret"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer one two"},
        {"X-API-Key": "sp ace"},
        {"X-API-Key": "thnv_u_nobody_secret"},
        {"X-API-Key": "one", "Authorization": "Bearer another"},
    ],
    ids=str,
)
async def test_without_a_good_key_nobody_is_let_in(
    scene: Scene, state: Path, headers: dict[str, str]
) -> None:
    async with serving(scene.here, state, sse=True) as bridge, raw(bridge) as http:
        for method, path in (("POST", "/mcp"), ("GET", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")):
            answer = await http.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == 'Bearer realm="thenvoi"'


async def test_health_needs_no_key_and_says_nothing_of_anybody(scene: Scene, state: Path) -> None:
    async with serving(scene.here, state) as bridge, raw(bridge) as http, host(bridge, scene.scout.key):
        assert [(await http.get(path)).text for path in ("/healthz", "/readyz")] == ["ok", "ready"]


async def test_the_platform_is_asked_of_a_key_once_a_minute(tmp_path: Path) -> None:
    counter = Counter()
    async with world(tmp_path / "platform", around=counter.around) as here:
        scene = await played(here)
        async with serving(here, tmp_path / "state") as bridge, raw(bridge, "thnv_a_nobody_secret") as http:
            for _ in range(3):
                assert (await http.post("/mcp", json=INITIALIZE)).status_code == 401
            assert counter.asked == 1
            async with raw(bridge, scene.scout.key) as agent:
                await agent.post("/mcp", json=PING)
                before = counter.asked
                async with anyio.create_task_group() as tasks:
                    for _ in range(5):
                        tasks.start_soon(partial(agent.post, "/mcp", json=PING))
            assert counter.asked == before


class Platform:
    """Says what it was told to say."""

    def __init__(self) -> None:
        self.asked = 0
        self.says: Principal | Exception = Principal("agent", "1")

    async def verify(self, _: str) -> Principal:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


async def test_what_was_said_of_a_key_is_believed_for_a_minute_and_no_longer() -> None:
    now, platform = [0.0], Platform()
    remembered = Remembered(platform, lambda: now[0])
    now[0] = 100.0
    assert await remembered.verify("key") == Principal("agent", "1")
    platform.says = Unauthorized()
    now[0] += verifying.FRESH - 1
    assert await remembered.verify("key") == Principal("agent", "1")
    now[0] += 1
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await remembered.verify("key")
    assert platform.asked == 2


async def test_a_platform_that_cannot_say_is_asked_again_soon() -> None:
    now, platform = [100.0], Platform()
    platform.says = Unreachable()
    remembered = Remembered(platform, lambda: now[0])
    for _ in range(2):
        with pytest.raises(Unreachable):
            await remembered.verify("key")
    assert platform.asked == 1
    platform.says, now[0] = Principal("agent", "1"), now[0] + verifying.AGAIN
    assert await remembered.verify("key") == Principal("agent", "1")


async def test_of_many_keys_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "MOST", 2)
    platform = Platform()
    remembered = Remembered(platform)
    for key in ("one", "two", "three", "three", "one"):
        await remembered.verify(key)
    assert platform.asked == 4


async def test_without_a_platform_nobody_can_be_let_in_now(scene: Scene, tmp_path: Path) -> None:
    async with (
        world(tmp_path / "platform") as other,
        serving(other, tmp_path / "state") as bridge,
        raw(bridge, scene.scout.key) as http,
    ):
        await other.stop()
        answer = await http.post("/mcp", json=INITIALIZE)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


# A key that is revoked


async def another_key(where: World, who: Somebody) -> str:
    """One more key, made by an administrator."""
    async with opened(where.folder) as (db, keys):
        return str((await administer(db, keys, partial(create_key, who=who.id)))["api_key"])


async def revoke(where: World, who: Somebody) -> None:
    """Take somebody's oldest key back, as an administrator does."""
    async with opened(where.folder) as (db, keys):
        oldest = (await administer(db, keys, partial(list_keys, who=who.id)))[-1]
        await administer(db, keys, partial(revoke_key, id=oldest["id"]))


async def test_a_revoked_key_stops_and_so_does_what_it_has_open(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "FRESH", 0.1)
    monkeypatch.setattr(tenants, "LOOK", 0.05)
    async with serving(scene.here, state) as bridge, raw(bridge, scene.scout.key) as http:
        session = {"Mcp-Session-Id": await session_of(http)}
        async with http.stream("GET", "/mcp", headers=session) as stream:
            assert stream.status_code == 200
            await revoke(scene.here, scene.scout)
            with anyio.fail_after(PATIENCE):
                async for _ in stream.aiter_bytes():
                    pass
        assert (await http.post("/mcp", json=PING, headers=session)).status_code == 401


async def test_another_key_of_the_same_agent_goes_on_in_a_new_session(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "FRESH", 0.0)
    key = await another_key(scene.here, scene.scout)
    async with serving(scene.here, state) as bridge:
        async with host(bridge, scene.scout.key) as llm:
            await live(llm)
        await revoke(scene.here, scene.scout)
        async with host(bridge, key) as llm:
            await live(llm)
            assert not (await llm.call_tool("list_chats", {})).is_error


async def test_a_revoked_key_stops_what_it_has_open_in_a_session_that_uses_another(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "FRESH", 0.1)
    monkeypatch.setattr(tenants, "LOOK", 0.05)
    monkeypatch.setattr(exchange, "GRACE", 2 * PATIENCE)  # what is cut off ends by itself
    key = await another_key(scene.here, scene.scout)
    async with serving(scene.here, state) as bridge, raw(bridge, key) as first:
        session = {"Mcp-Session-Id": await session_of(first)}
        async with (
            raw(bridge, scene.scout.key) as http,
            http.stream("GET", "/mcp", headers=session) as stream,
        ):
            assert stream.status_code == 200
            await revoke(scene.here, scene.scout)
            with anyio.fail_after(PATIENCE):
                async for _ in stream.aiter_bytes():
                    pass
        assert (await first.post("/mcp", json=PING, headers=session)).status_code == 200


# Sessions belong to somebody


async def test_a_session_of_somebody_elses_is_as_unknown_as_one_that_never_was(
    scene: Scene, state: Path
) -> None:
    other = await scene.here.agent(scene.alice, "Other")
    async with (
        serving(scene.here, state) as bridge,
        raw(bridge, scene.scout.key) as mine,
        raw(bridge, other.key) as theirs,
    ):
        session = await session_of(mine)
        await session_of(theirs)
        for method in ("POST", "GET", "DELETE"):
            body = PING if method == "POST" else None
            answers = [
                await theirs.request(method, "/mcp", json=body, headers={"Mcp-Session-Id": name})
                for name in (session, "0" * 32)
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].content == answers[1].content
        answer = await mine.post("/mcp", json=PING, headers={"Mcp-Session-Id": session})
        assert answer.status_code == 200


async def test_so_it_is_over_the_old_transport(scene: Scene, state: Path) -> None:
    other = await scene.here.agent(scene.alice, "Other")
    async with (
        serving(scene.here, state, sse=True) as bridge,
        raw(bridge, scene.scout.key) as mine,
        raw(bridge, other.key) as theirs,
        mine.stream("GET", "/sse") as stream,
    ):
        lines = stream.aiter_lines()
        path = [await anext(lines) for _ in range(2)][1].removeprefix("data: ")
        unknown = path.partition("=")[0] + "=" + "0" * 32
        answers = [await theirs.post(where, json=PING) for where in (path, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
        assert (await mine.post(path, json=PING)).status_code == 202


@pytest.mark.parametrize("info", ["a name", {"name": 1}, None, []], ids=str)
async def test_a_client_that_does_not_say_who_it_is_as_it_should_is_told_so(
    scene: Scene, state: Path, info: object
) -> None:
    hello = {**INITIALIZE, "params": {**HELLO, "clientInfo": info}}
    async with serving(scene.here, state) as bridge, raw(bridge, scene.scout.key) as http:
        answer = await http.post("/mcp", json=hello)
        assert '"code":-32602' in answer.text


# Names and pages


def routes(bridge: Hosted) -> list[str]:
    return [route.path for route in bridge.site.routes if isinstance(route, Route)]


async def test_on_every_route_only_known_names_and_pages_are_answered(scene: Scene, state: Path) -> None:
    async with (
        serving(scene.here, state, sse=True, origins=("https://app.example.com",)) as bridge,
        raw(bridge) as http,
    ):
        assert len(routes(bridge)) == 5
        for path in [*routes(bridge), "/nothing"]:
            for host_ in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1"):
                answer = await http.get(path, headers={"Host": host_})
                assert answer.status_code in ((421, 400) if host_ == "" else (421,)), (path, host_)
            for origin in ("https://evil.example", "null", "http://localhost.evil.example", "file://"):
                assert (await http.get(path, headers={"Origin": origin})).status_code == 403
            for origin in ("http://localhost:3000", "https://app.example.com"):
                assert (await http.get(path, headers={"Origin": origin})).status_code not in (403, 421)


async def test_a_name_that_is_allowed_is_answered_to_whatever_the_port() -> None:
    app = Guard(PlainTextResponse("in"), ["Bridge.example.com"])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as http:
        for host_ in ("bridge.example.com", "BRIDGE.example.com:8443", "[::1]:1"):
            assert (await http.get("http://any", headers={"Host": host_})).status_code == 200
        assert (await http.get("http://any", headers={"Host": "example.com"})).status_code == 421


# How much


async def test_too_long_a_body_is_refused_and_so_is_too_long_a_head(scene: Scene, state: Path) -> None:
    async with serving(scene.here, state) as bridge, raw(bridge, scene.scout.key) as http:
        assert (await http.post("/mcp", content=b"x" * (tenant.BODY + 1))).status_code == 413
        assert (await http.get("/healthz", headers={"X-Long": "x" * 40_000})).status_code == 431


async def test_an_encoded_body_is_refused(scene: Scene, state: Path) -> None:
    async with serving(scene.here, state) as bridge, raw(bridge, scene.scout.key) as http:
        for encoding, status in (("gzip", 415), ("br", 415), ("identity", 200)):
            answer = await http.post("/mcp", json=INITIALIZE, headers={"Content-Encoding": encoding})
            assert answer.status_code == status


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: local"], ids=["nothing", "a part"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connections.Connection, "head", 0.2)
    healthy = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with (
        serving(scene.here, state) as bridge,
        await anyio.connect_tcp("127.0.0.1", int(bridge.url.rpartition(":")[2])) as client,
    ):
        with anyio.fail_after(PATIENCE):
            if begun:
                await client.send(healthy)
                said = b""
                while not said.endswith(b"ok"):
                    said += await client.receive()
                await client.send(begun)
            assert (await client.receive()).startswith(b"HTTP/1.1 408")
            with pytest.raises(anyio.EndOfStream):
                await client.receive()


async def test_a_body_that_does_not_come_is_not_waited_for(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "READING", 0.2)
    monkeypatch.setattr(exchange, "GRACE", 0.05)

    head = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {scene.scout.key}\r\nContent-Length: 9\r\n"
    async with (
        serving(scene.here, state) as bridge,
        await anyio.connect_tcp("127.0.0.1", int(bridge.url.rpartition(":")[2])) as client,
    ):
        await client.send(head.encode() + b"\r\n{")
        with anyio.fail_after(PATIENCE):
            assert (await client.receive()).startswith(b"HTTP/1.1 408")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_server_may_open_as_many_files_as_the_system_lets_it() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] // 2, before[1]))
        connections.allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_whoever_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "WRITING", 0.05)
    monkeypatch.setattr(exchange, "GRACE", 0.05)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        await anyio.sleep_forever()

    with anyio.fail_after(PATIENCE):
        scope: Scope = {"type": "http", "method": "GET", "headers": []}
        await Exchange(scope, receive, send).run(PlainTextResponse("never read"))


async def test_what_is_cut_off_before_it_listens_hears_that_its_client_has_gone() -> None:
    heard: list[Message] = []

    async def body_and_no_more() -> Message:
        if heard:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        pass

    async def app(_: Scope, receive: Receive, __: Send) -> None:
        heard.append(await receive())
        it.cut(503, "The server is about to end")
        heard.append(await receive())

    it = Exchange({"type": "http", "method": "GET", "headers": []}, body_and_no_more, send)
    await it.run(app)
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]


async def send_on_and_on(client: SocketStream, request: bytes) -> None:
    while True:
        await client.send(request)


@pytest.mark.thorough
async def test_whoever_asks_and_does_not_read_loses_the_connection(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (exchange, http_):
        monkeypatch.setattr(module, "WRITING", 0.3)
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
    async with serving(scene.here, state) as bridge:
        async with raw(bridge, scene.scout.key) as http:
            session = await session_of(http)
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {scene.scout.key}\r\n"
            f"Mcp-Session-Id: {session}\r\nContent-Length: {len(body)}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        )
        async with await anyio.connect_tcp("127.0.0.1", int(bridge.url.rpartition(":")[2])) as client:
            with anyio.fail_after(PATIENCE), pytest.raises(anyio.BrokenResourceError):
                await send_on_and_on(client, head.encode() + b"\r\n" + body)


async def test_one_principal_has_so_many_requests_and_sessions(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant, "EXCHANGES", 1)
    monkeypatch.setattr(tenant, "SESSIONS", 1)
    async with serving(scene.here, state) as bridge, raw(bridge, scene.scout.key) as http:
        session = await session_of(http)
        async with http.stream("GET", "/mcp", headers={"Mcp-Session-Id": session}) as stream:
            assert stream.status_code == 200
            refused = await http.post("/mcp", json=PING, headers={"Mcp-Session-Id": session})
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


@pytest.mark.thorough
async def test_of_too_many_sessions_the_one_idle_for_longest_makes_room_and_a_busy_one_does_not(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant, "SESSIONS", 2)
    modern = {"MCP-Protocol-Version": "2026-07-28"}
    async with serving(scene.here, state) as bridge, raw(bridge, scene.scout.key) as http:

        async def is_there(session: str) -> bool:
            answer = await http.post("/mcp", json=PING, headers={"Mcp-Session-Id": session})
            assert answer.status_code in (200, 404)
            return answer.status_code == 200

        oldest, older = await session_of(http), await session_of(http)
        assert await is_there(oldest)
        newest = await session_of(http)
        await http.post("/mcp", json=PING, headers=modern)
        assert [await is_there(session) for session in (oldest, older, newest)] == [True, False, True]
        async with (
            http.stream("GET", "/mcp", headers={"Mcp-Session-Id": oldest}),
            http.stream("GET", "/mcp", headers={"Mcp-Session-Id": newest}),
        ):
            refused = await http.post("/mcp", json=INITIALIZE)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")


async def test_of_too_many_principals_the_one_idle_for_longest_makes_room_and_a_busy_one_does_not(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "TENANTS", 1)
    other = await scene.here.agent(scene.alice, "Other")
    with log() as heard:
        async with (
            serving(scene.here, state) as bridge,
            raw(bridge, scene.scout.key) as mine,
            raw(bridge, other.key) as theirs,
        ):
            session = await session_of(mine)
            await session_of(theirs)
            await heard.until(f"agent:{scene.scout.id}: ended")
            assert (
                await mine.post("/mcp", json=PING, headers={"Mcp-Session-Id": session})
            ).status_code == 404
            session = await session_of(mine)
            async with mine.stream("GET", "/mcp", headers={"Mcp-Session-Id": session}) as stream:
                assert stream.status_code == 200
                refused = await theirs.post("/mcp", json=INITIALIZE)
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")


async def test_what_is_changed_is_counted_and_noted_without_its_text(scene: Scene, state: Path) -> None:
    text = "a secret plan"
    with log() as heard:
        async with (
            serving(scene.here, state, max_changes=2) as bridge,
            host(bridge, scene.scout.key) as llm,
        ):
            await live(llm)
            said = {"chat_id": scene.room.id, "content": text, "mentions": [scene.alice.id]}
            await shown(llm, "send_message", **said)
            assert (await llm.call_tool("send_message", said | {"chat_id": "no\nroom"})).is_error
            error = (await shown(llm, "send_message", **said))["error"]
            assert error["code"] == "rate_limited"
            assert 0 < error["retry_after_s"] <= 60
            assert not (await llm.call_tool("list_chats", {})).is_error
    digest = hashlib.sha256(text.encode()).hexdigest()
    line = f"principal=agent:{scene.scout.id} tool=send_message"
    audit = [one for one in heard.lines if one.startswith("principal=")]
    assert audit == [f"{line} room={scene.room.id} sha256={digest}", f"{line} room=- sha256={digest}"]
    assert masked(audit[0]) == masked(printed("docs/hosting.md#health-log-end"))
    assert not [one for one in heard.lines if text in one or scene.scout.key in one]


# Settings


def loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(one for one in known if isinstance(one, logging.Logger))]


@pytest.fixture
def in_process() -> Generator[None]:
    """A command of a process of its own in this one: what it sets up of logging is put back."""
    before = {one: one.level for one in loggers()}
    yield
    for one in loggers():
        one.setLevel(before.get(one, logging.NOTSET))


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--host", "0.0.0.0"], "--allowed-host"),
        (["--host", "bridge.example.com"], "--allowed-host"),
        (["--allowed-origin", "app.example.com"], "--allowed-origin must be like https://app.example.com"),
        (["--channel", "alice"], "--channel works over stdio only"),
        (["--local"], "--local works over stdio only"),
        (["--stateless", "--sse"], "--sse needs sessions, and replicas"),
        (["--database", "postgresql://db/bridge", "--sse"], "--sse needs sessions, and replicas"),
        (["--stateless", "--confirm-elsewhere"], "it cannot be had with replicas"),
        (["--tools", "no_such_tool"], "THENVOI_TOOLS"),
        (["--chat", "a/b"], "THENVOI_CHAT must be the id of a room"),
    ],
    ids=str,
)
def test_what_cannot_be_or_is_not_safe_ends_the_start(args: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "0", *args])
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.usefixtures("in_process")
def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "70000"])
    assert (result.exit_code, result.output[:21]) == (1, "Error: Cannot listen ")
