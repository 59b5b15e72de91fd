"""The logs of both servers as programs read them: every line an object, and no word of anybody."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import Process

from tests.bridge.conftest import played
from tests.home import environ_of
from tests.hosting.team import host, live
from tests.world import world

CANARY = "canary"


@dataclass
class Server:
    """A server, and what it has logged so far."""

    url: str = ""
    metrics: str = ""
    entries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    more: anyio.Event = field(default_factory=anyio.Event)

    async def read(self, process: Process) -> None:
        assert process.stderr
        text = ""
        async for part in process.stderr:
            *lines, text = (text + part.decode()).split("\n")
            self.entries.extend(map(json.loads, lines))
            self.more.set()

    async def until(self, **members: Any) -> dict[str, Any]:
        """The entry with these members, once it is there."""
        while not (found := [one for one in self.entries if members.items() <= one.items()]):
            self.more = anyio.Event()
            await self.more.wait()
        return found[0]

    async def addresses(self) -> None:
        """Wait for what a server says of itself at its start."""
        while not (self.url and self.metrics):
            for entry in self.entries:
                if found := re.search(r"(Thenvoi|Metrics).* on (http://[0-9.:]+)", entry["message"]):
                    self.metrics, self.url = (
                        (found[2], self.url) if found[1] == "Metrics" else (self.metrics, found[2])
                    )
            self.more = anyio.Event()
            if not (self.url and self.metrics):
                await self.more.wait()


@asynccontextmanager
async def started(*args: str, **environ: str) -> AsyncGenerator[Server]:
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "thenvoi_bridge",
        *args,
        "--port",
        "0",
        "--metrics-port",
        "0",
    ]
    env, server = {**os.environ, "THENVOI_LOG_FORMAT": "json", **environ}, Server()
    async with await anyio.open_process(command, env=env) as process, anyio.create_task_group() as tasks:
        tasks.start_soon(server.read, process)
        await server.addresses()
        yield server
        process.terminate()


@pytest.mark.thorough
async def test_both_servers_log_objects_with_what_is_known_and_without_what_was_said(tmp_path: Path) -> None:
    data, state = tmp_path / "data", str(tmp_path / "state")
    async with world(data) as here:
        scene = await played(here)
    wrong = {"X-API-Key": f"thnv_a_{CANARY}_secret"}
    with anyio.fail_after(60):
        async with started("platform", "serve", "--data", str(data), **environ_of(data)) as platform:
            more = {"THENVOI_BASE_URL": platform.url, "THENVOI_STATE_DIR": state}
            async with started("serve", **more) as bridge:
                async with httpx2.AsyncClient(headers=wrong) as http:
                    refused = await http.get(f"{platform.url}/api/v1/agent/me?text={CANARY}")
                    for server in (platform, bridge):
                        scraped = await http.get(f"{server.metrics}/metrics")
                        assert "process_resident_memory_bytes" in scraped.text
                async with host(bridge, scene.scout.key) as llm:
                    await live(llm)
                    said = {"chat_id": scene.room.id, "content": CANARY, "mentions": [scene.alice.id]}
                    assert not (await llm.call_tool("send_message", said)).is_error
                change = await bridge.until(message="change")
            request = await platform.until(message="request", call="send_message")
            id = refused.json()["error"]["request_id"]
            refusal = await platform.until(message="request", request_id=id)
    assert (request["status"], request["principal"]) == (201, scene.scout.id)
    assert request["ms"] > 0
    assert (refusal["status"], refusal["call"], "principal" in refusal) == (401, "get_me", False)
    assert change["principal"] == f"agent:{scene.scout.id}"
    assert (change["tool"], change["room"]) == ("send_message", scene.room.id)
    assert change["sha256"] == sha256(CANARY.encode()).hexdigest()
    every = json.dumps([platform.entries, bridge.entries])
    secrets = (CANARY, scene.scout.key, scene.alice.key, "?", str(tmp_path))
    assert not [what for what in secrets if what in every]
