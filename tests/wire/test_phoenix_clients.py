"""The published Phoenix clients, unchanged: they join, are refused, hear, leave, and outlive a restart."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.wire.foreign import STARTING, Walker, installed, node, python, script, walker
from tests.world import Somebody, World, say, world
from thenvoi_bridge.contract.participants import AddMyParticipant, RemoveMyParticipant
from thenvoi_bridge.settings import Platform

pytestmark = pytest.mark.timeout(300)

STOCK = ["phoenix@1.8.16", "ws@8.23.0"]


@dataclass(frozen=True)
class Client:
    """A published client: the command of a walker, the way it is to connect, and the end of the path."""

    name: str
    command: list[str]
    way: str
    path_end: str = ""

    @asynccontextmanager
    async def started(self, here: World, key: str, heartbeat: float = 30) -> AsyncGenerator[Walker]:
        """The client, trying to connect with this key."""
        url = f"{here.url.replace('http', 'ws')}/api/v1/socket{self.path_end}"
        async with walker([*self.command, url, str(heartbeat)], KEY=key, WAY=self.way) as it:
            yield it

    @asynccontextmanager
    async def connected(self, here: World, who: Somebody, heartbeat: float = 30) -> AsyncGenerator[Walker]:
        """The client, connected as somebody."""
        async with self.started(here, who.key, heartbeat) as it:
            await it.says("connected", STARTING)
            yield it


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory, npm_cache: Path) -> Path:
    """A script beside the stock JavaScript client."""
    return script(tmp_path_factory.mktemp("stock"), installed(npm_cache, *STOCK), "phoenix_walk.mjs")


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    """A client by its version or name, and the way it is to connect if that is not the usual one."""
    name, _, way = request.param.partition(" ")
    if name == "phoenix.js":
        return Client(name, node(str(request.getfixturevalue("stock"))), way)
    package = f"phoenix-channels-python-client=={name}"
    return Client(name, [*python(package), "-m", "tests.wire.phoenix_walk"], way, "/websocket")


NEWEST, PUBLISHED = "0.4.1", ("0.1.5", "0.4.1", "phoenix.js")


def clients(*names: str) -> pytest.MarkDecorator:
    """Run a test with these clients; with all but the newest only in the thorough round."""
    thorough = pytest.mark.thorough
    every = [pytest.param(name, marks=() if name == NEWEST else thorough) for name in names]
    return pytest.mark.parametrize("client", every, indirect=True)


@clients(*PUBLISHED, "0.1.5 V1", "0.4.1 V1", "phoenix.js token")
async def test_an_agents_client_joins_hears_and_leaves(here: World, client: Client) -> None:
    alice = await here.person()
    scout, muse = await here.agent(alice, "Scout"), await here.agent(alice, "Muse")
    rooms = f"agent_rooms:{scout.id}"
    async with client.connected(here, scout) as it:
        await it.joins(rooms)
        room = await here.room(alice, scout)
        assert (await it.hears(rooms, "room_added"))["id"] == room.id
        chat, people = f"chat_room:{room.id}", f"room_participants:{room.id}"
        await it.joins(chat)
        await it.joins(people)
        sent = await say(alice, room, scout, "hello")
        assert (await it.hears(chat, "message_created"))["id"] == sent.id
        await alice.call(AddMyParticipant(chat_id=room.id, participant_id=muse.id))
        assert (await it.hears(people, "participant_added"))["handle"] == muse.handle
        await alice.call(RemoveMyParticipant(chat_id=room.id, participant_id=muse.id))
        assert (await it.hears(people, "participant_removed"))["id"] == muse.id
        await it.leaves(chat)
        await say(alice, room, scout, "is not heard")
        other = await here.room(alice, scout)
        assert (await it.hears(rooms, "room_added"))["id"] == other.id


@clients(*PUBLISHED)
async def test_a_client_is_told_why_it_may_not_join(here: World, client: Client) -> None:
    alice = await here.person()
    scout, muse = await here.agent(alice, "Scout"), await here.agent(alice, "Muse")
    room = await here.room(alice, muse)
    async with client.connected(here, scout) as it:
        for topic in (f"chat_room:{room.id}", f"room_participants:{room.id}", f"agent_rooms:{muse.id}"):
            assert (await it.is_refused(topic)).endswith("unauthorized")
        assert (await it.is_refused(f"weather:{room.id}")).endswith("unmatched topic")
        await it.joins(f"agent_rooms:{scout.id}")


@clients(*PUBLISHED)
async def test_a_client_is_refused_with_a_key_that_nobody_issued(here: World, client: Client) -> None:
    async with client.started(here, "thnv_a_0_nobody") as it:
        assert "403" in (await it.says("failed", STARTING))["why"]


@pytest.mark.thorough
@clients(*PUBLISHED)
async def test_a_client_hears_again_after_the_platform_was_restarted(here: World, client: Client) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    # 0.1.5 comes back with two connections. A person may have both; an agent's second ends its first, for
    # which the client comes back with two connections, and so on: it hears, but not all the time.
    who = alice if client.name == "0.1.5" else scout
    chat = f"chat_room:{room.id}"
    async with client.connected(here, who) as it:
        await it.joins(chat)
        await here.stop()
        await here.start()
        await it.comes_back()
        sent = await say(alice, room, scout, "still there?")
        assert (await it.hears(chat, "message_created"))["id"] == sent.id


@pytest.mark.thorough
@clients(*PUBLISHED)
async def test_heartbeats_keep_a_client_connected(client: Client, tmp_path: Path) -> None:
    async with world(tmp_path / "platform", Platform(idle=1)) as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        async with client.connected(here, scout, heartbeat=0.3) as it:
            await it.joins(f"agent_rooms:{scout.id}")
            for _ in range(5):  # which takes longer than the platform is patient
                await it.says("beat")
            room = await here.room(alice, scout)
            assert (await it.hears(f"agent_rooms:{scout.id}", "room_added"))["id"] == room.id
