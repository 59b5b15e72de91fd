"""What somebody may throw at a hosted bridge to use it up: with a good key, unless it says otherwise.

Each throw says in a word what it met: a status, the code of an error, or how its connection ended.
"""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2

from tests.hosting.team import HEADERS, HELLO, INITIALIZE, PING
from tests.isolation.caller import META, MODERN

MEGABYTE = 1024 * 1024
PATIENCE = 5.0
"""Seconds that a throw holds on to what it has got."""

MODERNLY = {"MCP-Protocol-Version": MODERN}


@dataclass(frozen=True)
class Target:
    """A bridge, and a key of it."""

    url: str
    key: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def http(self, **headers: str) -> httpx2.AsyncClient:
        """A client with the key."""
        given = HEADERS | {"Authorization": f"Bearer {self.key}"} | headers
        return httpx2.AsyncClient(base_url=self.url, headers=given, timeout=60, verify=False)

    async def post(self, body: bytes | str, **headers: str) -> str:
        """Post a body as it is; the status, and the code of the error if there is one."""
        async with self.http() as http:
            return said(await http.post("/mcp", content=body, headers=headers))


Bomb = Callable[[Target], Awaitable[str]]


def said(answer: httpx2.Response) -> str:
    """What an answer comes to."""
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    try:
        message = json.loads(lines[-1] if lines else answer.text)
    except ValueError:
        return str(answer.status_code)
    error = message.get("error", {}) if isinstance(message, dict) else {}
    code = error.get("code") or _of_tool(message)
    return f"{answer.status_code} {code}" if code else str(answer.status_code)


def _of_tool(message: Any) -> str | None:
    shown = message.get("result", {}).get("structuredContent", {}) if isinstance(message, dict) else {}
    code: str | None = shown.get("error", {}).get("code")
    return code


def call(arguments: str, name: str = "inbox_read") -> tuple[str, dict[str, str]]:
    """A call of 2026-07-28 with these arguments, as they stand there."""
    params = json.dumps({"name": name, "_meta": META})[:-1] + f', "arguments": {arguments}}}'
    body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'
    return body, MODERNLY | {"Mcp-Method": "tools/call", "Mcp-Name": name}


def calling(arguments: str, name: str = "inbox_read") -> Bomb:
    """Call a tool with these."""
    body, headers = call(arguments, name)
    return lambda at: at.post(body, **headers)


def posting(body: bytes | str, **headers: str) -> Bomb:
    """Post this in the handshake era."""
    return lambda at: at.post(body, **headers)


def in_a_session(body: str) -> Bomb:
    """Post this in a session of the handshake era, which is left behind."""

    async def throw(at: Target) -> str:
        async with at.http() as http:
            begun = await http.post("/mcp", json=INITIALIZE)
            if begun.status_code != 200:
                return said(begun)
            session = {"Mcp-Session-Id": begun.headers["mcp-session-id"]}
            return said(await http.post("/mcp", content=body, headers=session))

    return throw


async def unmeasured(at: Target) -> str:
    """A body that does not say how long it is, and is too long."""

    async def parts() -> Any:
        for _ in range(40):
            yield b" " * (MEGABYTE // 32)

    async with at.http() as http:
        return said(await http.post("/mcp", content=parts()))


async def streams(at: Target) -> str:
    """A stream that is held."""
    async with at.http(**MODERNLY, **{"Mcp-Method": "subscriptions/listen"}) as http:
        params = {"notifications": {"resourceSubscriptions": ["thenvoi://inbox"]}, "_meta": META}
        body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
        async with http.stream("POST", "/mcp", json=body) as stream:
            if stream.status_code == 200:
                await anyio.sleep(PATIENCE)
            return str(stream.status_code)


async def old_streams(at: Target) -> str:
    """A connection of the old transport, which is held."""
    async with at.http() as http, http.stream("GET", "/sse") as stream:
        if stream.status_code == 200:
            await anyio.sleep(PATIENCE)
        return str(stream.status_code)


async def _connection(at: Target, sent: bytes, more: bytes) -> str:
    """Send this, then this bit by bit for as long as patience lasts; how the other side took it."""
    async with await anyio.connect_tcp("127.0.0.1", at.port) as client:
        try:
            await client.send(sent)
            for byte in more:
                with anyio.move_on_after(PATIENCE / len(more)):
                    return (await client.receive()).split()[1].decode()
                await client.send(bytes([byte]))
        except (anyio.BrokenResourceError, anyio.EndOfStream):
            return "closed"
    return "left"


async def slow_head(at: Target) -> str:
    """A request that comes a byte at a time."""
    return await _connection(at, b"", b"GET /healthz HTTP/1.1\r\nHost: ")


async def slow_body(at: Target) -> str:
    """A body that does so."""
    return await _connection(at, head(at, "POST", 1000), b"{" * 20)


async def slow_reader(at: Target) -> str:
    """Ask again and again, and read nothing."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}).encode()
    modern = MODERNLY | {"Mcp-Method": "tools/list"}
    request = head(at, "POST", len(body), **modern) + body
    async with await anyio.connect_tcp("127.0.0.1", at.port) as client:
        with anyio.move_on_after(PATIENCE):
            try:
                for _ in range(2000):
                    await client.send(request)
            except anyio.BrokenResourceError:
                return "closed"
    return "left"


def head(at: Target, method: str, length: int, **more: str) -> bytes:
    """The head of a request."""
    usual = {"Host": "localhost", "X-API-Key": at.key, "Content-Length": str(length), **HEADERS, **more}
    lines = "".join(f"{name}: {value}\r\n" for name, value in usual.items())
    return f"{method} /mcp HTTP/1.1\r\n{lines}\r\n".encode()


async def strange_keys(at: Target) -> str:
    """A key that is nobody's."""
    return await Target(at.url, f"thnv_a_{secrets.token_hex(8)}_no").post(json.dumps(INITIALIZE))


async def strange_sessions(at: Target) -> str:
    """A session that never was."""
    return await at.post(json.dumps(PING), **{"Mcp-Session-Id": secrets.token_hex(500)})


WAITING = json.dumps({"timeout_s": 1})
DEEP = 100_000
UNKNOWN = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "no/such", "params": {"_meta": META}})
TWICE = "{" + ",".join('"timeout_s": 0' for _ in range(50_000)) + "}"
SAYING = json.dumps({"chat_id": "0" * 8, "content": "x", "mentions": ["nobody"]})
SHAPELESS = {**INITIALIZE, "params": {**HELLO, "clientInfo": 1}}
INFLATED = gzip.compress(b" " * 50 * MEGABYTE)

BOMBS: dict[str, tuple[Bomb, set[str]]] = {
    "huge body": (posting(b" " * (MEGABYTE + 1)), {"413"}),
    "body of no length": (unmeasured, {"413"}),
    "compressed body": (posting(INFLATED, **{"Content-Encoding": "gzip"}), {"415"}),
    "deep JSON": (calling('{"a":' * DEEP + "1" + "}" * DEEP), {"400 -32700"}),
    "deep JSON in a session": (in_a_session("[" * DEEP + "]" * DEEP), {"400 -32700"}),
    "huge numbers": (calling('{"timeout_s": ' + "9" * 500_000 + "}", "inbox_wait"), {"400 -32700"}),
    "huge numbers in a session": (in_a_session('{"a": ' + "9" * 500_000 + "}"), {"400 -32602", "400 -32700"}),
    "numbers that are none": (calling('{"timeout_s": NaN}', "inbox_wait"), {"200 bad_arguments"}),
    "a key 50,000 times": (calling(TWICE, "inbox_wait"), {"200"}),
    "batch of 10,000": (posting(json.dumps([PING] * 10_000)), {"400 -32602"}),
    "long head": (posting(b"{}", **{"X-Long": "x" * 40_000}), {"431"}),
    "many headers": (posting(b"{}", **{f"X-{n}": "x" * 20 for n in range(1500)}), {"431"}),
    "slow head": (slow_head, {"left", "408", "503"}),
    "slow body": (slow_body, {"left", "408", "429"}),
    "slow reader": (slow_reader, {"left", "closed"}),
    "sessions left behind": (in_a_session(json.dumps(PING)), {"200", "503"}),
    "streams": (streams, {"200", "429"}),
    "streams of the old transport": (old_streams, {"200", "429"}),
    "waits": (calling(WAITING, "inbox_wait"), {"200", "200 already_waiting", "429"}),
    "writes": (calling(SAYING, "send_message"), {"200 not_found", "200 rate_limited"}),
    "unknown methods": (posting(UNKNOWN, **MODERNLY, **{"Mcp-Method": "no/such"}), {"404 -32601"}),
    "strange keys": (strange_keys, {"401"}),
    "strange sessions": (strange_sessions, {"404 -32600"}),
    "hello of no shape": (
        posting(json.dumps({**INITIALIZE, "params": {**HELLO, "clientInfo": 1}})),
        {"200 -32602"},
    ),
}
"""By name, how it is thrown and what it may meet."""
