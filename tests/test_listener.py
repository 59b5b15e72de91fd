"""The listener against real sockets on which the server's half of the protocol answers, or does not."""

import asyncio
import http
import json
import logging
import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.lowlevel import checkpoint
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Request, Response

from tests.world import Somebody, World
from thenvoi_bridge import __version__
from thenvoi_bridge.contract.feed import MessageCreated, RoomAdded, RoomDeleted, Topic
from thenvoi_bridge.listener import (
    Denied,
    Heard,
    Listener,
    Lost,
    Notice,
    Pace,
    Ready,
    Refused,
    Unclear,
    socket_url,
)
from thenvoi_bridge.listener.notices import Backlog
from thenvoi_bridge.listener.pace import Backoff, Ending, Returning, draw, ending
from thenvoi_bridge.listener.standby import Standby
from thenvoi_bridge.phoenix.frames import Broadcast
from thenvoi_bridge.phoenix.server import JoinAsked, ServerProtocol

KEY = "thnv_a_1_secret/+&="
ROOMS = Topic("agent_rooms", "a")
CHAT = Topic("chat_room", "r")
CONTROL = Topic("agent_control", "a")
TAKEN_OVER = Lost("another connection of this agent took over", standby=True)
OCCUPIED = Lost("another connection of this agent is in place (HTTP 409)", standby=True)
SOON = (0.0, 0.0)
NEVER = (3600.0, 3600.0)
QUICK = Pace(
    closing=0.2,
    tick=0.02,
    backoff=(0.001, 0.01),
    cut=SOON,
    restart=SOON,
    crowd=SOON,
    standby=NEVER,
    contest=0.0,
)
MESSAGE = {
    "id": "m",
    "content": "hi",
    "message_type": "text",
    "sender_id": "u",
    "sender_type": "User",
    "inserted_at": "2026-03-01T10:00:00.000000Z",
    "updated_at": "2026-03-01T10:00:00.000000Z",
}

quiet = logging.getLogger("tests.listener.server")
quiet.setLevel(logging.CRITICAL)  # at DEBUG the server's side shows the key, as it may


@dataclass
class Peer:
    """One connection, seen from the platform."""

    ws: ServerConnection
    protocol: ServerProtocol = field(default_factory=ServerProtocol)
    heard: list[str] = field(default_factory=list[str])

    async def flush(self) -> None:
        for text in self.protocol.outgoing():
            await self.ws.send(text)

    async def push(self, topic: Topic, event: str, payload: object) -> None:
        self.protocol.push(Broadcast(str(topic), event, json.dumps(payload)))
        await self.flush()


@dataclass
class Platform:
    """Joins everybody to everything, unless told otherwise."""

    port: int = 0
    openings: list[Request] = field(default_factory=list[Request])
    opened_at: list[float] = field(default_factory=list[float])
    peers: list[Peer] = field(default_factory=list[Peer])
    answers: list[Response] = field(default_factory=list[Response])  # instead of the next upgrades
    refuse: dict[str, str] = field(default_factory=dict[str, str])
    silent: set[str] = field(default_factory=set[str])  # topics whose joins find no answer
    mute: bool = False
    asked: list[JoinAsked] = field(default_factory=list[JoinAsked])
    news: anyio.Event = field(default_factory=anyio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def peer(self) -> Peer:
        return self.peers[-1]

    @property
    def probed(self) -> list[bool]:
        """Of each opening, whether it was to be refused if the agent had another connection."""
        return [query(request).get("on_conflict") == ["reject"] for request in self.openings]

    def upgrade(self, ws: ServerConnection, request: Request) -> Response | None:
        self.openings.append(request)
        self.opened_at.append(time.monotonic())
        self.ring()
        return self.answers.pop(0) if self.answers else None

    async def handle(self, ws: ServerConnection) -> None:
        self.peers.append(peer := Peer(ws))
        try:
            async for text in ws:
                assert isinstance(text, str)
                peer.heard.append(text)
                if not self.mute:
                    self.answer(peer, text)
                    await peer.flush()
                self.ring()
        except ConnectionClosed:
            pass

    def answer(self, peer: Peer, text: str) -> None:
        for event in peer.protocol.receive(text):
            if isinstance(event, JoinAsked):
                self.asked.append(event)
                if reason := self.refuse.get(event.topic):
                    peer.protocol.refuse(event, reason)
                elif event.topic not in self.silent:
                    peer.protocol.accept(event)

    def ring(self) -> None:
        self.news.set()
        self.news = anyio.Event()

    async def until_heard(self, part: str) -> None:
        while not any(part in text for peer in self.peers for text in peer.heard):
            await self.news.wait()


def query(request: Request) -> dict[str, list[str]]:
    """The query of an opening."""
    return parse_qs(urlsplit(request.path).query)


def answer(status: int, body: bytes = b"", /, **headers: str) -> Response:
    named = {k.replace("_", "-"): v for k, v in headers.items()} | {
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    return Response(status, http.HTTPStatus(status).phrase, Headers(named), body)


@asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[Platform]:
    async with serve(
        platform.handle,
        "127.0.0.1",
        platform.port,
        process_request=platform.upgrade,
        logger=quiet,
    ) as server:
        platform.port = next(iter(server.sockets)).getsockname()[1]
        yield platform


@asynccontextmanager
async def listening(listener: Listener) -> AsyncIterator[Listener]:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            yield listener
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def joined(*topics: Topic, pace: Pace = QUICK, **more: Any) -> AsyncIterator[tuple[Platform, Listener]]:
    """A platform and a listener that is Ready for the topics."""
    async with running(Platform()) as platform:
        listener = Listener(platform.url, KEY, first=topics, pace=pace, **more)
        async with listening(listener):
            for topic in topics:
                assert await anext(listener) == Ready(topic)
            yield platform, listener


async def until(listener: Listener, *wanted: Notice | type) -> list[Notice]:
    """The notices up to the last of those wanted, in whatever order they come."""
    found, missing = [], list(wanted)
    async for notice in listener:
        found.append(notice)
        missing = [w for w in missing if w not in (notice, type(notice))]
        if not missing:
            break
    return found


@asynccontextmanager
async def words_of(listener: Listener) -> AsyncIterator[list[str]]:
    """The words of its state, each time that it has become another."""
    words: list[str] = [listener.state.word]

    async def watch() -> None:
        while True:
            if listener.state.word != words[-1]:
                words.append(listener.state.word)
            await checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        yield words
        tasks.cancel_scope.cancel()


# What it hears


async def test_it_joins_and_hears() -> None:
    async with joined(ROOMS, CHAT) as (platform, listener):
        await platform.peer.push(CHAT, "message_created", MESSAGE)
        heard = await anext(listener)
        assert isinstance(heard, Heard)
        assert isinstance(heard.payload, MessageCreated)
        assert (heard.topic, heard.payload.chat_room_id) == (CHAT, "r")
        await platform.peer.push(ROOMS, "room_added", {"id": "r2"})
        assert await anext(listener) == Heard(ROOMS, RoomAdded(id="r2"))
        assert listener.state.word == "live"
        assert listener.state.heard_at


async def test_an_event_without_a_join_ref_is_heard_too() -> None:
    async with joined(ROOMS) as (platform, listener):
        await platform.peer.ws.send(json.dumps([None, None, str(ROOMS), "room_added", {"id": "x"}]))
        assert await anext(listener) == Heard(ROOMS, RoomAdded(id="x"))


async def test_a_message_larger_than_a_mebibyte_is_heard() -> None:
    async with joined(CHAT) as (platform, listener):
        await platform.peer.push(CHAT, "message_created", MESSAGE | {"content": "x" * 2**21})
        assert isinstance(await anext(listener), Heard)


async def test_a_topic_is_joined_and_left_at_once_whatever_the_tick() -> None:
    async with joined(ROOMS, pace=Pace(heartbeat=1000, patience=1000, tick=1000)) as (platform, listener):
        listener.join(CHAT)
        listener.join(CHAT)
        assert await anext(listener) == Ready(CHAT)
        listener.leave(CHAT)
        listener.leave(CHAT)
        await platform.until_heard("phx_leave")
        assert list(platform.peer.protocol.joined) == [str(ROOMS)]
    assert [asked.topic for asked in platform.asked] == [str(ROOMS), str(CHAT)]


async def test_topics_may_be_joined_and_left_while_there_is_no_connection() -> None:
    async with running(Platform()) as platform:
        listener = Listener(platform.url, KEY, first=[ROOMS], pace=QUICK)
        listener.join(CHAT)
        listener.leave(ROOMS)
        async with listening(listener):
            assert await anext(listener) == Ready(CHAT)
        assert [asked.topic for asked in platform.asked] == [str(CHAT)]


async def test_many_topics_are_joined_in_small_numbers_so_that_heartbeats_get_through() -> None:
    topics = [Topic("chat_room", str(n)) for n in range(100)]
    platform = Platform(silent={str(topic) for topic in topics})
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=topics, pace=replace(QUICK, heartbeat=0.02))) as listener,
    ):
        await platform.until_heard("heartbeat")
        assert len(platform.asked) == 32
        platform.silent.clear()
        for asked in platform.asked:
            platform.peer.protocol.accept(asked)
        await platform.peer.flush()
        assert await until(listener, *map(Ready, topics)) == [Ready(topic) for topic in topics]


# What it cannot hear


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "{}",
        "[]",
        '["1",null,7,"x",{}]',
        b"\x00\x01binary",
        '[null,null,"chat_room:other","message_created",{}]',
        '[null,"99","phoenix","phx_reply",{}]',
        '[null,null,"agent_rooms:a","task_exploded",{"id":1}]',
        '[null,null,"agent_rooms:a","room_added",{"id":"x"},"a sixth"]',
    ],
)
async def test_strange_frames_do_no_harm(frame: str | bytes) -> None:
    async with joined(ROOMS) as (platform, listener):
        await platform.peer.ws.send(frame)
        await platform.peer.push(ROOMS, "room_added", {"id": "after"})
        found = await until(listener, Heard(ROOMS, RoomAdded(id="after")))
        assert set(map(type, found)) == {Heard}
    assert len(platform.openings) == 1


@pytest.mark.parametrize(
    "frame",
    [
        '["1",null,"agent_rooms:a","room_added",{"id":1}]',
        '["1",null,"agent_rooms:a","room_added",{}]',
        '["1",null,"agent_rooms:a","room_added",{"id":',
        b'["1",null,"agent_rooms:a","room_added",\xff',
    ],
)
async def test_an_event_that_cannot_be_read_sends_the_reader_to_rest(frame: str | bytes) -> None:
    async with joined(ROOMS) as (platform, listener):
        await platform.peer.ws.send(frame)
        assert await anext(listener) == Unclear(ROOMS)


async def test_a_forbidden_topic_is_denied_and_not_asked_for_again_until_wanted_anew() -> None:
    platform = Platform(refuse={str(CHAT): "unauthorized"})
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[CHAT, ROOMS], pace=QUICK)) as listener,
    ):
        assert await until(listener, Ready(ROOMS)) == [Denied(CHAT, "unauthorized"), Ready(ROOMS)]
        await platform.peer.ws.close(1011)
        await until(listener, Lost, Ready(ROOMS))
        assert [asked.topic for asked in platform.asked].count(str(CHAT)) == 1
        platform.refuse.clear()
        listener.join(CHAT)
        assert await anext(listener) == Ready(CHAT)


async def test_a_topic_refused_for_another_reason_is_tried_again() -> None:
    platform = Platform(refuse={str(CHAT): "join crashed"})
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[CHAT], pace=QUICK)) as listener,
    ):
        assert await anext(listener) == Unclear(CHAT)
        platform.refuse.clear()
        await until(listener, Ready(CHAT))


async def test_a_join_without_an_answer_is_tried_again() -> None:
    platform = Platform(silent={str(CHAT)})
    pace = replace(QUICK, patience=0.1)
    async with running(platform), listening(Listener(platform.url, KEY, first=[CHAT], pace=pace)) as listener:
        await until(listener, Unclear(CHAT))
        platform.silent.clear()
        await until(listener, Ready(CHAT))


@pytest.mark.parametrize("end", ["close", "fail"])
async def test_a_channel_that_ends_is_joined_again_and_the_others_go_on(end: str) -> None:
    async with joined(ROOMS, CHAT) as (platform, listener):
        getattr(platform.peer.protocol, end)(str(CHAT))
        await platform.peer.flush()
        assert await until(listener, Ready(CHAT)) == [Unclear(CHAT), Ready(CHAT)]
    assert len(platform.openings) == 1
    assert len(platform.asked) == 3


async def test_a_reader_who_falls_behind_is_sent_to_rest() -> None:
    async with joined(ROOMS, CHAT, backlog=2, pace=replace(QUICK, crowd=NEVER)) as (platform, listener):
        for n in range(6):
            await platform.peer.push((ROOMS, CHAT)[n % 2], "room_added", {"id": str(n)})
        await platform.peer.ws.close(1013)
        while listener.state.word == "live":
            await checkpoint()
        found = await until(listener, Lost)
    assert [type(notice) for notice in found] == [Heard, Heard, Unclear, Unclear, Lost]
    assert {ROOMS, CHAT} == {n.topic for n in found if isinstance(n, Unclear)}


async def test_a_reader_who_keeps_up_hears_every_event_of_a_burst() -> None:
    async with joined(ROOMS, backlog=64) as (platform, listener):
        for n in range(5000):
            platform.peer.protocol.push(Broadcast(str(ROOMS), "room_added", json.dumps({"id": str(n)})))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(platform.peer.flush)
            for n in range(5000):
                assert await anext(listener) == Heard(ROOMS, RoomAdded(id=str(n)))


async def test_the_last_word_on_the_connection_is_read_last() -> None:
    backlog = Backlog(9)
    for notice in (
        Ready(CHAT),
        Unclear(ROOMS),
        Lost("x"),
        Unclear(ROOMS),
        Ready(CHAT),
        Lost("x"),
        Ready(CHAT),
    ):
        backlog.put(notice)
    with anyio.fail_after(5):
        assert [await backlog.take() for _ in range(3)] == [Unclear(ROOMS), Lost("x"), Ready(CHAT)]


async def test_what_is_alike_and_waits_can_be_taken_together_and_overtakes_nothing() -> None:
    backlog, rooms = Backlog(9), [RoomAdded(id=str(n)) for n in range(4)]
    gone = Heard(ROOMS, RoomDeleted(id="2"))
    for notice in (*(Heard(ROOMS, room) for room in rooms[:3]), gone, Heard(ROOMS, rooms[3])):
        backlog.put(notice)
    assert backlog.more(RoomAdded, 2) == rooms[:2]
    assert backlog.more(RoomAdded, 9) == rooms[2:3]
    assert backlog.more(RoomAdded, 9) == []
    with anyio.fail_after(5):
        assert await backlog.take() == gone
    assert backlog.more(RoomAdded, 9) == rooms[3:]
    assert backlog.more(RoomAdded, 9) == []


# When the connection goes


async def test_after_a_restart_on_the_same_port_everything_is_joined_again() -> None:
    async with running(Platform()) as platform:
        pass
    async with listening(Listener(platform.url, KEY, first=[ROOMS], pace=QUICK)) as listener:
        assert await anext(listener) == Lost("the platform cannot be reached")
        async with running(platform):
            await until(listener, Ready(ROOMS))
            listener.join(CHAT)
            assert await anext(listener) == Ready(CHAT)
            assert listener.state.attempts == 0
        assert isinstance(await anext(listener), Lost)
        async with running(platform):
            await until(listener, Ready(ROOMS), Ready(CHAT))
            await platform.peer.push(CHAT, "message_created", MESSAGE)
            assert isinstance(await anext(listener), Heard)


async def test_a_link_that_went_silent_is_given_up() -> None:
    pace = replace(QUICK, heartbeat=0.02, patience=0.1)
    platform = Platform()
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[ROOMS], pace=pace)) as listener,
    ):
        await until(listener, Ready(ROOMS))
        platform.mute = True
        await until(listener, Lost("the heartbeat is not answered"))
        platform.mute = False
        await until(listener, Ready(ROOMS))


async def test_a_computer_that_slept_drops_its_socket_at_once() -> None:
    asleep = 0.0
    async with joined(ROOMS, wall=lambda: 1e9 + asleep) as (_, listener):
        asleep = 60.0
        assert await anext(listener) == Lost("this computer slept")
        assert await anext(listener) == Ready(ROOMS)


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1009, 1011, 1012, 1013, 4000, 4401])
async def test_no_close_code_is_the_end(code: int) -> None:
    pace = replace(QUICK, contest=300.0, standby=(0.001, 0.01))
    async with joined(ROOMS, pace=pace) as (platform, listener), words_of(listener) as words:
        for _ in range(2):
            if code == 1006:
                platform.peer.ws.transport.abort()
            else:
                await platform.peer.ws.close(code)
            first, *more = await until(listener, Ready(ROOMS))
            assert more == [Ready(ROOMS)]
        rival = code in (1000, 1001)
        assert first == (TAKEN_OVER if rival else Lost(f"the connection ended (code {code})"))
        again = ["standby"] if rival else ["waiting", "connecting"]
        assert words == ["live", "waiting", "connecting", "live", *again, "live"]


# When another connection of the agent takes over

EAGER = replace(QUICK, standby=(0.001, 0.01), standby_longest=(0.001, 0.01), contest=300.0)


async def test_whoever_is_cut_twice_stands_back_for_the_other() -> None:
    async with joined(ROOMS, pace=replace(QUICK, contest=300.0)) as (platform, listener):
        await platform.peer.ws.close(1000)
        await until(listener, Lost, Ready(ROOMS))
        await platform.peer.ws.close(1001)
        assert await anext(listener) == TAKEN_OVER
        assert (listener.state.word, listener.state.reason) == ("standby", TAKEN_OVER.reason)
    assert platform.probed == [False, False]


@pytest.mark.parametrize("code", [1000, 1011])
async def test_whoever_is_told_of_a_successor_stands_back_at_the_first_end(code: int) -> None:
    async with joined(CONTROL) as (platform, listener):
        await platform.peer.push(CONTROL, "supersede", {})
        await platform.peer.ws.close(code)
        assert await anext(listener) == TAKEN_OVER
        assert listener.state.word == "standby"


async def test_in_standby_it_probes_until_it_gets_in_and_opens_as_before_after_that() -> None:
    async with joined(CONTROL, pace=EAGER) as (platform, listener), words_of(listener) as words:
        platform.answers = [answer(409), answer(503), answer(409)]
        await platform.peer.push(CONTROL, "supersede", {})
        await platform.peer.ws.close(1000)
        assert await until(listener, Ready(CONTROL)) == [
            TAKEN_OVER,
            OCCUPIED,
            Lost("the platform is busy (HTTP 503)", standby=True),
            OCCUPIED,
            Ready(CONTROL),
        ]
        assert words == ["live", "standby", "live"]
        await platform.peer.ws.close(1011)
        assert await until(listener, Ready(CONTROL)) == [
            Lost("the connection ended (code 1011)"),
            Ready(CONTROL),
        ]
    assert platform.probed == [False, True, True, True, True, False]


async def test_a_rejected_key_is_said_in_standby_too_and_the_next_opening_is_a_probe_still() -> None:
    async with joined(CONTROL, pace=EAGER) as (platform, listener), words_of(listener) as words:
        platform.answers = [answer(403)]
        await platform.peer.push(CONTROL, "supersede", {})
        await platform.peer.ws.close(1000)
        told = await until(listener, Ready(CONTROL))
        assert told == [TAKEN_OVER, Refused(403, "the key is rejected (HTTP 403)"), Ready(CONTROL)]
        assert words == ["live", "standby", "refused", "standby", "live"]
    assert platform.probed == [False, True, True]


async def test_a_probe_that_got_in_gives_way_to_a_rival_that_comes_back() -> None:
    async with joined(CONTROL, pace=EAGER) as (platform, listener):
        await platform.peer.push(CONTROL, "supersede", {})
        await platform.peer.ws.close(1011)
        await until(listener, TAKEN_OVER, Ready(CONTROL))
        await platform.peer.ws.close(1000)
        assert await anext(listener) == TAKEN_OVER


async def test_an_opening_that_finds_another_connection_is_the_beginning_of_a_standby() -> None:
    platform = Platform(answers=[answer(409)])
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[ROOMS], pace=EAGER)) as listener,
    ):
        assert await until(listener, Ready(ROOMS)) == [OCCUPIED, Ready(ROOMS)]
    plain, probe = map(query, platform.openings)
    assert probe == plain | {"on_conflict": ["reject"]}


@asynccontextmanager
async def heard_by(here: World, agent: Somebody, *, told: bool) -> AsyncIterator[Listener]:
    """A listener of the agent's on the real platform, which tells it of successors or cuts it silently."""
    topics = [Topic("agent_control", agent.id)] if told else [Topic("agent_rooms", agent.id)]
    async with listening(Listener(here.url, agent.key, first=topics, pace=RIVAL)) as listener:
        yield listener


RIVAL = Pace(tick=0.02, backoff=(0.001, 0.01), cut=SOON, standby=(0.02, 0.04), standby_longest=(0.05, 0.1))


async def settled(*words: list[str]) -> int:
    """Wait until one hears and the other has stood back; how often the place has changed hands until then."""
    while {one[-1] for one in words} != {"live", "standby"}:
        await checkpoint()
    return sum(one.count("live") for one in words) - 1


@pytest.mark.parametrize(("told", "flips"), [(True, 1), (False, 3)])
async def test_of_two_with_one_key_one_hears_and_the_other_waits_for_its_end(
    here: World, told: bool, flips: int
) -> None:
    scout = await here.agent(await here.person(), "Scout")
    async with heard_by(here, scout, told=told) as first, words_of(first) as firsts:
        await until(first, Ready)
        async with heard_by(here, scout, told=told) as second, words_of(second) as seconds:
            assert await settled(firsts, seconds) <= flips
            hearing, waiting = (first, second) if firsts[-1] == "live" else (second, first)
            before = len(firsts), len(seconds)
            while waiting.state.attempts < 10:
                await checkpoint()
            assert (len(firsts), len(seconds)) == before
            assert hearing.state.attempts == 0
        while firsts[-1] != "live":
            await checkpoint()
        assert firsts.count("standby") == 1


# When it cannot begin


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
async def test_a_refused_opening_is_said_and_not_hammered(status: int) -> None:
    platform = Platform(answers=[answer(status)])
    async with running(platform), listening(Listener(platform.url, KEY, pace=QUICK)) as listener:
        refused = await anext(listener)
        assert isinstance(refused, Refused)
        assert refused.status == status
        assert (listener.state.word, listener.state.reason) == ("refused", refused.reason)
        assert listener.state.attempts == 1


BUSY = ["connecting", "waiting", "connecting", "live"]
REFUSED = ["connecting", "refused", "connecting", "live"]
ANSWERS = {
    200: BUSY,
    301: REFUSED,
    307: REFUSED,
    400: REFUSED,
    401: REFUSED,
    403: REFUSED,
    404: REFUSED,
    409: ["connecting", "standby", "live"],
    429: BUSY,
    500: BUSY,
    502: BUSY,
    503: BUSY,
}


@pytest.mark.parametrize("status", ANSWERS)
async def test_no_answer_to_an_opening_is_the_end(status: int) -> None:
    platform = Platform(answers=[answer(status, b"<html>Hello</html>", Content_Type="text/html")] * 2)
    pace = replace(QUICK, standby=(0.001, 0.01), standby_longest=(0.001, 0.01))
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[ROOMS], pace=pace)) as listener,
        words_of(listener) as words,
    ):
        told = await until(listener, Ready(ROOMS))
        assert {type(notice) for notice in told[:-1]} == {Refused if "refused" in words else Lost}
        first = ANSWERS[status]
        assert words == (first if status == 409 else first[:2] + first)
        assert (listener.state.reason, listener.state.attempts) == (None, 0)
    assert len(platform.openings) == 3


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 429, 500, 503])
async def test_no_opening_falls_into_the_time_that_the_platform_asked_for(status: int) -> None:
    platform = Platform(answers=[answer(status, Retry_After="0.2")] * 2)
    pace = replace(QUICK, standby=SOON, standby_longest=SOON)
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[ROOMS], pace=pace)) as listener,
    ):
        await until(listener, Ready(ROOMS))
    assert [later - earlier >= 0.2 for earlier, later in pairwise(platform.opened_at)] == [True, True]


@asynccontextmanager
async def replying(reply: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Something else than a platform: its host and port, and what was said to it."""
    received: list[bytes] = []

    async def handle(stream: SocketStream) -> None:
        async with stream:
            received.append(await stream.receive())
            await stream.send(reply)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as server,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(server.serve, handle)
        yield f"127.0.0.1:{server.extra(SocketAttribute.local_port)}", received
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("reply", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n"])
async def test_what_is_no_platform_is_no_catastrophe(reply: bytes) -> None:
    async with (
        replying(reply) as (host, _),
        listening(Listener(f"http://{host}", KEY, pace=QUICK)) as listener,
    ):
        assert isinstance(await anext(listener), Lost)


async def test_without_tls_the_key_is_not_told() -> None:
    async with replying(b"HTTP/1.1 400 X\r\n\r\n") as (host, received):
        async with listening(Listener(f"https://{host}", KEY, pace=QUICK)) as listener:
            assert await anext(listener) == Lost("the connection cannot be made secure")
        assert b"secret" not in b"".join(received)
        assert received


async def test_an_opening_without_an_answer_is_given_up() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.extra(SocketAttribute.local_port)}"
        async with listening(Listener(url, KEY, pace=Pace(patience=0.05, backoff=(0.001, 0.01)))) as listener:
            assert await anext(listener) == Lost("the platform does not answer")


async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else() -> None:
    async with running(Platform()) as other:
        there = answer(307, Location=f"ws://127.0.0.1:{other.port}/x")
        platform = Platform(answers=[there])
        async with running(platform), listening(Listener(platform.url, KEY, pace=QUICK)) as listener:
            assert isinstance(await anext(listener), Refused)
        assert other.openings == []


# The address and the key


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://app.thenvoi.com", "wss://app.thenvoi.com/api/v1/socket/websocket"),
        ("https://app.thenvoi.com/", "wss://app.thenvoi.com/api/v1/socket/websocket"),
        ("http://127.0.0.1:4000/at/", "ws://127.0.0.1:4000/at/api/v1/socket/websocket"),
        ("http://[::1]:4000", "ws://[::1]:4000/api/v1/socket/websocket"),
        ("wss://h/api/v1/socket", "wss://h/api/v1/socket/websocket"),
        ("wss://h/api/v1/socket/", "wss://h/api/v1/socket/websocket"),
        ("ws://h/s/socket/websocket/?a=1#f", "ws://h/s/socket/websocket?a=1"),
    ],
)
def test_the_socket_is_found_from_any_of_its_addresses(base: str, url: str) -> None:
    assert socket_url(base) == url
    assert socket_url(url) == url


@pytest.mark.parametrize(
    "base", ["", "app.thenvoi.com", "ftp://secret", "http://", "http://h:secret", "http://[secret"]
)
def test_what_is_no_address_is_refused_unseen(base: str) -> None:
    with pytest.raises(ValueError, match=r"^The platform's address must begin") as refused:
        socket_url(base)
    assert "secret" not in str(refused.value)


async def test_the_key_goes_into_the_query_and_the_header() -> None:
    async with running(Platform()) as platform:
        url = platform.url + "/api/v1/socket?region=eu&vsn=1"
        async with listening(Listener(url, KEY, agent_id="a1", first=[ROOMS], pace=QUICK)) as listener:
            await anext(listener)
    request = platform.openings[0]
    assert urlsplit(request.path).path == "/api/v1/socket/websocket"
    assert query(request) == {"region": ["eu"], "vsn": ["2.0.0"], "api_key": [KEY], "agent_id": ["a1"]}
    assert request.headers["x-api-key"] == KEY
    assert request.headers["User-Agent"] == f"thenvoi-bridge/{__version__}"


async def test_an_unknown_agent_id_is_not_sent() -> None:
    async with joined(ROOMS) as (platform, _):
        assert "agent_id" not in platform.openings[0].path


async def test_a_proxy_is_not_asked_for_what_runs_on_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with joined(ROOMS):
        pass


async def test_a_proxy_that_needs_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    async with listening(Listener("https://thenvoi.invalid", KEY, pace=QUICK)) as listener:
        lost = await anext(listener)
        assert isinstance(lost, Lost)
        assert "python-socks" in lost.reason


async def test_a_proxy_that_says_no_is_told_and_does_not_see_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with replying(b"HTTP/1.1 403 X\r\n\r\n") as (host, received):
        monkeypatch.setenv("https_proxy", f"http://{host}")
        async with listening(Listener("https://thenvoi.invalid", KEY, pace=QUICK)) as listener:
            assert await anext(listener) == Lost("the proxy does not let us through")
        assert received[0].startswith(b"CONNECT thenvoi.invalid:443 ")
        assert b"secret" not in b"".join(received)


@pytest.mark.parametrize("status", [101, 302, 403, 503])
async def test_the_key_is_in_no_log_and_in_no_state(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    platform = Platform(answers=[] if status == 101 else [answer(status, Location="/x")])
    async with (
        running(platform),
        listening(Listener(platform.url, KEY, first=[ROOMS], pace=QUICK)) as listener,
    ):
        told = repr(await anext(listener)) + repr(listener.state) + repr(listener)
    told += caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert caplog.records
    for shown in (KEY, platform.openings[0].path, "secret"):
        assert shown not in told


@pytest.mark.parametrize("key", ["a\r\nx: b", "a€"])
async def test_a_key_that_cannot_stand_in_a_header_is_sent_nowhere(key: str) -> None:
    async with (
        running(Platform()) as platform,
        listening(Listener(platform.url, key, pace=QUICK)) as listener,
    ):
        assert isinstance(await anext(listener), Lost)
        assert platform.openings == []


# How it ends


async def test_cancelled_it_closes_its_socket_and_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with joined(ROOMS, pace=replace(QUICK, closing=5)) as (platform, _):
        assert asyncio.all_tasks() > before
    assert platform.peer.ws.close_code == 1000
    assert asyncio.all_tasks() == before


async def test_cancelled_it_does_not_wait_for_a_platform_that_does_not_answer() -> None:
    async with running(Platform()) as platform:
        async with listening(Listener(platform.url, KEY, first=[ROOMS], pace=QUICK)) as listener:
            assert await anext(listener) == Ready(ROOMS)
            transport = platform.peer.ws.transport
            transport.pause_reading()
        transport.abort()


async def test_it_runs_once() -> None:
    async with joined(ROOMS) as (_, listener):
        with pytest.raises(anyio.BusyResourceError):
            await listener.run()


# How long it waits


def closed(code: int) -> Exception:
    return ConnectionClosed(Close(code, ""), None)


def refused(status: int, **headers: str) -> Exception:
    return InvalidStatus(answer(status, **headers))


@pytest.mark.parametrize(
    ("exc", "least", "most"),
    [
        (closed(1000), 1, 1.5),
        (closed(1001), 1, 1.5),
        (closed(1006), 0, 0),
        (closed(1008), 0, 0),
        (closed(1012), 1, 8),
        (closed(1013), 30, 60),
        (refused(403), 60, 120),
        (refused(429), 0, 0.5),
        (refused(429, Retry_After="7"), 7, 7.5),
        (refused(503, Retry_After="7"), 7, 7.5),
        (refused(503, Retry_After="1e9"), 300, 300.5),
        (refused(503, Retry_After="-7"), 0, 0.5),
        (refused(503, Retry_After="Sun, 01 Mar 2099 10:00:00 GMT"), 300, 300.5),
        (refused(503, Retry_After="Sun, 01 Mar 1999 10:00:00 GMT"), 0, 0.5),
        (refused(503, Retry_After="soon"), 0, 0.5),
        (ConnectionRefusedError(), 0, 0),
    ],
)
def test_each_end_has_its_pause(exc: Exception, least: float, most: float) -> None:
    assert ending(exc, Pace()).pause == (least, most)


TELLS = ending(refused(409), Pace())
CUTS = ending(closed(1000), Pace())
FAILS = Ending("it failed", pause=(1.0, 700.0))
DAY = 24 * 3600.0


def test_probes_become_seldom_while_there_is_a_rival_and_only_then() -> None:
    standby = Standby(Pace())
    assert standby.after(FAILS, 0) == FAILS
    assert not standby.on
    pauses = [standby.after(end, 0).pause for end in [TELLS, FAILS, TELLS, TELLS, TELLS, TELLS]]
    assert pauses == [(60, 120), (120, 700), (120, 240), (240, 480), (300, 600), (300, 600)]
    for _ in range(2000):
        assert standby.after(TELLS, 0).pause == (300, 600)
    assert standby.on


@pytest.mark.parametrize(("lived", "pause"), [(599, (300, 600)), (600, (60, 120))])
def test_a_rival_is_forgotten_when_none_came_for_longer_than_one_would_wait(
    lived: float, pause: tuple[float, float]
) -> None:
    standby = Standby(Pace())
    for _ in range(4):
        standby.after(TELLS, 0)
    standby.up(1000)
    assert not standby.on
    standby.after(FAILS, 1000 + lived)
    assert standby.after(TELLS, 1000 + lived).pause == pause


@pytest.mark.parametrize(("apart", "on"), [(299, True), (300, False)])
def test_two_cuts_mean_a_rival_when_they_are_close(apart: float, on: bool) -> None:
    standby = Standby(Pace())
    standby.up(0)
    assert standby.after(CUTS, 1) == CUTS
    standby.up(2)
    standby.after(CUTS, 1 + apart)
    assert standby.on is on


def a_day_of_two(probes_are_known: bool) -> tuple[list[float], list[float]]:
    """When the place of an agent changes hands, and when somebody opens; nobody waits for its clock."""
    rivals = [Standby(Pace()), Standby(Pace())]
    due, owner = {0: 0.0, 1: random.uniform(1, 200)}, None
    changes, openings = list[float](), list[float]()
    while (now := min(due.values())) < DAY:
        openings.append(now)
        me = min(due, key=due.__getitem__)
        if probes_are_known and rivals[me].on:
            due[me] = now + draw(rivals[me].after(TELLS, now).pause)
            continue
        rivals[me].up(due.pop(me))
        if owner is not None:
            changes.append(now)
            due[owner] = now + draw(rivals[owner].after(CUTS, now).pause)
        owner = me
    return changes, openings


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= at < start + 60 for at in times) for start in times)


@pytest.mark.parametrize("seed", range(5))
def test_two_who_are_cut_silently_settle_at_once_where_probes_are_known(seed: int) -> None:
    random.seed(seed)
    changes, openings = a_day_of_two(probes_are_known=True)
    assert len(changes) == 3
    assert changes[-1] - changes[0] < 5
    assert len(openings) < DAY / 300


@pytest.mark.parametrize("seed", range(5))
def test_two_change_places_once_a_minute_at_most_where_every_opening_wins(seed: int) -> None:
    """As on servers of March 2026, which know of no probes."""
    random.seed(seed)
    changes, openings = a_day_of_two(probes_are_known=False)
    settled = changes[0] + 10
    assert most_in_a_minute([at for at in changes if at > settled]) == 1
    assert most_in_a_minute([at for at in openings if at > settled]) <= 3
    assert len(changes) < DAY / 300


def test_pauses_grow_to_a_bound_and_are_forgotten_only_after_a_stable_time() -> None:
    backoff = Backoff(Pace(backoff=(0.5, 30), stable=60))
    bounds = []
    for now in range(40):
        backoff.up(now)
        assert 0 <= backoff.down(now + 59) <= min(30, 0.5 * 2**now)
        bounds.append(backoff.failures)
    assert bounds[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    backoff.up(0)
    assert backoff.down(60) <= 0.5
    assert backoff.up_at == math.inf


def test_a_platform_that_restarts_is_expected_back_for_a_minute() -> None:
    returning, gone, restarts = Returning(Pace()), ending(ConnectionRefusedError(), Pace()), closed(1012)
    assert returning.after(gone, 0) is None
    assert returning.after(ending(restarts, Pace()), 100) == (1, 8)
    assert returning.after(gone, 159) == (1, 8)
    assert returning.after(ending(refused(503, Retry_After="7"), Pace()), 159) == (7, 8)
    assert [returning.after(end, 159) for end in (TELLS, CUTS, ending(refused(403), Pace()))] == [None] * 3
    assert returning.after(gone, 160) is None
