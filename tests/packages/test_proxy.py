"""compose.yaml and deploy/Caddyfile without containers: streams pass, and nodes may be killed or replaced."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream
from mcp import Client as McpClient

from tests import postgres
from tests.hosting.team import host, live, setting, shown
from tests.machine import free_port
from tests.packages.behind import PATIENCE, Town, configured, proxy, town
from tests.world import Somebody, listening, say
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import MessageSent

NUMBERS = count(1)
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Scene:
    """Alice owns the agent Scout and the room with the two of them."""

    here: Town
    alice: Somebody
    scout: Somebody
    room: ChatRoom

    @property
    def url(self) -> str:
        """Where hosts find the bridge."""
        return self.here.bridge

    async def say(self, text: str) -> MessageSent:
        return await say(self.alice, self.room, self.scout, text)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Town]:
    with postgres.server() as server:
        async with town(tmp_path_factory.mktemp("town"), server) as here:
            yield here


@pytest.fixture
async def scene(place: Town) -> Scene:
    alice = await place.person(organization=f"Acme{next(NUMBERS)}")
    scout = await place.agent(alice, "Scout")
    return Scene(place, alice, scout, await place.room(alice, scout))


async def heard(llm: McpClient, sent: MessageSent) -> None:
    """Have the host wait until it has this, and answer."""
    with anyio.fail_after(PATIENCE):
        while sent.id not in [m["id"] for m in (await shown(llm, "inbox_wait", timeout_s=5))["messages"]]:
            pass
        answered = await llm.call_tool("reply", {"message_ids": [sent.id], "content": "yes"})
    assert not answered.is_error, answered.content


async def test_streams_and_sockets_pass_as_they_come_and_end_when_their_host_goes(scene: Scene) -> None:
    await names_are_passed_on(scene)
    told, begun = anyio.Event(), anyio.Event()
    async with host(scene, scene.scout.key) as llm:
        await live(llm)  # so the socket of the platform passes
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: llm.call_tool("inbox_wait", {}, progress_callback=setting(begun)))
            with anyio.fail_after(PATIENCE):
                await begun.wait()  # a sign of life while the call lasts
            tasks.cancel_scope.cancel()
        async with listening(llm, told.set):
            sent = await scene.say("far away?")
            with anyio.fail_after(PATIENCE):
                await told.wait()  # while the stream is open
        (message,) = (await shown(llm, "inbox_wait", timeout_s=20))["messages"]
        assert (message["id"], message["attempt"]) == (sent.id, 1)  # the wait that ended has taken nothing


async def names_are_passed_on(scene: Scene) -> None:
    """The bridge learns by which name it was asked for, and decides."""
    async with httpx2.AsyncClient() as http:
        answer = await http.get(f"{scene.url}/readyz", headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert (await http.get(f"{scene.url}/readyz")).text == "ready"
        assert (await http.post(f"{scene.url}/mcp", json={})).status_code == 401


@pytest.mark.parametrize("site", ["bridge", "platform"])
async def test_what_says_whence_a_request_comes_is_not_passed_on(tmp_path: Path, site: str) -> None:
    heads: list[str] = []

    async def note(stream: SocketStream) -> None:
        async with stream:
            heads.append((await stream.receive()).decode().lower())
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    ports, there = (
        {half: free_port() for half in ("bridge", "platform")},
        listener.extra(SocketAttribute.local_port),
    )
    nodes = {f"{half}-{n}": there for half in ports for n in "12"}
    lies = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "a",
        "X-Forwarded-Proto": "https",
        "Forwarded": "b",
    }
    async with listener, anyio.create_task_group() as tasks, httpx2.AsyncClient() as http:
        tasks.start_soon(listener.serve, note)
        async with proxy(tmp_path, configured(ports, nodes)):
            answer = await http.get(
                f"http://127.0.0.1:{ports[site]}/here", headers={**lies, "X-API-Key": "k"}
            )
        tasks.cancel_scope.cancel()
    assert answer.status_code == 200
    (head,) = [head for head in heads if head.startswith("get /here ")]
    assert "x-api-key: k" in head
    asked = [head for head in heads if head.startswith("get /readyz ")]
    assert asked
    assert all("\r\nhost: localhost\r\n" in head for head in asked)  # a name that every server answers to
    assert "forwarded" not in head


async def test_nodes_may_be_killed_or_replaced_one_after_the_other_while_a_host_hears_on(
    scene: Scene,
) -> None:
    async with host(scene, scene.scout.key) as llm:
        await live(llm)
        for nodes in (scene.here.platforms, scene.here.bridges):
            for node, how in zip(nodes, (signal.SIGKILL, signal.SIGTERM), strict=True):
                await node.end(how)
                await heard(llm, await scene.say(f"without the one that got {how.name}"))
                await node.begin()
