"""Agents that answer each other without end, over REST: where they are stopped, and what lets them go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import anyio
import apsw
import httpx2
import pytest

from tests.home import contents
from tests.platform.town import Town, by, data, refused, side, town_on
from tests.world import Somebody, world
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.errors import RateLimited
from thenvoi_bridge.contract.lifecycle import MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.messages import Mention, NextMessage, SendMessage
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.messages import send_message
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage.sqlite_tx import SqliteTx

FEW = 3
"""What two agents may exchange in the town `short`."""


@asynccontextmanager
async def town_with(folder: Path, most: int) -> AsyncGenerator[Town]:
    """A town where two agents may exchange so many texts."""
    async with (
        world(folder, Platform(max_turns=most)) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        yield await town_on(here, http)


@pytest.fixture(scope="module")
async def short(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Town]:
    async with town_with(tmp_path_factory.mktemp("short") / "platform", FEW) as town:
        yield town


@pytest.fixture(scope="module")
async def third(short: Town) -> Somebody:
    """Another agent of Alice's, besides Scout and Muse."""
    return await short.here.agent(short.alice, "Third")


async def say(
    town: Town, room: str, who: Somebody, *to: Somebody, key: str | None = None, text: str = "hello"
) -> httpx2.Response:
    """Somebody mentions others, and may be refused."""
    message = {"content": text, "mentions": [{"id": one.id} for one in to]}
    headers = by(who) | ({"Idempotency-Key": key} if key else {})
    path = f"{side(who)}/chats/{room}/messages"
    return await town.http.post(path, json={"message": message}, headers=headers)


async def talk(town: Town, room: str, one: Somebody, other: Somebody, texts: int = FEW) -> None:
    """Two agents answer each other so many times, and nobody minds."""
    for nth in range(texts):
        who, to = (one, other) if nth % 2 == 0 else (other, one)
        data(await say(town, room, who, to), 201)


def stopped(answer: httpx2.Response) -> int:
    """The seconds after which a text that was refused may be sent."""
    assert refused(answer, 429, "agent_loop") == {}
    seconds = answer.headers["Retry-After"]
    assert seconds.isdecimal()
    return int(seconds)


async def said(town: Town, room: str) -> int:
    """How much was said in a room, events included."""
    listed = await town.get(town.alice, f"/me/chats/{room}/messages")
    return int(listed["metadata"]["total_count"])


@contextmanager
def no_trace(town: Town) -> Iterator[None]:
    """What happens in here changes nothing that is kept."""
    before = contents(town.here.folder)
    yield
    assert contents(town.here.folder) == before


# Two agents


async def echo(room: str, client: Client, peer: Somebody) -> None:
    """An agent says to another whatever mentions it."""
    heard = await client(NextMessage(chat_id=room))
    assert heard is not None
    await client(MarkProcessing(chat_id=room, message_id=heard.id))
    await client(MarkProcessed(chat_id=room, message_id=heard.id))
    await client(SendMessage(chat_id=room, content=heard.content, mentions=[Mention(id=peer.id)]))


async def echoes(room: str, *turns: tuple[Client, Somebody]) -> tuple[int, RateLimited | None]:
    """How often agents have echoed in turn, and what stopped them."""
    for nth in range(100):
        try:
            await echo(room, *turns[nth % len(turns)])
        except RateLimited as refusal:
            return nth, refusal
    return 100, None


async def test_two_agents_that_echo_each_other_stop_after_thirty_texts(town: Town) -> None:
    room = await town.room(town.scout, town.muse)
    await town.say(room, town.scout)
    async with Client(town.here.url, town.scout.key) as scout, Client(town.here.url, town.muse.key) as muse:
        echoed, refusal = await echoes(room, (scout, town.muse), (muse, town.scout))
    assert echoed == 30
    assert refusal is not None
    assert refusal.code == "agent_loop"
    assert town.muse.handle in refusal.message
    for one, other in ((town.scout, town.muse), (town.muse, town.scout)):
        assert 500 < stopped(await say(town, room, one, other)) <= 600
    assert await said(town, room) == 1 + 30


async def test_agents_that_nobody_spoke_to_are_stopped_alike(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    await talk(short, room, short.scout, short.muse)
    stopped(await say(short, room, short.muse, short.scout))


async def test_texts_count_whichever_way_they_go(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    for _ in range(FEW):
        data(await say(short, room, short.scout, short.muse), 201)
    stopped(await say(short, room, short.scout, short.muse))
    stopped(await say(short, room, short.muse, short.scout))


async def test_as_many_as_send_at_once_no_more_are_taken(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    answers: list[httpx2.Response] = []

    async def send(one: Somebody, other: Somebody) -> None:
        answers.append(await say(short, room, one, other))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(send, short.scout, short.muse)
            tasks.start_soon(send, short.muse, short.scout)
    assert sorted(answer.status_code for answer in answers) == [201] * FEW + [429] * (20 - FEW)
    assert await said(short, room) == FEW


async def test_without_a_limit_nobody_is_refused(tmp_path: Path) -> None:
    async with town_with(tmp_path, 0) as town:
        room = await town.room(town.scout, town.muse)
        await talk(town, room, town.scout, town.muse, 40)
        assert await said(town, room) == 40


# A person


async def test_a_text_of_a_person_is_taken_at_once_and_lets_agents_go_on(
    short: Town, third: Somebody
) -> None:
    room = await short.room(short.scout, short.muse, third, short.bob)
    for to in (short.scout, third, short.bob):
        await talk(short, room, short.scout, short.muse)
        stopped(await say(short, room, short.muse, short.scout))
        data(await say(short, room, short.alice, to), 201)
    await talk(short, room, short.scout, short.muse)


async def test_what_a_person_said_counts_when_the_person_has_left(short: Town) -> None:
    room = await short.room(short.scout, short.muse, short.bob)
    await talk(short, room, short.scout, short.muse)
    data(await say(short, room, short.bob, short.alice), 201)
    left = await short.http.delete(f"/me/chats/{room}/participants/{short.bob.id}", headers=by(short.bob))
    data(left)
    await talk(short, room, short.scout, short.muse)
    stopped(await say(short, room, short.muse, short.scout))


async def test_a_person_who_speaks_in_another_room_lets_nobody_go_on_here(short: Town) -> None:
    room, other = [await short.room(short.scout, short.muse) for _ in range(2)]
    await talk(short, room, short.scout, short.muse)
    data(await say(short, other, short.alice, short.scout, short.muse), 201)
    stopped(await say(short, room, short.muse, short.scout))


async def test_people_are_never_refused_and_never_counted(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    for _ in range(3 * FEW):
        data(await say(short, room, short.alice, short.scout, short.muse), 201)
    for _ in range(3 * FEW):
        data(await say(short, room, short.scout, short.alice), 201)
    await talk(short, room, short.scout, short.muse)
    stopped(await say(short, room, short.muse, short.scout))


# Others


async def test_other_pairs_and_other_rooms_are_not_affected(short: Town, third: Somebody) -> None:
    room, other = [await short.room(short.scout, short.muse, third) for _ in range(2)]
    await talk(short, room, short.scout, short.muse)
    for one, another in ((short.scout, third), (third, short.muse)):
        await talk(short, room, one, another)
    data(await say(short, room, short.scout, short.alice), 201)
    await talk(short, other, short.scout, short.muse)
    for where in (room, other):
        stopped(await say(short, where, short.muse, short.scout))


async def test_a_text_for_several_counts_with_each_of_them(short: Town, third: Somebody) -> None:
    room = await short.room(short.scout, short.muse, third)
    for _ in range(FEW):
        data(await say(short, room, short.scout, short.muse, third, short.alice), 201)
    stopped(await say(short, room, short.muse, short.scout))
    stopped(await say(short, room, third, short.scout))
    await talk(short, room, short.muse, third)


async def test_a_text_for_several_is_refused_as_a_whole_if_it_goes_too_far_with_one(
    short: Town, third: Somebody
) -> None:
    room = await short.room(short.scout, short.muse, third)
    await talk(short, room, short.scout, short.muse)
    for to in ((third, short.muse, short.alice), (short.muse, third)):
        answer = await say(short, room, short.scout, *to)
        stopped(answer)
        message = answer.json()["error"]["message"]
        assert short.muse.handle in message
        assert third.handle not in message
    waiting = await short.get(third, f"/agent/chats/{room}/messages")
    assert waiting["metadata"]["total_count"] == 0
    data(await say(short, room, short.scout, third, short.alice), 201)


# What counts


async def test_events_neither_count_nor_are_refused_nor_let_agents_go_on(short: Town) -> None:
    room = await short.room(short.scout, short.muse)

    async def note(kind: str) -> None:
        event = {"content": f"@{short.muse.handle}", "message_type": kind}
        path = f"/agent/chats/{room}/events"
        data(await short.http.post(path, json={"event": event}, headers=by(short.scout)), 201)

    for kind in ("thought", "tool_call", "tool_result", "error", "task"):
        await note(kind)
    await talk(short, room, short.scout, short.muse)
    await note("thought")
    stopped(await say(short, room, short.muse, short.scout))


async def test_a_text_that_an_agent_marks_though_it_is_for_another_does_not_count(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    for _ in range(FEW):
        sent = data(await say(short, room, short.scout, short.alice), 201)
        data(await short.mark(short.muse, room, sent["id"], "processing"))
    await talk(short, room, short.scout, short.muse)


# A refusal


async def test_a_refusal_leaves_no_trace(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    await talk(short, room, short.scout, short.muse)
    with no_trace(short):
        stopped(await say(short, room, short.muse, short.scout, key="nothing"))
        stopped(await say(short, room, short.scout, short.muse, short.alice))


async def test_a_text_that_is_wrong_in_itself_is_refused_for_that(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    await talk(short, room, short.scout, short.muse)
    twice = await say(short, room, short.muse, short.scout, short.scout)
    refused(twice, 422, "duplicate_mentions")
    # Short enough as it is sent, and too long once the mention stands in it.
    long = await say(short, room, short.muse, short.scout, text="x" * Platform().max_content)
    refused(long, 422, "validation_error")


async def test_what_was_taken_before_is_answered_again_and_what_was_refused_may_be_taken(short: Town) -> None:
    room = await short.room(short.scout, short.muse)
    await talk(short, room, short.scout, short.muse, FEW - 1)
    first = await say(short, room, short.scout, short.muse, key=f"{room} last")
    data(first, 201)
    stopped(await say(short, room, short.scout, short.muse, key=f"{room} more"))
    again = await say(short, room, short.scout, short.muse, key=f"{room} last")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    data(await say(short, room, short.alice, short.scout), 201)
    more = await say(short, room, short.scout, short.muse, key=f"{room} more")
    assert (more.status_code, more.headers["Idempotency-Replayed"]) == (201, "false")


# Time


async def test_as_the_texts_grow_old_agents_may_go_on_one_by_one(
    short: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await short.room(short.scout, short.muse)
    steps = [
        ("10:00:00.000000", 0),
        ("10:00:10.000000", 0),
        ("10:00:20.000000", 0),
        ("10:00:20.500000", 580),
        ("10:09:58.999999", 2),
        ("10:09:59.000000", 1),
        ("10:09:59.999999", 1),
        ("10:10:00.000000", 0),
        ("10:10:00.000001", 10),
        ("10:10:10.000000", 0),
        ("10:10:10.000000", 10),
        ("10:20:10.000000", 0),
        ("10:20:10.000000", 0),
        ("10:20:10.000000", 0),
        ("10:20:10.000000", 600),
    ]
    for time, wait in steps:
        monkeypatch.setattr(clock, "now", lambda time=time: f"2027-03-01T{time}Z")
        answer = await say(short, room, short.scout, short.muse)
        assert (0 if answer.status_code == 201 else stopped(answer)) == wait, time


async def test_the_wait_is_the_longest_of_all_who_are_mentioned(
    short: Town, third: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await short.room(short.scout, short.muse, third)
    for minute, to in ((0, short.muse), (2, third)):
        monkeypatch.setattr(clock, "now", lambda minute=minute: f"2027-03-02T10:0{minute}:00.000000Z")
        await talk(short, room, short.scout, to)
    monkeypatch.setattr(clock, "now", lambda: "2027-03-02T10:05:00.000000Z")
    for mentioned, wait in (([short.muse], 300), ([third], 420), ([third, short.muse], 420)):
        assert stopped(await say(short, room, short.scout, *mentioned)) == wait


async def test_a_limit_that_was_lowered_holds_for_what_was_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town_with(tmp_path, 6) as town:
        room = await town.room(town.scout, town.muse)
        for minute in range(6):
            monkeypatch.setattr(clock, "now", lambda minute=minute: f"2027-03-03T10:0{minute}:00.000000Z")
            data(await say(town, room, town.scout, town.muse), 201)
    async with (
        world(tmp_path, Platform(max_turns=2)) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        town = replace(town, here=here, http=http)
        assert stopped(await say(town, room, town.scout, town.muse)) == 540
        monkeypatch.setattr(clock, "now", lambda: "2027-03-03T10:14:00.000000Z")
        data(await say(town, room, town.scout, town.muse), 201)


# What it costs

FILL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :many)
INSERT INTO messages SELECT :room || (:first + n), :room, :first + n, :kind, 'x', NULL, :sender, 'Agent',
    'x', :at, :at FROM numbers
"""
"""So many messages of an agent."""

MENTION = """
INSERT INTO deliveries SELECT id, :to, chat_id, seq, 1, 'none', NULL, NULL, '[]' FROM messages
WHERE chat_id = :room AND seq <= :many
"""
"""The first ones are for an agent."""


def filled(town: Town, file: apsw.Connection, room: str, many: int) -> None:
    """Rover has written so many texts to Muse, hours ago, and Scout now events, and texts to Alice."""
    now = clock.now()
    kinds = [
        (town.rover, "text", clock.earlier(now, 7200)),
        (town.scout, "thought", now),
        (town.scout, "text", now),
    ]
    for nth, (who, kind, at) in enumerate(kinds):
        given = {"many": many, "room": room, "first": nth * many, "kind": kind, "sender": who.id, "at": at}
        file.execute(FILL, given)
    file.execute(MENTION, {"room": room, "many": many, "to": town.muse.id})
    file.execute("UPDATE chats SET last_seq = ?, last_at = ? WHERE id = ?", (3 * many, now, room))


async def steps_of_a_text(town: Town, many: int) -> int:
    """What SQLite does for a text of Scout's to Muse in a room where so much was said; then it is undone."""
    room = await town.room(town.scout, town.muse)
    me = Principal(town.scout.id, "Agent", "", town.alice.id, town.scout.handle, "Scout", "")
    text = SendMessage(chat_id=room, content="hello", mentions=[Mention(id=town.muse.id)])
    file, steps = apsw.Connection(str(town.here.folder / "platform.db")), count()
    try:
        file.execute("BEGIN IMMEDIATE")
        filled(town, file, room, many)
        file.set_progress_handler(lambda: next(steps) < 0, 1)
        send_message(
            text, me, Change(SqliteTx(file), clock.now(), Site(Keys(b"pepper"), Platform(max_turns=FEW)))
        )
        file.set_progress_handler(None)
        file.execute("ROLLBACK")
    finally:
        file.close()
    return next(steps)


@pytest.mark.sqlite
async def test_what_a_text_costs_does_not_grow_with_what_was_said_in_the_room(short: Town) -> None:
    few, many = [await steps_of_a_text(short, texts) for texts in (10, 2000)]
    assert many < few + 100
