"""Looking through rooms finds all that is open, however the list moves meanwhile, and never gives up."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE
from tests.world import say
from thenvoi_bridge.bridge import sweeping
from thenvoi_bridge.bridge.rooms import Rooms
from thenvoi_bridge.bridge.sweeping import Sweeper
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.lifecycle import MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.messages import ListMessages
from thenvoi_bridge.contract.participants import ListParticipants, RemoveMyParticipant
from thenvoi_bridge.inbox.core import OPEN, State
from thenvoi_bridge.inbox.store import Inbox


class At:
    """A sweeper at work, and a way to wait until it has caught up."""

    def __init__(self, scene: Scene, inbox: Inbox, client: Client) -> None:
        async def ask(chat_id: str) -> Any:
            return await client(ListParticipants(chat_id=chat_id))

        self.rooms = Rooms(ask)
        self.rooms.entered(scene.room.id, scene.room.title)
        self.sweeper = Sweeper(client, inbox, self.rooms)
        self._caught_up = anyio.Event()

    async def sweep(self, *chat_ids: str) -> None:
        self._caught_up = anyio.Event()
        self.sweeper.mark(chat_ids)
        with anyio.fail_after(PATIENCE):
            await self._caught_up.wait()
        assert self.sweeper.behind == 0

    async def run(self) -> None:
        await self.sweeper.run(lambda: self._caught_up.set())


@asynccontextmanager
async def at_work(scene: Scene, inbox: Inbox, client: Client | None = None) -> AsyncGenerator[At]:
    async with anyio.create_task_group() as tasks:
        it = At(scene, inbox, client or scene.scout.call)
        tasks.start_soon(it.run)
        yield it
        tasks.cancel_scope.cancel()


async def found(inbox: Inbox, *states: State) -> list[str]:
    return [item.id for item in (await inbox.page(None, None, 1000, states or OPEN)).items]


async def said(scene: Scene, number: int) -> list[str]:
    return [(await say(scene.alice, scene.room, scene.scout, f"{n}")).id for n in range(number)]


async def test_what_is_marked_is_read_and_what_is_not_is_not(scene: Scene, inbox: Inbox) -> None:
    sent = await said(scene, 3)
    async with at_work(scene, inbox) as it:
        assert await found(inbox) == []
        await it.sweep(scene.room.id)
        assert await found(inbox) == sent
        (item, *_) = await inbox.get(sent)
        assert item.chat_title == scene.room.title


async def test_how_far_behind_it_is_counts_every_room_once(scene: Scene, inbox: Inbox) -> None:
    sweeper = Sweeper(scene.scout.call, inbox, Rooms(lambda _: NotImplemented))
    sweeper.mark(["a", "b", "a"])
    assert sweeper.behind == 2
    sweeper.forget("a")
    sweeper.forget("a")
    assert sweeper.behind == 1


async def test_what_was_handled_elsewhere_is_gone_and_comes_back_when_it_is_listed_again(
    scene: Scene, inbox: Inbox
) -> None:
    (sent,) = await said(scene, 1)
    where: dict[str, Any] = {"chat_id": scene.room.id, "message_id": sent}
    async with at_work(scene, inbox) as it:
        await it.sweep(scene.room.id)
        await scene.scout.call(MarkProcessing(**where))
        await scene.scout.call(MarkProcessed(**where))
        await it.sweep(scene.room.id)
        assert await found(inbox, State.GONE) == [sent]
        await scene.scout.call(MarkProcessing(**where))
        await it.sweep(scene.room.id)
        assert await found(inbox, State.READY) == [sent]


class Restless(Client):
    """A real client, beside which another program of the agent ends messages between two pages."""

    def __init__(self, scene: Scene, ending: list[str]) -> None:
        super().__init__(scene.here.url, scene.scout.key)
        self._other, self._ending, self._room = scene.scout.call, ending, scene.room.id
        self.pages: list[int] = []

    async def __call__(self, call: Call[Any], **more: Any) -> Any:
        answer = await super().__call__(call, **more)
        if isinstance(call, ListMessages):
            self.pages.append(call.page)
            for id in self._ending:
                where: dict[str, Any] = {"chat_id": self._room, "message_id": id}
                await self._other(MarkProcessing(**where))
                await self._other(MarkProcessed(**where))
            self._ending = []
        return answer


async def test_a_list_that_shrinks_while_it_is_read_hides_nothing(
    scene: Scene, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "PAGE", 2)
    sent = await said(scene, 6)
    await inbox.put((await scene.scout.call(ListMessages(chat_id=scene.room.id))).data)
    async with Restless(scene, sent[:2]) as client, at_work(scene, inbox, client) as it:
        await it.sweep(scene.room.id)
        # The third and fourth have moved to the page that was read before; a second pass finds them.
        assert set(sent[2:]) <= set(await found(inbox))
        assert client.pages == [1, 2, 1, 2, 1, 2][: len(client.pages)]
        assert len(client.pages) > 2
        assert await found(inbox, State.GONE) == []


async def test_one_page_is_read_once(scene: Scene, inbox: Inbox) -> None:
    await said(scene, 3)
    async with Restless(scene, []) as client, at_work(scene, inbox, client) as it:
        await it.sweep(scene.room.id)
        assert client.pages == [1]


async def test_a_room_that_is_closed_to_us_is_dropped(scene: Scene, inbox: Inbox) -> None:
    (sent,) = await said(scene, 1)
    async with at_work(scene, inbox) as it:
        await it.sweep(scene.room.id)
        await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
        await it.sweep(scene.room.id)
        assert await found(inbox, State.GONE) == [sent]
        assert it.rooms.titles == {}


class Thwarted(Client):
    """A real client that tells when a call has failed."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.here.url, scene.scout.key, attempts=1)
        self.failed = anyio.Event()

    async def __call__(self, call: Call[Any], **more: Any) -> Any:
        try:
            return await super().__call__(call, **more)
        except ThenvoiError:
            self.failed.set()
            raise


async def test_a_room_that_cannot_be_read_now_is_read_later(
    island: Scene, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "AGAIN", 0.05)
    sent = await said(island, 2)
    await island.here.stop()
    async with (
        Thwarted(island) as client,
        at_work(island, inbox, client) as it,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(it.sweep, island.room.id)
        with anyio.fail_after(PATIENCE):
            await client.failed.wait()
        assert it.sweeper.behind == 1
        await island.here.start()
    assert await found(inbox) == sent


async def test_several_rooms_are_read_side_by_side(scene: Scene, inbox: Inbox) -> None:
    rooms = [await scene.here.room(scene.alice, scene.scout) for _ in range(sweeping.AT_ONCE * 2)]
    sent = [(await say(scene.alice, room, scene.scout, "hi")).id for room in rooms]
    async with at_work(scene, inbox) as it:
        for room in rooms:
            it.rooms.entered(room.id, room.title)
        await it.sweep(*[room.id for room in rooms])
    assert sorted(await found(inbox)) == sorted(sent)
