"""Two bridges behind a proxy that sends every request to the other one: no host notices, in either era."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client as McpClient
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE
from tests.hosting.front import Replicas, replicas
from tests.hosting.team import HEADERS, INITIALIZE, host, live, read, setting, shown
from tests.world import listening, say

pytestmark = pytest.mark.usefixtures("quick")

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def turn_to(bridge: Replicas, llm: McpClient, turn: int) -> None:
    """Ask for something, if otherwise another one would be next."""
    if len(bridge.asked) % len(bridge.bridges) != turn:
        await llm.list_resources(cache_mode="bypass")
    assert len(bridge.asked) % len(bridge.bridges) == turn


@pytest.mark.thorough
@ERAS
async def test_a_host_waits_hears_and_answers_whichever_is_asked(
    scene: Scene, state: Path, mode: str
) -> None:
    got: list[dict[str, object]] = []
    async with (
        replicas(scene.here, state, max_wait=20) as bridge,
        host(bridge, scene.scout.key, mode) as llm,
    ):
        await live(llm)
        assert (llm.protocol_version == "2026-07-28") == (mode == "auto")

        async def wait(begun: anyio.Event) -> None:
            result = await llm.call_tool("inbox_wait", {}, progress_callback=setting(begun))
            got.extend((result.structured_content or {})["messages"])

        await llm.list_tools()  # a client looks a tool up before it shows what it said
        with anyio.fail_after(PATIENCE):
            for number in range(2):
                await turn_to(bridge, llm, number)
                begun = anyio.Event()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(wait, begun)
                    await begun.wait()
                    sent = await say(scene.alice, scene.room, scene.scout, f"is {number} green?")
                assert got[-1]["id"] == sent.id
                await turn_to(bridge, llm, 1 - number)  # which did not hand it out
                answer = await llm.call_tool("reply", {"message_ids": [sent.id], "content": f"{number} is"})
                assert not answer.is_error, answer
        for _ in bridge.bridges:
            assert (await read(llm, "thenvoi://inbox"))["messages"] == []


@pytest.mark.thorough
async def test_what_one_has_handed_out_another_ends(scene: Scene, state: Path) -> None:
    async with replicas(scene.here, state) as bridge, host(bridge, scene.scout.key) as llm:
        await live(llm)
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        (got,) = (await shown(llm, "inbox_wait", timeout_s=10))["messages"]
        await turn_to(bridge, llm, 1 - bridge.asked[-1][0])
        ended = await shown(llm, "inbox_ack", message_ids=[got["id"]], outcome="failed", error="no idea")
        assert "error" not in ended, ended
        assert got["id"] == sent.id


@pytest.mark.thorough
@ERAS
async def test_all_are_told_of_what_came_as_far_as_their_era_can(
    scene: Scene, state: Path, mode: str
) -> None:
    told = [anyio.Event(), anyio.Event()]
    async with replicas(scene.here, state) as bridge, host(bridge, scene.scout.key, mode) as llm:
        await live(llm)
        resources = llm.server_capabilities.resources
        assert resources
        if mode == "legacy":
            assert (bool(resources.subscribe), bool(resources.list_changed)) == (False, False)
            with pytest.warns(MCPDeprecationWarning), pytest.raises(MCPError, match="Method not found"):
                await llm.subscribe_resource("thenvoi://inbox")
            return
        assert (resources.subscribe, resources.list_changed) == (True, True)
        with anyio.fail_after(PATIENCE):
            async with listening(llm, told[0].set), listening(llm, told[1].set):  # one on each
                await say(scene.alice, scene.room, scene.scout, "hello")
                for event in told:
                    await event.wait()


@pytest.mark.thorough
async def test_a_wait_that_is_closed_takes_nothing(scene: Scene, state: Path) -> None:
    begun = anyio.Event()
    async with replicas(scene.here, state, max_wait=20) as bridge, host(bridge, scene.scout.key) as llm:
        await live(llm)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(llm.call_tool, "inbox_wait", {}, progress_callback=setting(begun)))
            await begun.wait()
            tasks.cancel_scope.cancel()
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        with anyio.fail_after(PATIENCE):
            assert [m["id"] for m in (await shown(llm, "inbox_wait"))["messages"]] == [sent.id]


@pytest.mark.thorough
async def test_so_it_is_in_the_old_era_for_whoever_closes_the_connection(scene: Scene, state: Path) -> None:
    key = {"Authorization": f"Bearer {scene.scout.key}"}
    params = {"name": "inbox_wait", "arguments": {}, "_meta": {"progressToken": 1}}
    wait = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}
    async with (
        replicas(scene.here, state, max_wait=20) as bridge,
        httpx2.AsyncClient(base_url=bridge.url, headers=HEADERS | key, timeout=PATIENCE) as http,
        host(bridge, scene.scout.key, "legacy") as llm,
    ):
        await live(llm)
        with anyio.fail_after(PATIENCE):
            async with http.stream("POST", "/mcp", json=wait) as stream:
                async for line in stream.aiter_lines():
                    if "notifications/progress" in line:
                        break
            sent = await say(scene.alice, scene.room, scene.scout, "hello")
            assert [m["id"] for m in (await shown(llm, "inbox_wait"))["messages"]] == [sent.id]


@pytest.mark.thorough
async def test_without_sessions_there_is_no_stream_to_open_and_nothing_to_end(
    scene: Scene, state: Path
) -> None:
    key = {"Authorization": f"Bearer {scene.scout.key}"}
    async with (
        replicas(scene.here, state, 1) as bridge,
        httpx2.AsyncClient(base_url=bridge.url, headers=HEADERS | key) as http,
    ):
        begun = await http.post("/mcp", json=INITIALIZE)
        assert begun.status_code == 200
        assert "mcp-session-id" not in begun.headers
        for method in ("GET", "DELETE"):
            refused = await http.request(method, "/mcp")
            assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
