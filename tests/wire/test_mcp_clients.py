"""Published MCP clients, unchanged, at the bridge as hosts start it: they list, wait, hear and answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import StdioServerParameters

from tests.wire.foreign import PATIENCE, STARTING, environment, installed, node, python, script, walker
from tests.world import Somebody, World, bridge, say
from thenvoi_bridge.bridge import profiles, prompts
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages

pytestmark = pytest.mark.timeout(300)

OLD_ERA, FIRST, NEW_ERA = "2025-11-25", "2024-11-05", "2026-07-28"
INSPECTOR = "@modelcontextprotocol/inspector"
Npm = Callable[..., list[str]]


@pytest.fixture
def npm(tmp_path: Path, npm_cache: Path) -> Npm:
    """The command of a walk, beside the package that it is on."""

    def command(package: str, walk: str) -> list[str]:
        return node(str(script(tmp_path, installed(npm_cache, package), walk, "mcp_walk.mjs")))

    return command


def pypi(*packages: str) -> Callable[[Npm], list[str]]:
    return lambda _: [*python(*packages), "-m", "tests.wire.mcp_walk"]


def typescript(package: str, walk: str) -> Callable[[Npm], list[str]]:
    return lambda npm: npm(package, walk)


ONE = typescript("@modelcontextprotocol/sdk@1.32.2", "mcp_walk_1.mjs")
TWO = typescript("@modelcontextprotocol/client@2.4.0", "mcp_walk_2.mjs")
thorough = partial(pytest.param, marks=pytest.mark.thorough)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("command", "era", "version"),
    [
        pytest.param(pypi("mcp==1.30.0"), "legacy", OLD_ERA, id="python 1.30.0"),
        thorough(pypi("mcp==1.2.1", "pydantic<2.11"), "legacy", FIRST, id="python 1.2.1"),
        thorough(ONE, "legacy", OLD_ERA, id="typescript 1.32.2"),
        thorough(TWO, "legacy", OLD_ERA, id="typescript 2.4.0 legacy"),
        thorough(TWO, "auto", NEW_ERA, id="typescript 2.4.0"),
    ],
)
async def test_a_host_on_a_published_sdk_hears_and_answers_and_what_it_cancels_takes_nothing(
    here: World, tmp_path: Path, npm: Npm, command: Callable[[Npm], list[str]], era: str, version: str
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    server = bridge(here.url, scout.key, tmp_path / "state")
    async with walker([*command(npm), era, server.command, *server.args], **server.env or {}) as it:
        connected = await it.says("connected", STARTING)
        assert (connected["version"], connected["tools"]) == (version, [*profiles.AGENT])
        assert connected["prompts"] == [*prompts.PROMPTS]
        await it.says("beat")
        await it.says("cancelled")
        sent = await say(alice, room, scout, "far away?")
        assert (await it.says("told"))["id"] == sent.id
        heard = await it.says("heard")
        assert (heard["id"], heard["attempt"]) == (sent.id, 1)
        await it.says("replied")
    processed = await scout.call(ListMessages(chat_id=room.id, status="processed"))
    assert [message.id for message in processed.data] == [sent.id]
    answer = (await alice.call(ListMyMessages(chat_id=room.id))).data[0]
    assert (answer.sender_id, answer.content) == (scout.id, f"@[[{alice.id}]] from afar")


async def inspected(main: Path, era: str, server: StdioServerParameters, *asked: str) -> Any:
    """What the Inspector says of a bridge. It hands on no more of an environment than is named."""
    ours = {name: value for name, value in (server.env or {}).items() if name.startswith("THENVOI_")}
    handed = [word for name, value in ours.items() for word in ("-e", f"{name}={value}")]
    target = ["--cli", server.command, *server.args, *handed, "--protocol-era", era, "--format", "json"]
    run = partial(subprocess.run, capture_output=True, text=True, timeout=PATIENCE, env=environment())
    ran = await anyio.to_thread.run_sync(run, [*node(str(main)), *target, *asked])
    assert ran.returncode == 0, ran.stderr  # 5 is a tool's error, 6 an error in a schema
    said = json.loads(ran.stdout)
    assert said.keys() == {"result"}  # and no warning about a schema
    return said["result"]


@pytest.mark.thorough
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_inspector_finds_nothing_in_any_schema_and_may_call_and_read(
    here: World, tmp_path: Path, npm_cache: Path, era: str
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    home = installed(npm_cache, f"{INSPECTOR}@2.12.0") / "node_modules" / INSPECTOR
    ask = partial(inspected, home / "clients/launcher/build/index.js", era)
    keyed: list[tuple[Somebody, Side]] = [(alice, "human"), (scout, "agent")]
    for who, side in keyed:
        server = bridge(here.url, who.key, tmp_path / who.name, THENVOI_TOOLSETS="all")
        tools = (await ask(server, "--method", "tools/list", "--strict"))["tools"]
        every = profiles.chosen([side], profiles.Choice(toolsets=("all",)))
        assert [tool["name"] for tool in tools] == [tool.name for tool in every]
    called = await ask(server, "--method", "tools/call", "--tool-name", "get_me")
    assert scout.id in called["content"][0]["text"]
    read = await ask(server, "--method", "resources/read", "--uri", "thenvoi://status")
    assert json.loads(read["contents"][0]["text"])["bridge"]
