"""Each switch of the platform does what it says, to stock clients and to ours, and is counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from tests.faults.history import FAULTS, actor_of, assert_happened, impatient
from tests.faults.plan import (
    KINDS,
    Closed,
    Delayed,
    DelayedPush,
    DoubledPush,
    DroppedPush,
    Garbled,
    LostReply,
    NotApplied,
    Pause,
    PlanFile,
    RefusedUpgrade,
    RequestFault,
    Slow,
    Status,
    SwallowedJoin,
    from_json,
    to_json,
)
from tests.faults.platform import FaultyPlatform
from tests.faults.switches import Switches
from tests.world import Somebody, World, say
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.errors import BrokenAnswer, OutcomeUnknown, RateLimited, Unavailable
from thenvoi_bridge.contract.feed import Topic
from thenvoi_bridge.contract.identity import GetMe
from thenvoi_bridge.contract.messages import ListMessages, Mention, SendMyMessage
from thenvoi_bridge.listener import Heard, Listener, Lost, Pace, Ready, Refused, Unclear
from thenvoi_bridge.phoenix.frames import Frame
from thenvoi_bridge.platform.serving import served
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform

NUMBERS = count(1)
HEALTH = "/api/v1/health"
SENDING = "/me/chats/.+/messages$"
PACE = Pace(
    heartbeat=10.0,
    patience=1.0,
    closing=0.1,
    tick=0.02,
    backoff=(0.001, 0.02),
    cut=(0.0, 0.0),
    restart=(0.0, 0.0),
    crowd=(0.0, 0.0),
    standby=(0.0, 0.0),
    contest=0.0,
)


class Faulty(World):
    """A world whose platform has switches."""

    def __init__(self, folder: Path, clients: AsyncExitStack, url: str, switches: Switches) -> None:
        super().__init__(folder, clients)
        self.switches = switches
        self._url = url

    @property
    def url(self) -> str:
        return self._url


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Faulty]:
    """One platform that has to outlive every test of this module."""
    folder, switches = tmp_path_factory.mktemp("platform"), Switches(seed=4)
    async with (
        AsyncExitStack() as clients,
        served(folder, bind("127.0.0.1", 0), Platform(connects=0), around=switches.around) as it,
    ):
        yield Faulty(folder, clients, it.url, switches)


@pytest.fixture
async def here(platform: Faulty, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Faulty]:
    """The platform without faults. At the end it is well, and uvicorn has seen nothing unusual."""
    yield platform
    platform.switches.plan = ()
    assert (await get(platform)).json()["status"] == "ok"
    assert [record for record in caplog.get_records("call") if record.name.startswith("uvicorn")] == []


@pytest.fixture
async def alice(here: Faulty) -> Somebody:
    return await here.person(f"Alice {next(NUMBERS)}")


@pytest.fixture
async def scout(here: Faulty, alice: Somebody) -> Somebody:
    return await here.agent(alice, "Scout")


@pytest.fixture
async def room(here: Faulty, alice: Somebody, scout: Somebody) -> ChatRoom:
    return await here.room(alice, scout)


@asynccontextmanager
async def counted(here: Faulty, kind: str, times: int = 1) -> AsyncIterator[list[dict[str, Any]]]:
    """The fault comes about so often in this block and no other does; afterwards the list has its details."""
    before, found = here.switches.history.happened(), list[dict[str, Any]]()
    yield found
    await here.switches.until(kind, before[kind] + times)
    assert here.switches.history.happened() - before == {kind: times}
    found += [dict(one.extra) for one in here.switches.history.ops() if one.op == kind][-times:]


# REST


async def get(here: Faulty, path: str = HEALTH, **options: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=here.url) as http:
        return await http.get(path, **options)


async def dial(here: Faulty) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", int(here.url.rpartition(":")[2]))


async def send(here: Faulty, room: ChatRoom, who: Somebody, to: Somebody, timeout: float = 10.0) -> None:
    """One request for a message, sent once."""
    call = SendMyMessage(chat_id=room.id, content="hi", mentions=[Mention(id=to.id)])
    async with Client(here.url, who.key, timeout=timeout, attempts=1) as client:
        await client(call)


async def said(who: Somebody, room: ChatRoom) -> int:
    """How many messages the agent finds in the room."""
    return len((await who.call(ListMessages(chat_id=room.id))).data)


async def test_a_lost_reply_is_a_reset_before_the_first_byte_of_an_applied_request(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (LostReply(path=SENDING),)
    async with counted(here, "lost_reply") as details:
        with pytest.raises(OutcomeUnknown) as caught:
            await send(here, room, alice, scout)
    assert isinstance(caught.value.__cause__, httpx2.ReadError)
    assert details == [{"method": "POST", "status": 201}]
    assert await said(scout, room) == 1


@pytest.mark.parametrize("kind", [LostReply, NotApplied])
async def test_a_cut_connection_gives_no_byte_and_ends_with_a_reset(
    here: Faulty, kind: type[RequestFault]
) -> None:
    here.switches.plan = (kind(),)
    async with counted(here, kind.kind), await dial(here) as stream:
        await stream.send(b"POST /api/v1/health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        with pytest.raises(anyio.BrokenResourceError):  # a FIN would be an EndOfStream
            await stream.receive()


async def test_a_request_that_is_not_applied_is_cut_off_and_leaves_nothing(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (NotApplied(path=SENDING),)
    async with counted(here, "not_applied"):
        with pytest.raises(OutcomeUnknown):
            await send(here, room, alice, scout)
    assert await said(scout, room) == 0


@pytest.mark.thorough
@pytest.mark.parametrize("cut", [True, False])
async def test_a_delayed_request_is_applied_after_its_client_has_gone(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom, cut: bool
) -> None:
    here.switches.plan = (Delayed(1.0, cut=cut, path=SENDING),)
    async with counted(here, "delayed") as details:
        with pytest.raises(OutcomeUnknown) as caught:
            await send(here, room, alice, scout, timeout=5.0 if cut else 0.2)
        assert await said(scout, room) == 0
    assert isinstance(caught.value.__cause__, httpx2.ReadError if cut else TimeoutError)
    assert details == [{"method": "POST", "status": 201}]
    assert await said(scout, room) == 1
    told = [one.outcome for one in here.switches.history.ops() if one.op == "POST" and room.id in one.key]
    assert told[-1] == ("unknown" if cut else "ok")
    assert len(told) == 2  # with the one that brought the agent in


async def test_a_delayed_request_is_cut_off_only_when_it_is_there_as_a_whole(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (Delayed(0.01, cut=True, path=SENDING),)
    body = json.dumps({"message": {"content": "hi", "mentions": [{"id": scout.id}]}}).encode()
    head = f"POST /api/v1/me/chats/{room.id}/messages HTTP/1.1\r\nHost: x\r\nX-Api-Key: {alice.key}\r\n"
    async with counted(here, "delayed") as details, await dial(here) as stream:
        await stream.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:20])
        await get(here)  # by its end the first part has been read, too
        await stream.send(body[20:])
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
    assert details == [{"method": "POST", "status": 201}]


async def test_a_delayed_request_is_answered_if_its_client_waits(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (Delayed(0.01, path=SENDING),)
    async with counted(here, "delayed"):
        await send(here, room, alice, scout)
    assert await said(scout, room) == 1


async def test_a_slow_reply_is_held_back_while_its_request_is_applied(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (Slow(1.0, path=SENDING),)
    async with counted(here, "slow") as details:
        with pytest.raises(OutcomeUnknown):
            await send(here, room, alice, scout, timeout=0.5)
        assert await said(scout, room) == 1
    assert details == [{"method": "POST", "status": 201}]
    here.switches.plan = (Slow(0.2, path=SENDING),)
    async with counted(here, "slow"):
        started = anyio.current_time()
        await send(here, room, alice, scout)
        assert anyio.current_time() - started >= 0.2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_status_is_answered_without_the_app_in_the_platforms_own_form(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom, status: int
) -> None:
    error = {429: RateLimited, 503: Unavailable}.get(status, OutcomeUnknown)
    here.switches.plan = (Status(status, path=SENDING),)
    async with counted(here, "status") as details:
        with pytest.raises(error) as caught:
            await send(here, room, alice, scout)
    assert caught.value.request_id == "by-a-fault"
    assert details == [{"method": "POST", "status": status}]
    assert await said(scout, room) == 0


async def test_a_status_may_be_a_web_page(here: Faulty) -> None:
    here.switches.plan = (Status(502, body="html"),)
    async with counted(here, "status"):
        answer = await get(here)
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("pause", "text", "seconds"),
    [
        ("seconds", "7", 7.0),
        ("absurd", "1000000000", 1e9),
        ("negative", "-5", -5.0),
        ("garbage", "in a moment", None),
        (None, None, None),
    ],
)
async def test_a_status_asks_for_every_kind_of_pause_and_the_history_has_it_in_seconds(
    here: Faulty, pause: Pause | None, text: str | None, seconds: float | None
) -> None:
    here.switches.plan = (Status(503, retry_after=pause, seconds=7),)
    async with counted(here, "status") as details:
        assert (await get(here)).headers.get("retry-after") == text
    assert details[0].get("retry_after") == pause
    assert here.switches.history.ops()[-1].extra.get("retry_after") == seconds


async def test_a_pause_may_be_asked_for_by_its_end(here: Faulty) -> None:
    here.switches.plan = (Status(503, retry_after="date", seconds=100),)
    async with counted(here, "status"):
        headers = (await get(here)).headers
    until, now = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
    assert 100 <= (until - now).total_seconds() <= 103
    assert 99 < here.switches.history.ops()[-1].extra["retry_after"] <= 101


async def test_a_pause_binds_only_where_the_status_says_so(here: Faulty) -> None:
    here.switches.plan = (Status(500, retry_after="seconds"),)
    async with counted(here, "status"):
        assert (await get(here)).headers["retry-after"] == "1"
    assert "retry_after" not in here.switches.history.ops()[-1].extra


@pytest.mark.parametrize("form", ["truncated", "html"])
async def test_a_garbled_reply_is_a_200_that_cannot_be_read_although_its_request_is_applied(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom, form: Any
) -> None:
    here.switches.plan = (Garbled(form, path=SENDING),)
    async with counted(here, "garbled"):
        with pytest.raises(BrokenAnswer):
            await send(here, room, alice, scout)
    assert await said(scout, room) == 1
    here.switches.plan = (Garbled(form),)
    answer = await get(here)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated"):
        answer.json()


async def test_a_request_that_fits_no_switch_passes(here: Faulty) -> None:
    here.switches.plan = (
        NotApplied(method="POST|PUT"),
        NotApplied(path="^/api/v1/agent/"),
        LostReply(chance=0),
    )
    before = here.switches.history.happened()
    assert (await get(here)).status_code == 200
    assert here.switches.history.happened() == before


async def test_a_switch_comes_about_as_often_as_it_may_and_then_the_next_has_its_turn(here: Faulty) -> None:
    here.switches.plan = (Status(500, times=1), Status(502, times=2), Status(503, times=0))
    async with counted(here, "status", 3):
        assert [(await get(here)).status_code for _ in range(5)] == [500, 502, 502, 200, 200]
    here.switches.plan = here.switches.plan
    async with counted(here, "status"):
        assert (await get(here)).status_code == 500


async def test_the_seed_decides_which_of_the_requests_are_hit(here: Faulty) -> None:
    def hits(switches: Switches) -> list[bool]:
        return [switches.drawn(RequestFault, method="GET", path="/") is not None for _ in range(1000)]

    plan = (Slow(0, chance=0.3, path="/"),)
    one, same, other = Switches(plan, 1), Switches(plan, 1), Switches(plan, 2)
    first = hits(one)
    assert hits(same) == first != hits(other)
    assert 220 < sum(first) < 380
    one.plan = plan
    assert hits(one) != first  # or every plan would begin with the same requests


async def test_the_history_tells_whose_requests_there_were_and_how_they_ended(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (LostReply(path=SENDING),)
    begun = here.switches.history.now()
    with pytest.raises(OutcomeUnknown):
        await send(here, room, alice, scout)
    await get(here, "/api/v1/agent/me", headers={"x-api-key": scout.key})
    await get(here, "/api/v1/agent/nothing", params={"api_key": scout.key})
    found = [one for one in here.switches.history.ops() if one.t >= begun and one.actor != FAULTS]
    path = f"/api/v1/me/chats/{room.id}/messages"
    assert [(one.actor, one.op, one.key, one.outcome, one.extra) for one in found] == [
        (actor_of(alice.key), "POST", path, "unknown", {}),
        (actor_of(scout.key), "GET", "/api/v1/agent/me", "ok", {"status": 200}),
        (actor_of(scout.key), "GET", "/api/v1/agent/nothing", "fail", {"status": 404}),
    ]


async def test_our_client_keeps_a_pause_and_another_is_found_out(here: Faulty, scout: Somebody) -> None:
    headers, path = {"x-api-key": scout.key}, "/api/v1/agent/me"
    here.switches.plan = (Status(429, times=1, retry_after="seconds", seconds=0.2),)
    ours = here.switches.history.now()
    await scout.call(GetMe())
    theirs = here.switches.history.now()
    here.switches.plan = (Status(429, times=1, retry_after="seconds", seconds=60),)
    assert [(await get(here, path, headers=headers)).status_code for _ in range(2)] == [429, 200]
    ops = [one for one in here.switches.history.ops() if one.t >= ours and one.actor == actor_of(scout.key)]
    assert [one.extra["status"] for one in ops] == [429, 200, 429, 200]
    assert impatient([one for one in ops if one.t < theirs]) == []
    assert impatient(ops) == ops[-1:]


# The socket


@asynccontextmanager
async def stock(here: Faulty, who: Somebody) -> AsyncIterator[ClientConnection]:
    query = urlencode({"api_key": who.key, "vsn": "2.0.0"})
    url = here.url.replace("http", "ws") + f"/api/v1/socket/websocket?{query}"
    async with connect(url, proxy=None, close_timeout=0.5) as ws:
        yield ws


async def join(ws: ClientConnection, topic: str) -> None:
    await ws.send(Frame("1", "1", topic, "phx_join", {}).encode())


async def hear(ws: ClientConnection) -> Frame:
    with anyio.fail_after(10):
        return Frame.decode(str(await ws.recv()))


async def to_the_end(ws: ClientConnection) -> None:
    with anyio.fail_after(10):
        async for _ in ws:
            pass


@asynccontextmanager
async def in_the_room(here: Faulty, who: Somebody, room: ChatRoom) -> AsyncIterator[ClientConnection]:
    """A stock socket that has joined the room."""
    async with stock(here, who) as ws:
        await join(ws, f"chat_room:{room.id}")
        assert (await hear(ws)).payload["status"] == "ok"
        yield ws


async def test_a_dropped_push_never_comes(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (DroppedPush(event="^message_created$", times=1),)
    async with in_the_room(here, scout, room) as ws:
        async with counted(here, "dropped_push") as details:
            await say(alice, room, scout, "unheard")
        second = await say(alice, room, scout, "heard")
        assert (await hear(ws)).payload["id"] == second.id
    assert details == [{"event": "message_created"}]
    assert await said(scout, room) == 2


async def test_a_doubled_push_comes_twice(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (DoubledPush(times=1),)
    async with in_the_room(here, scout, room) as ws, counted(here, "doubled_push"):
        sent = [(await say(alice, room, scout, text)).id for text in ("twice", "once")]
        assert [(await hear(ws)).payload["id"] for _ in range(3)] == [sent[0], *sent]


async def test_a_delayed_push_comes_after_its_successor(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (DelayedPush(1.0, times=1),)
    async with in_the_room(here, scout, room) as ws, counted(here, "delayed_push"):
        sent = [(await say(alice, room, scout, text)).id for text in ("first", "second")]
        assert [(await hear(ws)).payload["id"] for _ in range(2)] == sent[::-1]


async def test_a_push_that_is_too_late_for_its_socket_ends_with_it(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (DelayedPush(60.0, times=1),)
    before, tasks = here.switches.history.happened(), asyncio.all_tasks()
    async with in_the_room(here, scout, room) as ws:
        await say(alice, room, scout, "never")
        await say(alice, room, scout, "at once")
        await hear(ws)
    with anyio.fail_after(10):
        while not asyncio.all_tasks() <= tasks:
            await anyio.lowlevel.checkpoint()
    assert here.switches.history.happened() == before


@pytest.mark.parametrize("other", [{"event": "room_added"}, {"topic": "agent_rooms"}])
async def test_a_push_fault_hits_its_own_events_and_topics_alone(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom, other: dict[str, Any]
) -> None:
    here.switches.plan = (DroppedPush(**other),)
    async with in_the_room(here, scout, room) as ws:
        await join(ws, f"agent_rooms:{scout.id}")
        assert (await hear(ws)).event == "phx_reply"
        async with counted(here, "dropped_push"):
            await here.room(alice, scout)
        sent = await say(alice, room, scout, "heard")
        assert (await hear(ws)).payload["id"] == sent.id


async def test_the_reply_to_a_join_is_swallowed_although_the_topic_is_joined(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (SwallowedJoin(topic="chat_room"),)
    async with stock(here, scout) as ws:
        async with counted(here, "swallowed_join"):
            await join(ws, f"chat_room:{room.id}")
        sent = await say(alice, room, scout, "heard all the same")
        assert (await hear(ws)).payload["id"] == sent.id
        await join(ws, f"agent_rooms:{scout.id}")
        assert (await hear(ws)).event == "phx_reply"


async def test_our_listener_joins_again_when_the_reply_does_not_come(here: Faulty, scout: Somebody) -> None:
    topic = Topic("agent_rooms", scout.id)
    here.switches.plan = (SwallowedJoin(times=1),)
    async with counted(here, "swallowed_join"), listening(here, scout, topic) as listener:
        assert await anext(listener) == Unclear(topic)
        assert await anext(listener) == Ready(topic)


@asynccontextmanager
async def listening(here: Faulty, who: Somebody, *topics: Topic) -> AsyncIterator[Listener]:
    listener = Listener(here.url, who.key, first=topics, pace=PACE)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            yield listener
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("body", ["envelope", "html"])
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 429, 503])
async def test_an_upgrade_is_refused_by_any_status(
    here: Faulty, scout: Somebody, status: int, body: Any
) -> None:
    location = "http://127.0.0.1:9/elsewhere" if status == 302 else None
    here.switches.plan = (
        RefusedUpgrade(status, times=2, body=body, retry_after="seconds", seconds=0, location=location),
    )
    topic = Topic("agent_rooms", scout.id)
    async with counted(here, "refused_upgrade", 2) as details:
        async with httpx2.AsyncClient(base_url=here.url) as http:
            answer = await http.send(upgrade(http, scout))
        async with listening(here, scout, topic) as listener:
            notice = await anext(listener)
            assert await anext(listener) == Ready(topic)
    assert isinstance(notice, Lost | Refused)
    assert str(status) in notice.reason
    assert answer.status_code == status
    assert answer.text.startswith("<!doctype html>" if body == "html" else '{"error":')
    assert [answer.headers.get(name) for name in ("retry-after", "location")] == ["0", location]
    assert details == [{"status": status}] * 2


def upgrade(http: httpx2.AsyncClient, who: Somebody) -> httpx2.Request:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "X-Api-Key": who.key,
    }
    return http.build_request("GET", "/api/v1/socket/websocket?vsn=2.0.0", headers=headers)


async def test_the_platforms_own_refusals_of_upgrades_are_in_the_history_too(
    here: Faulty, scout: Somebody
) -> None:
    begun = here.switches.history.now()
    async with stock(here, scout):
        pass
    with pytest.raises(InvalidStatus):
        async with stock(here, replace(scout, key="nobody's")):
            raise AssertionError("it opened")
    here.switches.plan = (RefusedUpgrade(503, retry_after="seconds", seconds=5, times=1),)
    with pytest.raises(InvalidStatus):
        async with stock(here, scout):
            raise AssertionError("it opened")
    async with stock(here, scout):
        pass
    found = [one for one in here.switches.history.ops() if one.t >= begun and one.op == "UPGRADE"]
    ours, nobody = (f"{actor_of(key)} socket" for key in (scout.key, "nobody's"))
    assert [(one.actor, one.outcome, one.extra) for one in found] == [
        (ours, "ok", {"status": 101}),
        (nobody, "fail", {"status": 403}),
        (ours, "fail", {"status": 503, "retry_after": 5.0}),
        (ours, "ok", {"status": 101}),
    ]
    assert impatient(found) == found[-1:]


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1009, 1011, 1012, 1013, 4000, 4999])
async def test_a_socket_is_closed_with_any_code(here: Faulty, scout: Somebody, code: int) -> None:
    here.switches.plan = (Closed(code, times=1),)
    async with counted(here, "closed"), stock(here, scout) as ws:
        with pytest.raises(ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError) as ended:
            await hear(ws)
    assert (ended.value.rcvd.code if ended.value.rcvd else 1006) == code


async def test_a_socket_is_closed_after_so_many_frames(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (Closed(1012, frames=3, times=1),)
    async with counted(here, "closed") as details, in_the_room(here, scout, room) as ws:
        sent = [(await say(alice, room, scout, text)).id for text in "abc"]
        assert [(await hear(ws)).payload["id"] for _ in range(2)] == sent[:2]
        with pytest.raises(ConnectionClosedError):
            await hear(ws)
    assert details == [{"frames": 3}]


async def test_a_socket_that_is_reset_in_the_middle_of_something_is_reset_once(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    here.switches.plan = (Closed(1006, frames=2), DoubledPush())
    before = here.switches.history.happened()
    async with in_the_room(here, scout, room) as ws:
        await say(alice, room, scout, "twice, if it were not for the reset")
        with pytest.raises(ConnectionClosedError):
            await to_the_end(ws)
    assert here.switches.history.happened() - before == {"closed": 1, "doubled_push": 1}


async def test_our_listener_outlives_closes_of_every_kind(
    here: Faulty, alice: Somebody, scout: Somebody, room: ChatRoom
) -> None:
    chat = Topic("chat_room", room.id)
    here.switches.plan = tuple(Closed(code, times=1) for code in (1000, 1006, 1012, 4000))
    async with counted(here, "closed", 4), listening(here, scout, chat) as listener:
        found = [await anext(listener)]
        while found[-1] != Ready(chat):
            found.append(await anext(listener))
        await say(alice, room, scout, "hi")
        assert isinstance(await anext(listener), Heard)
    assert any(isinstance(notice, Lost) for notice in found)


# Plans, and a platform that is a process


def test_every_plan_survives_its_way_through_json() -> None:
    needed: dict[str, dict[str, Any]] = {
        "delayed": {"delay": 1.5, "cut": True},
        "slow": {"delay": 2},
        "status": {"status": 429, "retry_after": "date", "seconds": 0.5, "body": "html", "method": "POST"},
        "garbled": {"form": "html", "path": "^/x"},
        "delayed_push": {"delay": 0.1, "event": "message_created", "topic": "chat_room"},
        "refused_upgrade": {"status": 302, "location": "http://x"},
        "closed": {"code": 1012, "frames": 7},
    }
    plan = tuple(kind(chance=0.25, times=3, **needed.get(name, {})) for name, kind in KINDS.items())
    assert from_json(to_json(plan)) == plan
    assert {switch.kind for switch in plan} == set(KINDS)
    assert len(plan) == 12
    assert from_json('[{"kind": "slow", "delay": 1}]') == (Slow(1),)


def test_a_plan_in_a_file_is_news_whenever_it_was_written(tmp_path: Path) -> None:
    file = PlanFile(tmp_path / "plan.json")
    for plan in ((Slow(1),), (Slow(2),), ()):
        file.write(plan)
        assert file.news() == plan
        assert file.news() is None


@pytest.mark.thorough
async def test_a_platform_process_takes_plans_is_killed_and_comes_back_with_its_data(tmp_path: Path) -> None:
    started = FaultyPlatform(
        tmp_path / "platform", (LostReply(path=SENDING, times=1),), flags=("--connects", "0")
    )
    async with AsyncExitStack() as clients:
        with started as platform:
            await platform.begin()
            here = Faulty(platform.data, clients, platform.url, Switches())
            alice = await here.person()
            scout = await here.agent(alice, "Scout")
            room = await here.room(alice, scout)
            with pytest.raises(OutcomeUnknown):
                await send(here, room, alice, scout)
            assert platform.history.happened() == {"lost_reply": 1}
            platform.take((Status(502, path=HEALTH, times=1),))
            assert [(await get(here)).status_code for _ in range(2)] == [502, 200]
            platform.kill()
            with pytest.raises(httpx2.ConnectError):
                await get(here)
            await platform.begin()
            assert platform.url == here.url
            assert [(await get(here)).status_code for _ in range(2)] == [502, 200]
            assert await said(scout, room) == 1
            await platform.end()
            with pytest.raises(httpx2.ConnectError):
                await get(here)
    assert_happened(platform.history.happened(), {"lost_reply": 1, "status": 2})
