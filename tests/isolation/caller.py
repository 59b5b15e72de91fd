"""A host that is nothing but requests over HTTP, in either era, so that all that comes back can be read."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import anyio
import httpx2

from tests.hosting.team import HEADERS, HELLO
from tests.isolation.town import Principal

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "isolation", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""What the header Mcp-Name repeats, by method (2026-07-28, transports)."""

AGAIN = (404, 429, 503)
"""A session that ended, and a server that has no room just now."""

TRIES = 1000

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back, byte for byte, and the message in it."""

    status: int
    text: str

    @property
    def message(self) -> Json:
        """The result or the error."""
        lines = [line.partition(":")[2] for line in self.text.splitlines() if line.startswith("data:")]
        said: Json = json.loads(lines[-1] if lines else self.text)
        return said

    @property
    def is_error(self) -> bool:
        """Whether it was refused, by the server, the protocol or a tool."""
        return self.status != 200 or "error" in self.message or self.message["result"].get("isError", False)


class Caller:
    """The host of one principal; `session` is that of the handshake era. `again` counts what it did over."""

    def __init__(self, http: httpx2.AsyncClient, principal: Principal) -> None:
        self._http, self._principal = http, principal
        self._ids = count(1)
        self.session: str | None = None
        self.again = 0

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Make a request; a server that was busy, or forgot the session, is asked again."""
        for _ in range(TRIES):
            answer = await self._call(method, dict(params or {}))
            if answer.status not in AGAIN or (answer.status == 404 and not self.session):
                break
            self.again += 1
            self.session = None if answer.status == 404 else self.session
            await anyio.sleep(0.05)
        return answer

    async def tool(self, name: str, **arguments: Any) -> Answer:
        """Call a tool."""
        return await self.call("tools/call", {"name": name, "arguments": arguments})

    async def raw(self, verb: str, session: str) -> Answer:
        """Use a session, whosever it is."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"} if verb == "POST" else None
        answer = await self._http.request(verb, "/mcp", json=body, headers={"Mcp-Session-Id": session})
        return Answer(answer.status_code, answer.text)

    @asynccontextmanager
    async def stream(self, uris: list[str]) -> AsyncGenerator[httpx2.Response]:
        """Be told of these resources, as the era has it."""
        if self._principal.mode == "legacy":
            for uri in uris:
                await self.call("resources/subscribe", {"uri": uri})
            async with self._http.stream("GET", "/mcp", headers=self._headers) as stream:
                yield stream
            return
        wanted = {"resourceSubscriptions": uris, "resourcesListChanged": True}
        body, headers = self._modern("subscriptions/listen", {"notifications": wanted})
        async with self._http.stream("POST", "/mcp", json=body, headers=headers) as stream:
            yield stream

    @property
    def _headers(self) -> dict[str, str]:
        return {"Mcp-Session-Id": self.session} if self.session else {}

    async def _call(self, method: str, params: Json) -> Answer:
        if self._principal.mode == "modern":
            body, headers = self._modern(method, params)
        else:
            if self.session is None and (refused := await self._begin()):
                return refused
            body, headers = self._body(method, params), self._headers
        answer = await self._http.post("/mcp", json=body, headers=headers)
        return Answer(answer.status_code, answer.text)

    async def _begin(self) -> Answer | None:
        answer = await self._http.post("/mcp", json=self._body("initialize", HELLO))
        if answer.status_code != 200:
            return Answer(answer.status_code, answer.text)
        self.session = answer.headers["mcp-session-id"]
        begun = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await self._http.post("/mcp", json=begun, headers=self._headers)
        return None

    def _body(self, method: str, params: Json) -> Json:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    def _modern(self, method: str, params: Json) -> tuple[Json, dict[str, str]]:
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        headers |= {"Mcp-Name": params[NAMES[method]]} if method in NAMES else {}
        return self._body(method, {**params, "_meta": META}), headers


@asynccontextmanager
async def caller(url: str, principal: Principal) -> AsyncGenerator[Caller]:
    """A host with this principal's key."""
    headers = HEADERS | {"Authorization": f"Bearer {principal.who.key}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        yield Caller(http, principal)
