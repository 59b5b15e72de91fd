"""The bridge over HTTP, with hosts of both eras: everything that works over stdio, for several at once."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import httpx2
import mcp_types as types
import pytest
from anyio.abc import Process
from mcp.shared.exceptions import MCPDeprecationWarning

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE
from tests.hosting.team import HEADERS, host, live, log, raw, read, serving, setting, shown
from tests.world import World, listening, say
from thenvoi_bridge.bridge import patience
from thenvoi_bridge.hosting import tenant
from thenvoi_bridge.hosting.patiences import Patiences

pytestmark = pytest.mark.usefixtures("quick")

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
TRANSPORTS = pytest.mark.parametrize(
    ("mode", "sse"), [("auto", False), ("legacy", False), ("auto", True), ("legacy", True)]
)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@TRANSPORTS
async def test_a_host_waits_hears_and_answers(scene: Scene, state: Path, mode: str, sse: bool) -> None:
    begun = anyio.Event()
    got: list[dict[str, object]] = []

    async with (
        serving(scene.here, state, sse=sse, max_wait=20) as bridge,
        host(bridge, scene.scout.key, mode, sse) as llm,
    ):
        await live(llm)
        assert (llm.protocol_version == "2026-07-28") == (mode == "auto")

        async def wait() -> None:
            result = await llm.call_tool("inbox_wait", {}, progress_callback=setting(begun))
            got.extend((result.structured_content or {})["messages"])

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await begun.wait()
                sent = await say(scene.alice, scene.room, scene.scout, "is it green?")
        assert [message["id"] for message in got] == [sent.id]
        answer = await llm.call_tool("reply", {"message_ids": [sent.id], "content": "it is"})
        assert not answer.is_error
        assert (await read(llm, "thenvoi://inbox"))["messages"] == []


@ERAS
async def test_a_wait_that_its_host_takes_back_takes_nothing(scene: Scene, state: Path, mode: str) -> None:
    begun = anyio.Event()

    async with serving(scene.here, state, max_wait=20) as bridge, host(bridge, scene.scout.key, mode) as llm:
        await live(llm)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(llm.call_tool, "inbox_wait", {}, progress_callback=setting(begun)))
            await begun.wait()
            tasks.cancel_scope.cancel()
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        with anyio.fail_after(PATIENCE):
            assert [m["id"] for m in (await shown(llm, "inbox_wait"))["messages"]] == [sent.id]


@ERAS
async def test_a_host_is_told_of_changes(scene: Scene, state: Path, mode: str) -> None:
    told = anyio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            told.set()

    async with (
        serving(scene.here, state) as bridge,
        host(bridge, scene.scout.key, mode, message_handler=hear) as llm,
    ):
        await live(llm)
        with anyio.fail_after(PATIENCE):
            if mode == "legacy":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", MCPDeprecationWarning)
                    await llm.subscribe_resource("thenvoi://inbox")
                await say(scene.alice, scene.room, scene.scout, "hello")
                await told.wait()
            else:
                async with listening(llm, told.set):
                    await say(scene.alice, scene.room, scene.scout, "hello")
                    await told.wait()


async def test_a_person_is_given_the_tools_of_a_person(scene: Scene, state: Path) -> None:
    async with (
        serving(scene.here, state, tools="list_my_agents,list_memories") as bridge,
        host(bridge, scene.alice.key) as person,
        host(bridge, scene.scout.key) as agent,
    ):
        assert "get_my_profile" in {tool.name for tool in (await person.list_tools()).tools}
        assert "inbox_wait" in {tool.name for tool in (await agent.list_tools()).tools}
        profile = (await person.call_tool("get_my_profile", {})).content[0]
        assert isinstance(profile, types.TextContent)
        assert scene.alice.id in profile.text


async def test_ten_principals_at_a_time_are_never_mixed_up(scene: Scene, state: Path) -> None:
    """A canary each: whatever is said to one is seen by that one, however calls are interleaved."""
    agents = [await scene.here.agent(scene.alice, f"Agent {n}") for n in range(10)]
    rooms = [await scene.here.room(scene.alice, agent) for agent in agents]
    canaries = [f"canary-{agent.id}" for agent in agents]
    seen: dict[str, str] = {}

    async with serving(scene.here, state, max_wait=20) as bridge, anyio.create_task_group() as tasks:
        for room, agent, canary in zip(rooms, agents, canaries, strict=True):
            await say(scene.alice, room, agent, canary)

        async def use(number: int) -> None:
            mode = "legacy" if number % 2 else "auto"
            async with host(bridge, agents[number].key, mode) as llm:
                await live(llm)
                said = [str(await shown(llm, "inbox_wait"))]
                tools = ("inbox_read", "list_chats", "list_peers", "list_chats", "inbox_read")
                said += [str(await llm.call_tool(tool, {})) for tool in tools]
                said.append(str(await read(llm, "thenvoi://inbox")))
                seen[canaries[number]] = " ".join(said)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as hosts:
                for number in range(10):
                    hosts.start_soon(use, number)
        tasks.cancel_scope.cancel()
    for mine, said in seen.items():
        assert [canary for canary in canaries if canary in said] == [mine]
        assert [room.id for room in rooms if room.id in said] == [rooms[canaries.index(mine)].id]
    assert len(seen) == 10


# Waiting


async def test_two_hosts_of_an_agent_wait_at_once_and_each_only_once(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    begun = [anyio.Event(), anyio.Event()]
    got: list[str] = []
    key = scene.scout.key
    async with (
        serving(scene.here, state, max_wait=20) as bridge,
        host(bridge, key, "legacy") as one,
        host(bridge, key, "legacy") as two,
    ):
        await live(one)

        async def wait(number: int) -> None:
            result = await (one, two)[number].call_tool(
                "inbox_wait", {}, progress_callback=setting(begun[number])
            )
            got.extend(message["id"] for message in (result.structured_content or {})["messages"])

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for number in (0, 1):
                    tasks.start_soon(wait, number)
                    await begun[number].wait()
                assert (await shown(one, "inbox_wait"))["error"]["code"] == "already_waiting"
                sent = [await say(scene.alice, room, scene.scout, "hello") for room in (scene.room, other)]
        assert sorted(got) == sorted(message.id for message in sent)


def test_a_wait_over_http_takes_what_the_host_stands_there() -> None:
    patiences = Patiences(0.0)
    one, other = anyio.Event(), anyio.Event()
    with patiences.around(one, "claude-code"):
        mine = patience.ASKING.get()
        assert mine
        assert mine.longest == 240
    with patiences.around(other, "claude-code"):
        assert patience.ASKING.get() is not mine
    with patiences.around(one, None):
        assert patience.ASKING.get() is mine
    assert patience.ASKING.get() is None


async def test_a_host_without_a_session_is_told_to_stop_too(scene: Scene, state: Path) -> None:
    async with serving(scene.here, state) as bridge, host(bridge, scene.scout.key) as llm:
        await live(llm)
        told = [(await shown(llm, "inbox_wait", timeout_s=0))["advice"] for _ in range(patience.IN_VAIN)]
    assert told == ["again"] * (patience.IN_VAIN - 1) + ["stop"]


# Coming to its end


@TRANSPORTS
async def test_at_its_end_waits_are_answered_streams_closed_and_nothing_is_begun(
    scene: Scene, state: Path, mode: str, sse: bool
) -> None:
    begun = anyio.Event()
    got: list[dict[str, object]] = []

    async with (
        serving(scene.here, state, sse=sse, max_wait=20) as bridge,
        raw(bridge, scene.scout.key) as http,
        host(bridge, scene.scout.key, mode, sse) as llm,
    ):
        await live(llm)
        await llm.list_tools()  # a client looks a tool up before it shows what it said
        assert (await http.get("/readyz")).status_code == 200

        async def wait() -> None:
            result = await llm.call_tool("inbox_wait", {}, progress_callback=setting(begun))
            got.append(result.structured_content or {})

        with anyio.fail_after(PATIENCE / 2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await begun.wait()
                await bridge.site.end()
            assert [(one["messages"], one["advice"]) for one in got] == [([], "again")]
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).status_code == 503
            refused = await http.post("/mcp", json={})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")


@dataclass(frozen=True)
class Command:
    """`thenvoi-bridge serve`, a process of its own."""

    url: str
    process: Process

    async def ended(self) -> str:
        """All that it says until it ends."""
        assert self.process.stderr
        with anyio.fail_after(15):
            said = b"".join([part async for part in self.process.stderr]).decode()
            await self.process.wait()
        return said


@asynccontextmanager
async def started(where: World, state: Path) -> AsyncGenerator[Command]:
    environ = {**os.environ, "THENVOI_BASE_URL": where.url, "THENVOI_STATE_DIR": str(state)}
    command = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", "serve", "--port", "0"]
    async with await anyio.open_process(command, env=environ) as process:
        assert process.stderr
        with anyio.fail_after(30):
            said = (await process.stderr.receive()).decode()
        url = said.removeprefix("Thenvoi Bridge on ").removesuffix("/mcp (Ctrl-C ends it)\n")
        yield Command(url, process)
        if process.returncode is None:
            process.kill()


@pytest.mark.thorough
async def test_a_signal_answers_the_wait_of_a_host(scene: Scene, state: Path) -> None:
    begun = anyio.Event()
    got: list[dict[str, object]] = []
    async with started(scene.here, state) as bridge, host(bridge, scene.scout.key, "legacy") as llm:
        await live(llm)
        await llm.list_tools()

        async def wait() -> None:
            result = await llm.call_tool("inbox_wait", {}, progress_callback=setting(begun))
            got.append(result.structured_content or {})

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await begun.wait()
                bridge.process.send_signal(signal.SIGTERM)
        assert [(one["messages"], one["advice"]) for one in got] == [([], "again")]
        assert "Traceback" not in await bridge.ended()
        assert bridge.process.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_serves_until_a_signal(scene: Scene, state: Path, how: signal.Signals) -> None:
    async with started(scene.here, state) as bridge:
        async with httpx2.AsyncClient(base_url=bridge.url, headers=HEADERS) as http:
            assert (await http.get("/readyz")).text == "ready"
            refused = await http.post("/mcp", json={})
            assert refused.status_code == 401
            listed = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            headers = {"X-API-Key": scene.scout.key}
            assert (await http.post("/mcp", json=listed, headers=headers)).status_code == 400
        bridge.process.send_signal(how)
        said = await bridge.ended()
        assert "Traceback" not in said
        assert scene.scout.key not in said
        assert bridge.process.returncode == 0


async def test_a_session_that_nobody_uses_ends(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant, "IDLE", 0.2)
    with log() as heard:
        async with serving(scene.here, state) as bridge:
            async with host(bridge, scene.scout.key) as llm:
                await llm.list_tools()
            await heard.until(f"agent:{scene.scout.id}: ended")
            async with host(bridge, scene.scout.key) as llm:
                await live(llm)
