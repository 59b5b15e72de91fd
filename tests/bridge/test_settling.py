"""Outcomes are told until the platform knows them, each once, and nobody waits long for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE
from tests.world import say
from thenvoi_bridge.bridge import settling
from thenvoi_bridge.bridge.settling import Settler
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.lifecycle import MarkProcessing
from thenvoi_bridge.contract.messages import ChatMessage, ListMessages, StatusFilter
from thenvoi_bridge.contract.participants import RemoveMyParticipant
from thenvoi_bridge.inbox.core import Outcome, State
from thenvoi_bridge.inbox.store import Inbox


async def ended(
    scene: Scene, inbox: Inbox, outcome: Outcome = "processed", error: str | None = None, number: int = 1
) -> list[str]:
    """Messages that were handed out and ended here, of which the platform knows nothing yet."""
    sent = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(number)]
    await inbox.put((await scene.scout.call(ListMessages(chat_id=scene.room.id, page_size=100))).data)
    await inbox.end(sent, outcome, error, 0.0)
    return sent


async def listed(scene: Scene, status: StatusFilter) -> list[ChatMessage]:
    page = await scene.scout.call(ListMessages(chat_id=scene.room.id, status=status, page_size=100))
    return page.data


def attempts(scene: Scene, message: ChatMessage) -> list[tuple[str, str | None]]:
    assert message.metadata
    found = message.metadata["delivery_status"][scene.scout.id]["attempts"]
    return [(attempt["status"], attempt["error"]) for attempt in found]


async def untold(inbox: Inbox) -> list[str]:
    """What has ended here, and the platform does not know."""
    return [item.id for item in (await inbox.page(None, None, 100, {State.ACKING})).items]


@asynccontextmanager
async def silent() -> AsyncGenerator[Client]:
    """The client of a platform that takes requests and never answers."""

    async def swallow(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
        async with anyio.create_task_group() as tasks, Client(f"http://127.0.0.1:{port}", "k") as client:
            tasks.start_soon(listener.serve, swallow)
            yield client
            tasks.cancel_scope.cancel()


async def test_what_was_not_even_marked_as_begun_is_begun_and_ended(scene: Scene, inbox: Inbox) -> None:
    sent = await ended(scene, inbox)
    await Settler(scene.scout.call, inbox).settle()
    (message,) = await listed(scene, "processed")
    assert message.id == sent[0]
    assert attempts(scene, message) == [("success", None)]
    assert (await inbox.get(sent))[0].state is State.DONE


async def test_what_was_begun_is_only_ended(scene: Scene, inbox: Inbox) -> None:
    sent = await ended(scene, inbox)
    settler = Settler(scene.scout.call, inbox)
    await settler.processing(await inbox.get(sent))
    assert [message.id for message in await listed(scene, "processing")] == sent
    await settler.settle()
    (message,) = await listed(scene, "processed")
    assert attempts(scene, message) == [("success", None)]


@pytest.mark.parametrize(("error", "told"), [("no luck", "no luck"), (None, "failed")])
async def test_a_failure_is_told_with_its_reason_and_ends_the_message_here(
    scene: Scene, inbox: Inbox, error: str | None, told: str
) -> None:
    sent = await ended(scene, inbox, "failed", error)
    await Settler(scene.scout.call, inbox).settle()
    (message,) = await listed(scene, "failed")
    assert attempts(scene, message) == [("failed", told)]
    assert (await inbox.get(sent))[0].state is State.DEAD


async def test_everything_that_has_ended_is_told_once_however_many_settle_at_the_same_time(
    scene: Scene, inbox: Inbox
) -> None:
    sent = await ended(scene, inbox, number=settling.AT_ONCE * 2)
    settler = Settler(scene.scout.call, inbox)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(settler.settle)
    done = await listed(scene, "processed")
    assert [message.id for message in done] == sent
    assert {tuple(attempts(scene, message)) for message in done} == {(("success", None),)}


async def test_nobody_is_left_to_tell_in_a_room_that_is_closed_to_us(scene: Scene, inbox: Inbox) -> None:
    sent = await ended(scene, inbox)
    await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
    await Settler(scene.scout.call, inbox).settle()
    assert (await inbox.get(sent))[0].state is State.DONE


async def test_what_could_not_be_told_is_told_again(
    island: Scene, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AGAIN", 0.05)
    sent = await ended(island, inbox)
    await island.here.stop()
    done = anyio.Event()

    async def look() -> None:
        if (await inbox.get(sent))[0].state is State.DONE:
            done.set()

    async with (
        Client(island.here.url, island.scout.key, attempts=1) as client,
        anyio.create_task_group() as tasks,
    ):
        settler = Settler(client, inbox)
        await settler.settle()
        assert await untold(inbox) == sent
        inbox.listen(lambda: tasks.start_soon(look))
        tasks.start_soon(settler.run)
        await island.here.start()
        with anyio.fail_after(PATIENCE):
            await done.wait()
        tasks.cancel_scope.cancel()


async def test_a_platform_that_does_not_answer_holds_nobody_up(
    scene: Scene, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOMENT", 0.1)
    sent = await ended(scene, inbox)
    async with silent() as client:
        settler = Settler(client, inbox)
        with anyio.fail_after(2):
            await settler.processing(await inbox.get(sent))
            await settler.settle_in_a_moment()
            await settler.settle_in_a_moment()
    assert await untold(inbox) == sent


async def test_a_mark_the_platform_refuses_is_no_obstacle(scene: Scene, inbox: Inbox) -> None:
    sent = await ended(scene, inbox)
    await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
    await Settler(scene.scout.call, inbox).processing(await inbox.get(sent))


async def test_what_another_program_closed_meanwhile_is_ended_all_the_same(
    scene: Scene, inbox: Inbox
) -> None:
    sent = await ended(scene, inbox)
    settler = Settler(scene.scout.call, inbox)
    await settler.settle()
    await scene.scout.call(MarkProcessing(chat_id=scene.room.id, message_id=sent[0]))
    await inbox.sweep(scene.room.id, await listed(scene, "processing"), await inbox.seq())
    assert await untold(inbox) == sent
    await settler.settle()
    assert [message.id for message in await listed(scene, "processed")] == sent
