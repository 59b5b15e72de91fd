"""Of an agent's processes on a computer one receives; the others are served as well, and take its place."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.bridge.cable import cable
from tests.bridge.conftest import Scene
from tests.bridge.crowd import Crowd, crowd, hanging, no_socket
from tests.bridge.desk import PATIENCE, Desk, at, desk, found, live
from tests.faults.bridges import Sockets
from tests.faults.proxy import FaultProxy
from tests.faults.toxics import Faults, Latency
from tests.world import Somebody, World, say, world
from thenvoi_bridge.bridge import receiving, seat, wording
from thenvoi_bridge.bridge import session as sessions
from thenvoi_bridge.bridge.allowing import ALL, Doorman
from thenvoi_bridge.bridge.endpoint import Endpoint, Locate
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.contacts import AddMyContact, AnswerContactRequest
from thenvoi_bridge.contract.identity import GetMe
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages
from thenvoi_bridge.contract.participants import AddMyParticipant, RemoveMyParticipant
from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.ownership import Leadership, Owner
from thenvoi_bridge.inbox.places import Folders
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.listener import Listener, Pace, socket_url
from thenvoi_bridge.settings import Platform

NEVER = 3600.0
QUICK = Pace(
    backoff=(0.0, 0.1),
    cut=(0.0, 0.1),
    restart=(0.0, 0.1),
    standby=(0.1, 0.2),
    standby_longest=(0.2, 0.4),
)


@pytest.fixture(scope="module")
def sockets() -> Sockets:
    return Sockets()


@pytest.fixture(scope="module")
async def town(sockets: Sockets, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """A platform that counts sockets and lets an agent connect as often as it likes."""
    folder = tmp_path_factory.mktemp("town") / "platform"
    async with world(folder, Platform(connects=0), around=sockets.around) as it:
        yield it


@pytest.fixture
async def hosts() -> AsyncGenerator[Crowd]:
    async with crowd() as it:
        yield it


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds or minutes takes some tenths of a second."""
    monkeypatch.setattr(seat, "Listener", partial(Listener, pace=QUICK))
    monkeypatch.setattr(seat, "POLL", 0.1)
    monkeypatch.setattr(seat, "BEAT", 0.1)
    monkeypatch.setattr(seat, "SILENT", 0.6)
    monkeypatch.setattr(receiving, "LOOK_AGAIN", 0.2)
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 0.1)


async def seated(hosts: Crowd, scene: Scene, state: Path, number: int = 2) -> list[Desk]:
    """One that receives, and others that follow."""
    desks = []
    for _ in range(number):
        desks.append(await hosts.seat(at(scene.here, agent=scene.scout), state))
        await desks[-1].until("live")
    assert [desk.seat.receives for desk in desks] == [True, *[False] * (number - 1)]
    return desks


async def ids_in(host: Desk) -> list[str]:
    return [message["id"] for message in (await host.shown("inbox_read", limit=100))["messages"]]


async def receives(host: Desk) -> None:
    """Wait until a host's own process receives, and does so well."""

    async def so() -> bool:
        return host.session.seat_now is not None and host.seat.receives and host.session.connection == "live"

    await host.rung(so)


async def knows(host: Desk, *rooms: str) -> bool:
    return set(host.seat.rooms.titles) == set(rooms)


def said(text: str, scene: Scene) -> dict[str, Any]:
    return {"chat_id": scene.room.id, "content": text, "mentions": [scene.alice.handle]}


# One socket


async def test_of_eight_hosts_that_come_at_once_one_has_a_socket_and_each_is_served(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets
) -> None:
    desks = await hosts.seat_all(at(scene.here, agent=scene.scout), state, 8)
    for number, host in enumerate(desks):
        await host.until("live")
        await host.shown("send_message", **said(f"I am {number}", scene))
        assert [chat["id"] for chat in (await host.said("list_chats"))["data"]] == [scene.room.id]
    assert sum(host.seat.receives for host in desks) == 1
    sent = (await scene.alice.call(ListMyMessages(chat_id=scene.room.id, page_size=100))).data
    assert len([message for message in sent if message.sender_id == scene.scout.id]) == 8
    key = scene.scout.key
    assert (sockets.asked[key], sockets.opened[key], sockets.most[key]) == (1, 1, 1)


async def test_each_message_is_handed_to_one_host_only(scene: Scene, state: Path, hosts: Crowd) -> None:
    desks = await seated(hosts, scene, state, 3)
    rooms = [scene.room, *[await scene.here.room(scene.alice, scene.scout) for _ in range(3)]]
    got: list[list[str]] = [[] for _ in desks]

    async def work(host: Desk, mine: list[str]) -> None:
        while sum(map(len, got)) < 24:
            messages = (await host.shown("inbox_wait", timeout_s=1))["messages"]
            mine += [message["id"] for message in messages]
            for message in messages:
                await host.shown("reply", message_ids=[message["id"]], content="done")

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for host, mine in zip(desks, got, strict=True):
                tasks.start_soon(work, host, mine)
            sent = [(await say(scene.alice, rooms[n % 4], scene.scout, f"number {n}")).id for n in range(24)]
    assert sorted(id for mine in got for id in mine) == sorted(sent)
    assert sum(map(bool, got)) >= 2  # or nobody competed


async def test_a_room_that_another_host_was_faster_to_take_is_not_mistaken_for_the_next(
    scene: Scene, state: Path, hosts: Crowd
) -> None:
    one, other = await seated(hosts, scene, state)
    room = await scene.here.room(scene.alice, scene.scout)
    first = await say(scene.alice, scene.room, scene.scout, "first")
    second = await say(scene.alice, room, scene.scout, "second")
    await one.unread(2)
    await other.unread(2)
    taken, asked, client = list[Item](), list[str](), one.seat.client

    async def ask(call: Call[Any], **more: Any) -> Any:
        if isinstance(call, ListMessages):
            asked.append(call.chat_id)
            if not taken:
                taken.extend(await other.seat.lease(None, 10))
        return await Client.__call__(client, call, **more)

    one.seat.client = ask  # type: ignore[assignment]
    handed = await one.seat.lease(None, 10)
    assert [item.id for item in taken] == [first.id]
    assert [item.id for item in handed] == [second.id]
    assert asked == [scene.room.id, room.id]  # what has not been asked about may lack its oldest


# Followers are served


async def test_who_follows_says_how_the_other_receives(scene: Scene, state: Path, hosts: Crowd) -> None:
    owner, follower = await seated(hosts, scene, state)
    here, there = await owner.read("thenvoi://status"), await follower.read("thenvoi://status")
    assert (here["connection"], there["connection"]) == ("live", "live")
    assert (here["socket"]["here"], there["socket"]["here"]) == (True, False)
    same = ("state", "since", "reason", "attempts")
    assert [here["socket"][name] for name in same] == [there["socket"][name] for name in same]
    assert there["rooms"] == here["rooms"] == 1


async def test_who_follows_is_handed_mentions_and_answers_them(
    scene: Scene, state: Path, hosts: Crowd
) -> None:
    _, follower = await seated(hosts, scene, state)
    sent = await say(scene.alice, scene.room, scene.scout, "hi")
    (message,) = (await follower.shown("inbox_wait", timeout_s=20))["messages"]
    assert message["id"] == sent.id
    await follower.shown("reply", message_ids=[sent.id], content="hello")
    done = await scene.scout.call(ListMessages(chat_id=scene.room.id, status="processed"))
    assert [message.id for message in done.data] == [sent.id]


async def test_who_follows_is_live_as_soon_as_everything_was_read(
    scene: Scene, state: Path, hosts: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK", NEVER)
    desks = await hosts.seat_all(at(scene.here, agent=scene.scout), state, 2)
    for host in desks:
        await host.until("live")


async def test_who_follows_knows_the_rooms(scene: Scene, state: Path, hosts: Crowd) -> None:
    _, follower = await seated(hosts, scene, state)
    room = await scene.here.room(scene.alice, scene.scout)
    await follower.rung(partial(knows, follower, scene.room.id, room.id))
    await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=scene.scout.id))
    await follower.rung(partial(knows, follower, room.id))
    assert (await follower.read("thenvoi://status"))["rooms"] == 1


async def test_who_follows_knows_who_is_in_a_room_as_soon_as_it_is_told(
    scene: Scene, state: Path, hosts: Crowd
) -> None:
    writer = await scene.here.agent(scene.alice, "Writer")
    _, follower = await seated(hosts, scene, state)

    async def there(expected: bool) -> bool:
        people = await follower.seat.rooms.participants(scene.room.id)
        return (writer.id in {person.id for person in people}) is expected

    assert await there(False)
    await scene.alice.call(AddMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
    to_writer = {"chat_id": scene.room.id, "mentions": ["Writer"]}
    await follower.shown("send_message", content="welcome", **to_writer)  # although it may not know yet
    await follower.rung(partial(there, True))
    await scene.alice.call(RemoveMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
    await follower.rung(partial(there, False))
    assert (await follower.refused("send_message", content="bye", **to_writer))["code"] == "nobody"


async def test_who_follows_is_in_doubt_of_who_is_in_a_room_when_the_socket_of_the_other_was_cut(
    scene: Scene, state: Path, hosts: Crowd, soon: None
) -> None:
    writer = await scene.here.agent(scene.alice, "Writer")
    async with cable(scene.here) as wire:
        endpoint = Endpoint(scene.here.url, ws_url=wire.url, agent_key=scene.scout.key)
        desks = await hosts.seat_all(found(endpoint), state, 2)
        for host in desks:
            await host.until("live")
        (follower,) = [host for host in desks if not host.seat.receives]

        async def there() -> bool:
            people = await follower.seat.rooms.participants(scene.room.id)
            return writer.id in {person.id for person in people}

        assert not await there()
        wire.cut()
        await scene.alice.call(AddMyParticipant(chat_id=scene.room.id, participant_id=writer.id))
        await follower.rung(there)
        assert follower.session.connection != "live"
        await hosts.see_off_all()


async def test_who_follows_knows_who_asked_to_become_a_contact(
    scene: Scene, state: Path, hosts: Crowd
) -> None:
    bob = await scene.here.person(f"Bob {scene.organization}")
    _, follower = await seated(hosts, scene, state)

    async def asked(requests: int) -> bool:
        return follower.seat.reception.requests == requests

    await bob.call(AddMyContact(recipient_handle=scene.scout.handle))
    await follower.rung(partial(asked, 1))
    await scene.scout.call(AnswerContactRequest(action="reject", handle=bob.handle))
    await follower.rung(partial(asked, 0))


# The one that receives goes


async def test_the_next_host_receives_when_the_one_that_did_has_gone(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets
) -> None:
    owner, follower = await seated(hosts, scene, state)
    await hosts.see_off(owner)
    sent = await say(scene.alice, scene.room, scene.scout, "hi")
    await receives(follower)
    assert await ids_in(follower) == [sent.id]
    key = scene.scout.key
    assert (sockets.opened[key], sockets.most[key]) == (2, 1)


async def test_the_next_host_receives_when_the_one_that_did_has_broken_down_and_that_one_follows(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    owner, follower = await seated(hosts, scene, state)
    await owner.seat.inbox.close()  # as when its disk goes away
    await receives(follower)
    await owner.until("live")
    assert not owner.seat.receives
    assert sockets.most[scene.scout.key] == 1


async def test_a_host_that_cannot_ask_who_receives_leaves_the_one_that_does_alone_and_comes_back(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    owner, follower = await seated(hosts, scene, state)
    (lock,) = [path async for path in anyio.Path(state).glob("agents/*/leader.lock")]
    aside = await lock.rename(lock.with_suffix(".aside"))
    await lock.mkdir()

    async def broken() -> bool:
        return follower.session.trouble is not None

    await follower.rung(broken)
    await lock.rmdir()
    await aside.rename(lock)
    await follower.until("live")
    assert owner.seat.receives
    assert sockets.opened[scene.scout.key] == 1


async def test_what_one_that_died_has_said_is_not_believed_while_another_connects(
    scene: Scene, state: Path, hosts: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(scene.here, scene.scout, state):
        pass  # it leaves behind that it is live
    monkeypatch.setattr(receiving, "LOOK_AGAIN", NEVER)
    monkeypatch.setattr(seat, "Listener", partial(Listener, pace=Pace(patience=NEVER)))
    async with no_socket(None) as url:
        endpoint = Endpoint(scene.here.url, ws_url=url, agent_key=scene.scout.key)
        owner = await hosts.seat(found(endpoint), state)

        async def has_begun() -> bool:
            return owner.seat.receives

        await owner.rung(has_begun)
        follower = await hosts.seat(found(endpoint), state)

        async def has_read_the_board() -> bool:
            return bool(follower.seat.rooms.titles)

        await follower.rung(has_read_the_board)
        await follower.until("connecting")
        assert not follower.seat.receives
        await hosts.see_off_all()


async def test_whoever_keeps_a_seat_without_working_at_it_leaves_its_place_to_others(
    scene: Scene, state: Path, hosts: Crowd
) -> None:
    async with a_seat(scene, state) as mine:
        await works(mine, "live")
        assert mine.reception.connection == "connecting"
        host = await hosts.seat(at(scene.here, agent=scene.scout), state)
        await receives(host)


@asynccontextmanager
async def a_seat(scene: Scene, state: Path) -> AsyncGenerator[seat.Seat]:
    me, where = await scene.scout.call(GetMe()), socket_url(scene.here.url)
    key = scene.scout.key
    async with seat.seated(
        me, scene.scout.call, key=key, socket=where, places=Folders(state), doorman=Doorman(ALL), known_as=key
    ) as it:
        yield it


async def works(at: seat.Seat, until: str) -> None:
    """Be at work at a seat until it says this of receiving."""
    done = anyio.Event()

    def ring() -> None:
        if at.reception.connection == until:
            done.set()

    async def not_moved() -> bool:
        return False

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at.run, ring, not_moved)
            await done.wait()
            tasks.cancel_scope.cancel()


@pytest.mark.thorough
async def test_a_new_receiver_is_live_only_once_every_room_was_joined_and_read(
    scene: Scene, state: Path, hosts: Crowd, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "SLICE", 1)
    rooms = [scene.room, *[await scene.here.room(scene.alice, scene.scout) for _ in range(4)]]
    owner = await hosts.seat(at(scene.here, agent=scene.scout), state)
    await owner.until("live")
    async with FaultProxy("127.0.0.1", int(scene.here.url.rpartition(":")[2])) as slow:
        slow.plan = Faults(down=(Latency(0.8),))
        endpoint = Endpoint(scene.here.url, ws_url=slow.url.replace("http", "ws"), agent_key=scene.scout.key)
        follower = await hosts.seat(found(endpoint), state)
        await follower.until("live")
        await hosts.see_off(owner)
        sent = [(await say(scene.alice, room, scene.scout, "nobody hears")).id for room in rooms]
        await receives(follower)
        assert sorted(await ids_in(follower)) == sorted(sent)
        await hosts.see_off(follower)


# The one that receives hangs


async def looks_in_its_place(host: Desk) -> None:
    """Wait until a host knows that the one that receives hangs."""
    await host.until("waiting")
    socket = (await host.read("thenvoi://status"))["socket"]
    assert (socket["here"], socket["reason"]) == (False, receiving.HANGS)


async def test_when_the_one_that_receives_hangs_messages_come_by_rest_and_its_socket_is_left_alone(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    async with live(scene.here, scene.scout, state):
        pass
    asked = sockets.asked[scene.scout.key]
    with hanging(state):
        desks = await hosts.seat_all(at(scene.here, agent=scene.scout), state, 2)
        for host in desks:
            await looks_in_its_place(host)
        room = await scene.here.room(scene.alice, scene.scout)
        sent = [(await say(scene.alice, where, scene.scout, "hi")).id for where in (scene.room, room)]
        for host in desks:
            await host.unread(2)
        (message,) = (await desks[0].shown("inbox_wait"))["messages"]
        await desks[0].shown("reply", message_ids=[message["id"]], content="hello")
        assert message["id"] in sent
        await desks[1].rung(partial(knows, desks[1], scene.room.id, room.id))
        assert sockets.asked[scene.scout.key] == asked


async def test_what_came_before_is_looked_for_at_once_when_the_one_that_receives_hangs(
    scene: Scene, state: Path, hosts: Crowd, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK_AGAIN", NEVER)
    async with live(scene.here, scene.scout, state):
        pass
    room = await scene.here.room(scene.alice, scene.scout)  # which nobody here knows
    sent = [(await say(scene.alice, where, scene.scout, "hi")).id for where in (scene.room, room)]
    with hanging(state):
        host = await hosts.seat(at(scene.here, agent=scene.scout), state)
        await host.unread(2)
        assert sorted(await ids_in(host)) == sorted(sent)


async def test_when_the_one_that_hung_stirs_it_goes_on_receiving(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    async with live(scene.here, scene.scout, state):
        pass
    with hanging(state) as lead:
        follower = await hosts.seat(at(scene.here, agent=scene.scout), state)
        for _ in range(2):
            await looks_in_its_place(follower)
            lead.beat()
            await follower.until("live")
            assert not follower.seat.receives
            (folder,) = (state / "agents").iterdir()
            other = Leadership(folder)
            assert other.stand_in()  # should it hang again
            other.give()
        assert sockets.opened[scene.scout.key] == 1


async def test_when_the_one_that_hung_dies_whoever_stood_in_for_it_receives(
    scene: Scene, state: Path, hosts: Crowd, sockets: Sockets, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LOOK_AGAIN", NEVER)  # it does not wait until it looks again
    async with live(scene.here, scene.scout, state):
        pass
    with hanging(state) as lead:
        desks = await hosts.seat_all(at(scene.here, agent=scene.scout), state, 3)
        for host in desks:
            await looks_in_its_place(host)
        lead.give()
        for host in desks:
            await host.until("live")
        assert sum(host.seat.receives for host in desks) == 1
        key = scene.scout.key
        assert (sockets.opened[key], sockets.most[key]) == (2, 1)


async def test_while_one_that_stood_back_hangs_nothing_is_handed_out(
    scene: Scene, state: Path, hosts: Crowd, soon: None
) -> None:
    async with live(scene.here, scene.scout, state):
        pass
    await post(state, word="standby", behind=False)
    with hanging(state):
        host = await hosts.seat(at(scene.here, agent=scene.scout), state)
        await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)  # so it looks in the other's place
        await stands_back(host)


async def post(state: Path, **said: Any) -> None:
    """Say how receiving goes, as the process did that receives."""
    (folder,) = (state / "agents").iterdir()
    with closing(Owner.start(folder)) as owner:
        inbox = await Inbox.open(folder, owner)
        await inbox.board.post(said)
        await inbox.close()


async def stands_back(host: Desk) -> None:
    """Wait until a host says that another computer receives; it is handed nothing."""
    await host.until("standby")
    assert (await host.read("thenvoi://status"))["socket"]["state"] == "standby"
    answer = await host.shown("inbox_wait", timeout_s=0)
    assert (answer["messages"], answer["note"]) == ([], wording.STANDBY)


# A local platform ends


def moves(*ends: Endpoint) -> Locate:
    """A local platform that is at the last of these when it is looked for again."""
    left = [*ends]

    async def locate(_: str) -> Endpoint:
        return left.pop(0) if len(left) > 1 else left[0]

    return locate


@dataclass(frozen=True)
class Move:
    """The same agent on two local platforms: the first one is to end."""

    before: Endpoint
    after: Endpoint
    bob: Somebody
    scout: Somebody
    room: ChatRoom

    async def ends_well(self, host: Desk) -> None:
        """Wait until a host has found the second one."""

        async def there() -> bool:
            endpoint = host.session.endpoint
            return endpoint == self.after and host.session.connection == "live"

        await host.rung(there)


@pytest.fixture
async def move(island: Scene, tmp_path: Path) -> AsyncGenerator[Move]:
    async with world(tmp_path / "elsewhere") as elsewhere:
        bob = await elsewhere.person("Bob Roe")
        scout = await elsewhere.agent(bob, "Scout")
        yield Move(
            Endpoint(island.here.url, agent_key=island.scout.key, local=True),
            Endpoint(elsewhere.url, agent_key=scout.key, local=True),
            bob,
            scout,
            await elsewhere.room(bob, scout),
        )


async def test_every_host_finds_a_local_platform_that_was_started_again_elsewhere(
    island: Scene, move: Move, state: Path, hosts: Crowd, soon: None
) -> None:
    desks = [await hosts.seat(moves(move.before, move.after), state) for _ in range(3)]
    for host in desks:
        await host.until("live")
    await island.here.stop()
    for host in desks:
        await move.ends_well(host)
    assert sum(host.seat.receives for host in desks) == 1
    sent = await say(move.bob, move.room, move.scout, "found you")
    for host in desks:
        await host.unread(1)
        assert await ids_in(host) == [sent.id]


async def test_who_looks_in_the_place_of_one_that_hangs_finds_a_local_platform_again(
    island: Scene, move: Move, state: Path, hosts: Crowd, soon: None
) -> None:
    async with desk(moves(move.before), state) as host:
        await host.until("live")
    with hanging(state):
        desks = [await hosts.seat(moves(move.before, move.after), state) for _ in range(2)]
        for host in desks:
            await looks_in_its_place(host)
        await island.here.stop()
        for host in desks:
            await move.ends_well(host)


# Another computer


@pytest.mark.thorough
async def test_two_computers_do_not_fight_over_one_agent(
    scene: Scene, state: Path, tmp_path: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    key, locate = scene.scout.key, at(scene.here, agent=scene.scout)
    older = await seated(hosts, scene, state)
    newer = await hosts.seat(locate, tmp_path / "another computer")
    for host in older:
        await stands_back(host)
    await newer.until("live")
    for host in older:
        await host.shown("send_message", **said(f"from {id(host)}", scene))
    asked = sockets.asked[key]
    with anyio.fail_after(PATIENCE):
        await sockets.until(key, asked + 8)  # which takes eight minutes or more at the real pace
    assert sockets.opened[key] == 2
    assert [host.session.connection for host in (*older, newer)] == ["standby", "standby", "live"]
    sent = await say(scene.alice, scene.room, scene.scout, "hi")
    (message,) = (await newer.shown("inbox_wait", timeout_s=20))["messages"]
    assert message["id"] == sent.id
    for host in older:
        await stands_back(host)


async def test_a_computer_that_stood_back_hands_out_what_came_meanwhile_when_the_other_has_gone(
    scene: Scene, state: Path, tmp_path: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    older = await seated(hosts, scene, state)
    newer = await hosts.seat(at(scene.here, agent=scene.scout), tmp_path / "another computer")
    for host in older:
        await stands_back(host)
    await newer.until("live")
    first = await say(scene.alice, scene.room, scene.scout, "for whoever is there")
    await newer.unread(1)
    (message,) = (await newer.shown("inbox_wait"))["messages"]
    await newer.shown("inbox_ack", message_ids=[message["id"]])
    later = await say(scene.alice, scene.room, scene.scout, "too late")
    await newer.unread(1)
    await hosts.see_off(newer)
    for host in older:
        await host.until("live")
    assert message["id"] == first.id
    (message,) = (await older[1].shown("inbox_wait", timeout_s=20))["messages"]
    assert message["id"] == later.id
    assert sockets.opened[scene.scout.key] == 3


async def test_whoever_stood_back_still_does_when_it_works_at_its_seat_again(
    scene: Scene, state: Path, tmp_path: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    async with a_seat(scene, state) as mine:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(works, mine, "standby")
            await sockets.until(scene.scout.key, 1)
            newer = await hosts.seat(at(scene.here, agent=scene.scout), tmp_path / "another computer")
        await works(mine, "standby")
        await newer.until("live")
    assert sockets.opened[scene.scout.key] == 2


async def test_who_follows_one_that_stood_back_does_not_take_the_place_of_another_computer(
    scene: Scene, state: Path, tmp_path: Path, hosts: Crowd, sockets: Sockets, soon: None
) -> None:
    owner, follower = await seated(hosts, scene, state)
    newer = await hosts.seat(at(scene.here, agent=scene.scout), tmp_path / "another computer")
    for host in (owner, follower):
        await stands_back(host)
    await newer.until("live")
    await hosts.see_off(owner)

    async def next_in_line() -> bool:
        return follower.seat.receives

    await follower.rung(next_in_line)
    await stands_back(follower)
    assert sockets.opened[scene.scout.key] == 2


# No socket at all


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", b"", None])
async def test_where_no_socket_can_be_had_messages_come_by_rest_and_the_status_says_so(
    scene: Scene, state: Path, hosts: Crowd, soon: None, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    sent = [(await say(scene.alice, scene.room, scene.scout, "early")).id]
    async with no_socket(answer) as url:
        endpoint = Endpoint(scene.here.url, ws_url=url, agent_key=scene.scout.key)
        desks = await hosts.seat_all(found(endpoint), state, 2)
        for host in desks:
            await host.unread(1)
        room = await scene.here.room(scene.alice, scene.scout)
        sent += [(await say(scene.alice, where, scene.scout, "hi")).id for where in (scene.room, room)]
        for host in desks:
            await host.unread(3)
            assert sorted(await ids_in(host)) == sorted(sent)
            assert host.session.connection in ("connecting", "waiting", "refused")
        await hosts.see_off_all()
