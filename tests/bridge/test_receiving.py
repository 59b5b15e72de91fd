"""What the process that receives makes of what it hears, of what it does not, and of what comes too late."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.bridge.cable import Cable, cable
from tests.bridge.conftest import Scene
from tests.bridge.crowd import no_socket
from tests.bridge.desk import PATIENCE, Desk, desk, found, live
from tests.world import say
from thenvoi_bridge.bridge import receiving
from thenvoi_bridge.bridge import session as sessions
from thenvoi_bridge.bridge.endpoint import Endpoint
from thenvoi_bridge.bridge.rooms import Rooms
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.chats import ListChats
from thenvoi_bridge.contract.participants import AddMyParticipant, Participant, RemoveMyParticipant

NEVER = 3600.0
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
ALICE, SCOUT = (
    Participant(id=name, type="Agent", role="member", status="active", handle=name.lower(), name=name)
    for name in ("Alice", "Scout")
)


# What is known of the rooms


class Asked:
    """Says who is in a room, as it stands when it is asked, but answers only when it may."""

    def __init__(self) -> None:
        self.people: Sequence[Participant] = [ALICE]
        self.times = 0
        self.asked, self.may_answer = anyio.Event(), anyio.Event()

    async def __call__(self, _: str) -> Sequence[Participant]:
        people, self.times = self.people, self.times + 1
        self.asked.set()
        await self.may_answer.wait()
        return people


@pytest.mark.parametrize(
    "change",
    [
        lambda rooms: rooms.changed("a"),
        lambda rooms: rooms.left("a"),
        lambda rooms: rooms.doubt(),
        lambda rooms: rooms.learn({"a": (None, 7)}),
    ],
    ids=["told", "left", "in doubt", "learnt"],
)
async def test_an_answer_that_a_change_has_overtaken_is_not_remembered(
    change: Callable[[Rooms], None],
) -> None:
    asked = Asked()
    rooms = Rooms(asked)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rooms.participants, "a")
        await asked.asked.wait()
        asked.people = [ALICE, SCOUT]
        change(rooms)
        asked.may_answer.set()
    assert await rooms.participants("a") == [ALICE, SCOUT]
    assert await rooms.participants("a") == [ALICE, SCOUT]
    assert asked.times == 2


async def test_what_is_learnt_is_forgotten_where_it_has_changed_and_nowhere_else() -> None:
    asked = Asked()
    asked.may_answer.set()
    rooms = Rooms(asked)

    async def times(*chat_ids: str) -> int:
        before = asked.times
        for chat_id in chat_ids:
            await rooms.participants(chat_id)
        return asked.times - before

    assert rooms.learn({"a": ("Tea", 0), "b": (None, 3)})
    assert not rooms.learn({"b": (None, 3), "a": ("Tea", 0)})
    assert await times("a", "b") == 2
    assert rooms.learn({"a": ("Coffee", 0), "b": (None, 3)})
    assert rooms.titles == {"a": "Coffee", "b": None}
    assert await times("a", "b") == 0
    assert rooms.learn({"a": ("Coffee", 1), "b": (None, 3)})
    assert await times("a", "b") == 1
    assert rooms.learn({"a": ("Coffee", 1)})
    assert rooms.titles == {"a": "Coffee"}
    assert await times("a") == 0
    assert rooms.learn({"a": ("Coffee", 1), "b": (None, 3)})
    assert await times("a", "b") == 1


# Without a socket


@asynccontextmanager
async def wired(scene: Scene, state: Path) -> AsyncGenerator[tuple[Desk, Cable]]:
    """A host that hears over a cable."""
    async with cable(scene.here) as wire:
        endpoint = Endpoint(scene.here.url, ws_url=wire.url, agent_key=scene.scout.key)
        async with desk(found(endpoint), state) as host:
            await host.until("live")
            yield host, wire


async def test_where_the_socket_is_refused_everything_is_looked_at_at_once(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK_AGAIN", NEVER)
    sent = await say(scene.alice, scene.room, scene.scout, "in a room that is new here")
    async with no_socket(NOT_FOUND) as url:
        endpoint = Endpoint(scene.here.url, ws_url=url, agent_key=scene.scout.key)
        async with desk(found(endpoint), state) as host:
            await host.until("refused")
            await host.unread(1)
            (message,) = (await host.shown("inbox_wait"))["messages"]
            assert message["id"] == sent.id
            assert "404" in (await host.read("thenvoi://status"))["socket"]["reason"]


async def test_a_local_platform_at_whose_address_something_else_answers_is_looked_for_again(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 0.1)
    async with no_socket(NOT_FOUND) as url:
        wrong = Endpoint(scene.here.url, ws_url=url, agent_key=scene.scout.key, local=True)
        right = Endpoint(scene.here.url, agent_key=scene.scout.key, local=True)
        places = [wrong, right]

        async def locate(_: str) -> Endpoint:
            return places.pop(0) if len(places) > 1 else places[0]

        async with desk(locate, state) as host:
            await host.until("live")
            assert host.session.endpoint == right


async def test_without_a_socket_nobody_is_remembered_for_longer_than_until_the_next_look(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK_AGAIN", 0.1)
    writer = await scene.here.agent(scene.alice, "Writer")
    async with no_socket(NOT_FOUND) as url:
        endpoint = Endpoint(scene.here.url, ws_url=url, agent_key=scene.scout.key)
        async with desk(found(endpoint), state) as host:
            await host.until("refused")

            async def there(expected: bool) -> bool:
                people = await host.seat.rooms.participants(scene.room.id)
                return (writer.id in {person.id for person in people}) is expected

            assert await there(False)
            await scene.alice.call(AddMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
            await host.rung(partial(there, True))
            await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
            await host.rung(partial(there, False))


# What comes too late


async def test_a_look_that_began_before_the_socket_was_lost_does_not_make_it_live(
    island: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK", 0.2)
    looks = Looks(monkeypatch)
    async with wired(island, state) as (host, wire):
        looks.hold()
        await looks.are_held(1)
        wire.cut()
        with anyio.fail_after(PATIENCE):
            await wire.tried()
        room = await island.here.room(island.alice, island.scout)
        await say(island.alice, room, island.scout, "while the socket was cut")
        wire.mend()

        async def is_open() -> bool:
            return host.seat.reception.word == "live"

        await host.rung(is_open)
        looks.let_one_go()
        await looks.are_held(2)
        with anyio.move_on_after(0.5) as in_vain:
            await host.until("live")
        assert in_vain.cancelled_caught  # for the new room is not known yet
        looks.let_all_go()
        await host.until("live")
        await host.unread(1)


class Looks:
    """Holds back the listings of rooms, once they are answered, as a slow line may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._held = 0
        self._rang = anyio.Event()
        self._gates: list[anyio.Event] = []
        self._holds = False
        real: Callable[..., Awaitable[Any]] = Client.__call__

        async def slow(client: Client, call: Call[Any], **more: Any) -> Any:
            answer = await real(client, call, **more)
            if self._holds and isinstance(call, ListChats):
                await self._wait()
            return answer

        monkeypatch.setattr(Client, "__call__", slow)

    async def _wait(self) -> None:
        gate = anyio.Event()
        self._gates.append(gate)
        self._held += 1
        self._rang.set()
        await gate.wait()

    async def are_held(self, number: int) -> None:
        """Wait until so many have been held back so far."""
        with anyio.fail_after(PATIENCE):
            while self._held < number:
                self._rang = anyio.Event()
                await self._rang.wait()

    def hold(self) -> None:
        """Hold back each from now on."""
        self._holds = True

    def let_one_go(self) -> None:
        """Let the first one through that is held."""
        self._gates.pop(0).set()

    def let_all_go(self) -> None:
        """Hold back no more."""
        self._holds = False
        while self._gates:
            self.let_one_go()


async def test_a_room_that_slips_between_two_pages_of_the_listing_is_not_left(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "PAGE", 2)
    monkeypatch.setattr(receiving, "LOOK", 0.1)
    rooms = [scene.room, *[await scene.here.room(scene.alice, scene.scout) for _ in range(2)]]
    known: list[set[str]] = []
    async with live(scene.here, scene.scout, state) as host:
        away = RemoveMyParticipant(chat_id=rooms[0].id, participant_id=scene.scout.id)
        real: Callable[..., Awaitable[Any]] = Client.__call__
        three_times = anyio.Event()

        async def listing(client: Client, call: Call[Any], **more: Any) -> Any:
            answer = await real(client, call, **more)
            if isinstance(call, ListChats) and call.page == 1:
                if not known:
                    await real(scene.alice.call, away)
                known.append(set(host.seat.rooms.titles))
                if len(known) == 3:
                    three_times.set()
            return answer

        monkeypatch.setattr(Client, "__call__", listing)
        with anyio.fail_after(PATIENCE):
            await three_times.wait()
    assert all(rooms[2].id in titles for titles in known)
    assert rooms[0].id not in known[-1]
