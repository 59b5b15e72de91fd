"""A real platform behind the fault proxy: what stock clients and ours make of each fault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import count
from urllib.parse import urlencode

import anyio
import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidMessage

from tests.faults.proxy import FaultProxy
from tests.faults.toxics import (
    BlackHole,
    Corrupt,
    Faults,
    IdleClose,
    Latency,
    Refuse,
    Reset,
    Slice,
    Throttle,
    Toxic,
    both,
)
from tests.world import Somebody, World, say, world
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.errors import OutcomeUnknown, Unavailable, Unreachable
from thenvoi_bridge.contract.feed import MessageCreated, Topic
from thenvoi_bridge.contract.identity import GetMe
from thenvoi_bridge.contract.messages import ListMessages, Mention, SendMyMessage
from thenvoi_bridge.listener import Heard, Listener, Lost, Notice, Pace, Ready
from thenvoi_bridge.settings import Platform

PACE = Pace(
    heartbeat=0.1, patience=0.8, closing=0.1, tick=0.02, backoff=(0.001, 0.02), cut=(0.0, 0.0), contest=0.0
)
CALM = replace(PACE, heartbeat=10.0, patience=10.0)
HARMLESS = [Latency(0.005, 0.005), Slice(1), Throttle(200_000)]
NUMBERS = count(1)
BEAT = '[null,"1","phoenix","heartbeat",{}]'
BEAT_ANSWER = '[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]'


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One platform that has to outlive every test of this module."""
    async with world(tmp_path_factory.mktemp("platform"), Platform(connects=0)) as it:
        yield it


@pytest.fixture
async def proxy(here: World) -> AsyncIterator[FaultProxy]:
    """Stands before the platform, and lets everything through until told otherwise."""
    async with FaultProxy("127.0.0.1", int(here.url.rpartition(":")[2]), seed=4) as it:
        yield it


@pytest.fixture
async def alice(here: World) -> Somebody:
    return await here.person(f"Alice {next(NUMBERS)}")


@pytest.fixture
async def scout(here: World, alice: Somebody) -> Somebody:
    return await here.agent(alice, "Scout")


@pytest.fixture
async def room(here: World, alice: Somebody, scout: Somebody) -> ChatRoom:
    return await here.room(alice, scout)


# A stock HTTP client


async def get(proxy: FaultProxy, timeout: float = 5.0) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=proxy.url, timeout=timeout) as http:
        return await http.get("/api/v1/health", headers={"Connection": "close"})


@pytest.mark.parametrize("toxic", HARMLESS)
async def test_a_request_survives_what_only_delays(proxy: FaultProxy, toxic: Toxic) -> None:
    proxy.plan = both(toxic)
    assert (await get(proxy)).status_code == 200
    assert proxy.happened(type(toxic))


@pytest.mark.parametrize(
    ("toxic", "error"),
    [
        (Reset(), httpx2.ReadError),
        (Reset(40), httpx2.ReadError),
        (BlackHole(), httpx2.ReadTimeout),
        (BlackHole(40), httpx2.ReadTimeout),
        (Corrupt(1), httpx2.RemoteProtocolError),
        (Refuse(), (httpx2.ReadError, httpx2.RemoteProtocolError)),
        (IdleClose(0.2), httpx2.RemoteProtocolError),
    ],
)
async def test_a_request_fails_as_its_fault_says_and_the_next_goes_through(
    proxy: FaultProxy, toxic: Toxic, error: type[Exception]
) -> None:
    # An idle close needs idleness: the answer does not come.
    proxy.plan = Faults(up=(BlackHole(),) if isinstance(toxic, IdleClose) else (), down=(toxic,))
    with pytest.raises(error):
        await get(proxy, 0.3 if error is httpx2.ReadTimeout else 5.0)
    assert proxy.happened(type(toxic))
    proxy.heal()
    assert (await get(proxy)).status_code == 200


async def test_corrupt_requests_break_nothing(proxy: FaultProxy) -> None:
    proxy.plan = Faults(up=(Corrupt(20),))
    statuses = []
    for _ in range(8):
        with suppress(httpx2.TransportError):
            statuses.append((await get(proxy, 0.3)).status_code)
    assert 400 in statuses
    assert max(statuses) < 500
    assert proxy.happened(Corrupt)
    proxy.heal()
    assert (await get(proxy)).status_code == 200


# A stock WebSocket client


@asynccontextmanager
async def socket(proxy: FaultProxy, who: Somebody) -> AsyncIterator[ClientConnection]:
    query = urlencode({"api_key": who.key, "vsn": "2.0.0"})
    url = f"ws://127.0.0.1:{proxy.port}/api/v1/socket/websocket?{query}"
    async with connect(url, proxy=None, ping_interval=0.1, ping_timeout=0.8, close_timeout=0.1) as ws:
        yield ws


@pytest.mark.parametrize("toxic", HARMLESS)
async def test_a_socket_survives_what_only_delays(proxy: FaultProxy, scout: Somebody, toxic: Toxic) -> None:
    proxy.plan = both(toxic)
    async with socket(proxy, scout) as ws:
        await ws.send(BEAT)
        assert await ws.recv() == BEAT_ANSWER
    assert proxy.happened(type(toxic))


@pytest.mark.parametrize(
    ("faults", "sent", "received"),
    [
        (Faults(down=(Reset(10),)), None, None),
        (both(BlackHole()), 1011, None),
        (Faults(down=(Corrupt(1),)), 1002, None),
        (Faults(up=(Corrupt(1),)), 1002, 1002),
        (Faults(down=(IdleClose(0.05),)), None, None),
    ],
)
async def test_an_open_socket_ends_as_its_fault_says(
    proxy: FaultProxy, scout: Somebody, faults: Faults, sent: int | None, received: int | None
) -> None:
    async with socket(proxy, scout) as ws:
        proxy.plan = faults
        if not any(isinstance(toxic, IdleClose) for _, toxic in faults):
            await ws.send(BEAT)
        with pytest.raises(ConnectionClosedError) as ended:
            await ws.recv()
    codes = [close.code if close else None for close in (ended.value.sent, ended.value.rcvd)]
    assert codes == [sent, received]
    assert all(proxy.happened(type(toxic)) for _, toxic in faults)
    proxy.heal()
    async with socket(proxy, scout) as ws:
        await ws.send(BEAT)
        assert await ws.recv() == BEAT_ANSWER


async def test_a_refused_socket_does_not_open(proxy: FaultProxy, scout: Somebody) -> None:
    proxy.plan = Faults(up=(Refuse(),))
    with pytest.raises((InvalidMessage, ConnectionResetError)):
        async with socket(proxy, scout):
            raise AssertionError("it opened")
    assert proxy.happened(Refuse)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        async with socket(proxy, scout):
            raise AssertionError("it opened")


# Our client


def sending(room: ChatRoom, to: Somebody, text: str) -> SendMyMessage:
    return SendMyMessage(chat_id=room.id, content=text, mentions=[Mention(id=to.id)])


async def texts(who: Somebody, room: ChatRoom) -> list[str]:
    """What the agent finds in the room."""
    page = await who.call(ListMessages(chat_id=room.id))
    return [plain(message.content) for message in page.data]


def plain(content: str) -> str:
    """A text without the mention put before it."""
    return content.partition("]] ")[2]


@pytest.mark.parametrize("toxic", [Reset(), Reset(60), BlackHole(), Corrupt(1)])
async def test_a_message_whose_answer_is_lost_has_an_unknown_outcome_and_is_there_once(
    proxy: FaultProxy, alice: Somebody, scout: Somebody, room: ChatRoom, toxic: Toxic
) -> None:
    async with Client(proxy.url, alice.key, timeout=0.5) as call:
        proxy.plan = Faults(down=(toxic,))
        with pytest.raises(OutcomeUnknown):
            await call(sending(room, scout, "hi"))
    assert proxy.happened(type(toxic))
    assert await texts(scout, room) == ["hi"]


async def test_a_message_lost_on_the_way_has_an_unknown_outcome_and_is_not_there(
    proxy: FaultProxy, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    async with Client(proxy.url, alice.key) as call:
        proxy.plan = Faults(up=(Reset(100),))
        with pytest.raises(OutcomeUnknown):
            await call(sending(room, scout, "hi"))
    assert [one.offset for one in proxy.happened(Reset)] == [100]
    assert await texts(scout, room) == []


async def test_a_read_is_repeated_over_another_connection(proxy: FaultProxy, scout: Somebody) -> None:
    proxy.plan = lambda number, rng: Faults(down=(Reset(rng.randrange(300)),)) if number < 3 else Faults()
    async with Client(proxy.url, scout.key) as call:
        assert (await call(GetMe())).id == scout.id
    assert [one.connection for one in proxy.happened(Reset)] == [1, 2]


async def test_without_a_connection_nothing_is_unknown(
    proxy: FaultProxy, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    async with Client(proxy.url, alice.key, attempts=1) as call:
        proxy.refuse()
        with pytest.raises(Unreachable):
            await call(sending(room, scout, "hi"))
        proxy.heal()
        await call(sending(room, scout, "ho"))
    assert await texts(scout, room) == ["ho"]


async def test_a_read_without_an_answer_is_unavailable(proxy: FaultProxy, scout: Somebody) -> None:
    proxy.plan = both(BlackHole())
    async with Client(proxy.url, scout.key, attempts=1, timeout=0.2) as call:
        with pytest.raises(Unavailable):
            await call(GetMe())


# Our listener


@asynccontextmanager
async def hearing(
    proxy: FaultProxy, who: Somebody, *topics: Topic, pace: Pace = PACE
) -> AsyncIterator[Listener]:
    """A listener that has joined the topics through the proxy."""
    listener = Listener(proxy.url, who.key, first=topics, pace=pace)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            await until(listener, *map(Ready, topics))
            yield listener
            tasks.cancel_scope.cancel()


async def until(listener: Listener, *wanted: Notice) -> list[Notice]:
    """The notices up to the last of those wanted."""
    found: list[Notice] = []
    while not set(wanted) <= set(found):
        found.append(await anext(listener))
    return found


async def heard(listener: Listener) -> str:
    """The text of the next notice, which is a message."""
    notice = await anext(listener)
    assert isinstance(notice, Heard)
    assert isinstance(notice.payload, MessageCreated)
    return plain(notice.payload.content)


@pytest.mark.thorough
async def test_a_half_open_socket_is_noticed_and_left_for_another(
    proxy: FaultProxy, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    topics = Topic("agent_rooms", scout.id), Topic("chat_room", room.id)
    async with hearing(proxy, scout, *topics) as listener:
        proxy.plan = both(BlackHole())
        await until(listener, Lost("the heartbeat is not answered"))
        await until(listener, Lost("the platform does not answer"))
        proxy.heal()
        await until(listener, *map(Ready, topics))
        await say(alice, room, scout, "hi")
        assert await heard(listener) == "hi"
    assert proxy.happened(BlackHole)


@pytest.mark.parametrize("faults", [both(Corrupt(1)), Faults(up=(Corrupt(30),)), Faults(down=(Reset(7),))])
async def test_a_listener_outlives_what_ends_its_socket(
    proxy: FaultProxy, alice: Somebody, scout: Somebody, room: ChatRoom, faults: Faults
) -> None:
    chat = Topic("chat_room", room.id)
    async with hearing(proxy, scout, chat) as listener:
        proxy.plan = faults
        while not isinstance(await anext(listener), Lost):
            pass
        proxy.heal()
        await until(listener, Ready(chat))
        await say(alice, room, scout, "hi")
        assert await heard(listener) == "hi"
    assert all(proxy.happened(type(toxic)) for _, toxic in faults)


async def test_a_cut_is_one_lost_connection_and_no_more(
    proxy: FaultProxy, scout: Somebody, room: ChatRoom
) -> None:
    chat = Topic("chat_room", room.id)
    async with hearing(proxy, scout, chat, pace=CALM) as listener:
        proxy.cut()
        found = await until(listener, Ready(chat))
    assert [type(notice) for notice in found] == [Lost, Ready]


async def test_byte_by_byte_every_message_is_heard_whole_and_in_order(
    proxy: FaultProxy, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    said = [f"{n} häßlich 🦉" * n for n in range(1, 15)]
    async with hearing(proxy, scout, Topic("chat_room", room.id), pace=CALM) as listener:
        proxy.plan = both(Slice(1))
        for text in said:
            await say(alice, room, scout, text)
        found = [await heard(listener) for _ in said]
    assert found == said
    assert proxy.happened(Slice)
