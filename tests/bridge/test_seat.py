"""An agent's seat keeps its inbox in step with the platform, whatever was not pushed, or pushed twice."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest

from tests.bridge.cable import Cable, cable
from tests.bridge.conftest import SOON, Scene, played
from tests.bridge.desk import PATIENCE, Desk, desk, found, live
from tests.faults.plan import Slow
from tests.faults.switches import Switches
from tests.world import say, world
from thenvoi_bridge.bridge import receiving, seat, settling, sweeping
from thenvoi_bridge.bridge.endpoint import Endpoint
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.contacts import AddMyContact, AnswerContactRequest
from thenvoi_bridge.contract.lifecycle import MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.messages import ListMessages
from thenvoi_bridge.contract.participants import AddMyParticipant, RemoveMyParticipant
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.listener import Listener


@asynccontextmanager
async def wired(scene: Scene, state: Path) -> AsyncGenerator[tuple[Desk, Cable]]:
    """A host that hears over a cable."""
    async with cable(scene.here) as wire:
        endpoint = Endpoint(scene.here.url, ws_url=wire.url, agent_key=scene.scout.key)
        async with desk(found(endpoint), state) as host:
            await host.until("live")
            yield host, wire


async def cut(host: Desk, wire: Cable) -> None:
    """Cut the cable, and wait until the host knows."""
    wire.cut()
    with anyio.fail_after(PATIENCE):
        await wire.tried()
    assert host.session.connection in ("waiting", "connecting")


async def ids_in(host: Desk) -> list[str]:
    return [message["id"] for message in (await host.shown("inbox_read", limit=100))["messages"]]


async def stands(host: Desk, id: str, state: State) -> None:
    """Wait until a message stands so."""

    async def so() -> bool:
        items = await host.seat.inbox.get([id])
        return bool(items) and items[0].state is state

    await host.rung(so)


async def told_by_hand(scene: Scene, id: str) -> None:
    """Handle a message elsewhere: another program of the agent says that it is done."""
    where: dict[str, Any] = {"chat_id": scene.room.id, "message_id": id}
    await scene.scout.call(MarkProcessing(**where))
    await scene.scout.call(MarkProcessed(**where))


async def test_what_was_said_while_the_socket_was_cut_is_found_by_looking(island: Scene, state: Path) -> None:
    async with wired(island, state) as (host, wire):
        await cut(host, wire)
        sent = [(await say(island.alice, island.room, island.scout, f"number {n}")).id for n in range(3)]
        later = await island.here.room(island.alice, island.scout)
        sent.append((await say(island.alice, later, island.scout, "in a new room")).id)
        await host.unread(4)
        assert host.session.connection != "live"
        wire.mend()
        await host.until("live")
        assert sorted(await ids_in(host)) == sorted(sent)


async def test_a_push_and_a_look_at_the_same_message_are_one(island: Scene, state: Path) -> None:
    async with wired(island, state) as (host, wire):
        sent = await say(island.alice, island.room, island.scout, "hi")
        await host.unread(1)
        await cut(host, wire)
        wire.mend()
        await host.until("live")
        assert await ids_in(host) == [sent.id]
        (message,) = (await host.shown("inbox_wait"))["messages"]
        assert message["attempt"] == 1


async def test_the_connection_is_told_word_by_word(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seat, "Listener", partial(Listener, pace=SOON))
    words: list[str] = []
    switches, ring = Switches(), Session.ring

    def noted(self: Session) -> None:
        words.append(self.connection)
        ring(self)

    monkeypatch.setattr(Session, "ring", noted)
    async with world(tmp_path / "platform", around=switches.around) as here:
        alone = await played(here)
        async with wired(alone, state) as (host, wire):
            await cut(host, wire)
            assert (await host.read("thenvoi://status"))["socket"]["reason"]
            words.clear()
            switches.plan = (Slow(method="GET", path=r"/agent/chats/[^/]+/messages$", delay=0.3),)
            wire.mend()
            await host.until("live")
            told = [word for word, _ in groupby(words)]
    assert {*told} <= {"connecting", "waiting", "catching_up", "live"}
    assert told[-2:] == ["catching_up", "live"]
    assert told.count("live") == 1


async def test_the_connection_is_live_only_once_everything_was_looked_at(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [scene.room, *[await scene.here.room(scene.alice, scene.scout) for _ in range(5)]]
    sent = [(await say(scene.alice, room, scene.scout, "early")).id for room in rooms]
    async with live(scene.here, scene.scout, state) as host:
        assert sorted(await ids_in(host)) == sorted(sent)


async def test_what_was_handled_elsewhere_is_gone(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK", 0.1)
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        await told_by_hand(scene, sent.id)
        await stands(host, sent.id, State.GONE)
        error = await host.refused("reply", message_ids=[sent.id], content="too late")
        assert error["code"] == "not_open"


async def test_what_is_done_here_but_not_there_is_told_again_and_never_answered_again(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK", 0.1)
    monkeypatch.setattr(settling, "AGAIN", 0.1)
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        await host.shown("reply", message_ids=[sent.id], content="done")
        await stands(host, sent.id, State.DONE)
        opened = MarkProcessing(chat_id=scene.room.id, message_id=sent.id)
        assert (await scene.scout.call(opened)).status == "processing"
        await stands(host, sent.id, State.ACKING)
        await stands(host, sent.id, State.DONE)
        assert await ids_in(host) == []
    done = await scene.scout.call(ListMessages(chat_id=scene.room.id, status="processed"))
    assert [message.id for message in done.data] == [sent.id]


async def test_the_messages_of_a_room_one_is_taken_out_of_are_dropped(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        kept = await say(scene.alice, other, scene.scout, "hi")
        await host.unread(2)
        await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
        await stands(host, sent.id, State.GONE)
        assert await ids_in(host) == [kept.id]
        assert (await host.read("thenvoi://status"))["rooms"] == 1
        await host.until("live")


async def test_a_room_one_comes_back_to_is_heard_again(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
        await stands(host, sent.id, State.GONE)
        await scene.alice.call(AddMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
        await host.unread(1)
        await host.until("live")
        again = await say(scene.alice, scene.room, scene.scout, "welcome back")
        await host.unread(2)
        assert await ids_in(host) == [sent.id, again.id]


async def test_the_messages_of_a_room_one_was_taken_out_of_while_the_socket_was_cut_are_dropped(
    island: Scene, state: Path
) -> None:
    async with wired(island, state) as (host, wire):
        sent = await say(island.alice, island.room, island.scout, "hi")
        await host.unread(1)
        await cut(host, wire)
        await island.alice.call(RemoveMyParticipant(chat_id=island.room.id, participant_id=island.scout.id))
        wire.mend()
        await host.until("live")
        await stands(host, sent.id, State.GONE)


async def test_the_messages_of_a_room_one_was_taken_out_of_while_the_bridge_was_down_are_dropped(
    scene: Scene, state: Path
) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        kept = await say(scene.alice, other, scene.scout, "hi")
        await host.unread(2)
    await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
    async with live(scene.here, scene.scout, state) as host:
        await stands(host, sent.id, State.GONE)
        assert await ids_in(host) == [kept.id]


async def test_who_is_in_a_room_is_known_as_soon_as_it_is_told(scene: Scene, state: Path) -> None:
    writer = await scene.here.agent(scene.alice, "Writer")
    async with live(scene.here, scene.scout, state) as host:

        async def members() -> set[str]:
            return {person.id for person in await host.seat.rooms.participants(scene.room.id)}

        async def entered() -> bool:
            return writer.id in await members()

        async def left() -> bool:
            return writer.id not in await members()

        assert await left()
        await scene.alice.call(AddMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
        await host.rung(entered)
        await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
        await host.rung(left)


async def test_who_was_in_a_room_is_in_doubt_when_the_socket_was_cut(island: Scene, state: Path) -> None:
    writer = await island.here.agent(island.alice, "Writer")
    room = await island.here.room(island.alice, island.scout, writer)
    async with wired(island, state) as (host, wire):
        arguments = {"chat_id": room.id, "content": "hi", "mentions": ["Writer"]}
        await host.shown("send_message", **arguments)
        await cut(host, wire)
        await island.alice.call(RemoveMyParticipant(chat_id=room.id, participant_id=writer.id))
        assert (await host.refused("send_message", **arguments))["code"] == "nobody"


async def test_more_rooms_and_messages_than_one_page_holds_are_all_found(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "PAGE", 2)
    monkeypatch.setattr(sweeping, "PAGE", 2)
    rooms = [scene.room, *[await scene.here.room(scene.alice, scene.scout) for _ in range(4)]]
    sent = [(await say(scene.alice, room, scene.scout, "hi")).id for room in rooms]
    sent += [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(4)]
    async with live(scene.here, scene.scout, state) as host:
        assert sorted(await ids_in(host)) == sorted(sent)
        assert (await host.read("thenvoi://status"))["rooms"] == 5


async def test_a_message_is_put_back_when_its_host_is_cancelled_while_it_is_handed_out(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await host.seat.lease(None, 10)
        (item,) = await host.seat.inbox.lease(None, 10, 0.0)
        assert (item.id, item.attempts) == (sent.id, 1)


async def test_every_agent_on_a_computer_has_an_inbox_of_its_own(scene: Scene, state: Path) -> None:
    other = await scene.here.agent(scene.alice, "Writer")
    async with live(scene.here, scene.scout, state) as host:
        await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
    async with live(scene.here, other, state) as host:
        assert await ids_in(host) == []
    assert len(list((state / "agents").iterdir())) == 2


async def test_whoever_asks_to_become_a_contact_is_shown_until_they_are_answered(
    scene: Scene, state: Path
) -> None:
    bob = await scene.here.person("Bob Roe")
    async with live(scene.here, scene.scout, state) as host:

        async def last_line() -> str:
            block = (await host.llm.call_tool("list_chats", {})).content[-1]
            assert isinstance(block, types.TextContent)
            return block.text

        assert (host.seat.reception.requests, await last_line()) == (0, "[inbox: 0 unread]")
        await bob.call(AddMyContact(recipient_handle=scene.scout.handle))
        await host.rung(partial(waiting, host, 1))
        assert await last_line() == (
            "[inbox: 0 unread] [contacts: 1 asked to become one, call list_contact_requests]"
        )
        assert (await host.read("thenvoi://status"))["contact_requests"] == 1
        await scene.scout.call(AnswerContactRequest(action="reject", handle=bob.handle))
        await host.rung(partial(waiting, host, 0))
        assert await last_line() == "[inbox: 0 unread]"


async def waiting(host: Desk, requests: int) -> bool:
    return host.seat.reception.requests == requests
