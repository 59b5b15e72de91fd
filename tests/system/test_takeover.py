"""Processes of one agent: one has a socket, each serves its host, and the next one takes over."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.faults.bridges import Bridge, Sockets, started
from tests.world import Somebody, World, say, world
from thenvoi_bridge.bridge import receiving, wording
from thenvoi_bridge.bridge.seat import BEAT, SILENT
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import ListMyMessages

SOON = 5.0
"""Seconds within which the next process has taken over; it takes about half a second."""

LATE = 10.0
"""Seconds a message takes at most that comes by looking."""


@dataclass
class Scene:
    """A platform with a room of Alice and her agent Scout, whose bridges come and go."""

    here: World
    sockets: Sockets
    alice: Somebody
    scout: Somebody
    room: ChatRoom
    state: Path
    bridges: AsyncExitStack

    async def start(self, number: int, state: Path | None = None) -> list[Bridge]:
        """So many processes, started at once, each of which says that messages arrive."""
        url, key, folder = self.here.url, self.scout.key, state or self.state
        new = [started(url, key, folder, THENVOI_LOG_LEVEL="error") for _ in range(number)]
        bridges = [await self.bridges.enter_async_context(one) for one in new]
        async with anyio.create_task_group() as tasks:
            for bridge in bridges:
                tasks.start_soon(bridge.greet)
        for bridge in bridges:
            await bridge.live()
        return bridges

    async def line(self, number: int) -> list[Bridge]:
        """So many processes, the one that receives first."""
        return [bridge for _ in range(number) for bridge in await self.start(1)]

    async def mention(self, text: str = "hi") -> str:
        """Alice mentions Scout; the message's id."""
        return (await say(self.alice, self.room, self.scout, text)).id

    @property
    def opened(self) -> tuple[int, int]:
        """How many sockets Scout has opened so far, and the most at a time."""
        key = self.scout.key
        return self.sockets.opened[key], self.sockets.most[key]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncGenerator[Scene]:
    sockets = Sockets()
    async with world(tmp_path / "platform", around=sockets.around) as here, AsyncExitStack() as bridges:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        room = await here.room(alice, scout)
        yield Scene(here, sockets, alice, scout, room, tmp_path / "state", bridges)


def receives(status: dict[str, Any]) -> bool:
    return status["connection"] == "live" and status["socket"]["here"] is True


async def handed(bridge: Bridge, id: str) -> float:
    """The seconds until a host is handed a message, and nothing else; it is ended."""
    began = time.monotonic()
    while not (messages := (await bridge.tool("inbox_wait", timeout_s=30))["messages"]):
        assert time.monotonic() - began < 60
    await bridge.tool("inbox_ack", message_ids=[id])
    assert [message["id"] for message in messages] == [id]
    return time.monotonic() - began


async def killed(bridge: Bridge) -> None:
    await bridge.kill()


async def left(bridge: Bridge) -> None:
    await bridge.leave()


@pytest.mark.thorough
@pytest.mark.parametrize("gone", [killed, left])
async def test_when_the_process_that_receives_ends_the_next_one_takes_over_within_seconds(
    scene: Scene, gone: Callable[[Bridge], Awaitable[None]]
) -> None:
    owner, *others = await scene.line(3)
    assert scene.opened == (1, 1)
    await gone(owner)
    began = time.monotonic()
    sent = await scene.mention("while nobody hears")
    await handed(others[0], sent)
    for bridge in others:
        await bridge.live()
    assert time.monotonic() - began < SOON
    assert sum([receives(await bridge.status()) for bridge in others]) == 1
    assert scene.opened == (2, 1)


@pytest.mark.thorough
async def test_a_host_whose_process_has_no_socket_is_told_at_once(scene: Scene) -> None:
    _, follower = await scene.line(2)
    for _ in range(3):
        sent = await scene.mention()
        assert await handed(follower, sent) < 3


@pytest.mark.thorough
async def test_of_eight_processes_that_start_at_once_one_has_a_socket_and_each_serves_its_host(
    scene: Scene,
) -> None:
    bridges = await scene.start(8)
    assert sum([receives(await bridge.status()) for bridge in bridges]) == 1
    assert scene.opened == (1, 1)
    for number, bridge in enumerate(bridges):
        sent = await scene.mention(f"number {number}")
        (message,) = (await bridge.tool("inbox_wait", timeout_s=20))["messages"]
        assert message["id"] == sent
        await bridge.tool("reply", message_ids=[sent], content=f"answer {number}")
    said = (await scene.alice.call(ListMyMessages(chat_id=scene.room.id, page_size=100))).data
    assert len([message for message in said if message.sender_id == scene.scout.id]) == 8


@pytest.mark.thorough
@pytest.mark.timeout(240)
async def test_while_the_process_that_receives_is_stopped_the_others_look_and_leave_its_socket_alone(
    scene: Scene,
) -> None:
    owner, follower, _ = await scene.line(3)
    owner.stop()
    sent = await scene.mention("while it hangs")
    assert await handed(follower, sent) < SILENT + BEAT + LATE
    status = await follower.status()
    assert (status["connection"], status["socket"]["reason"]) == ("waiting", receiving.HANGS)
    for _ in range(2):
        assert await handed(follower, await scene.mention("it still hangs")) < LATE
    assert scene.opened == (1, 1)
    owner.resume()
    assert await owner.live()
    for bridge in (owner, follower):
        await bridge.until(lambda status: status["connection"] == "live", SOON)
    assert not receives(await follower.status())
    sent = await scene.mention("it is back")
    assert await handed(follower, sent) < LATE
    assert scene.opened[1] == 1


@pytest.mark.thorough
async def test_the_older_of_two_computers_stands_back_and_can_still_send(
    scene: Scene, tmp_path: Path
) -> None:
    (older,) = await scene.start(1)
    (newer,) = await scene.start(1, tmp_path / "another computer")
    await older.until(lambda status: status["connection"] == "standby")
    sent = await scene.mention()
    answer = await older.tool("inbox_wait", timeout_s=2)
    assert (answer["messages"], answer["note"]) == ([], wording.STANDBY)
    mentions = [scene.alice.handle]
    await older.tool("send_message", chat_id=scene.room.id, content="hello", mentions=mentions)
    await handed(newer, sent)
    assert scene.opened[0] == 2
