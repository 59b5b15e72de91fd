"""The log: numbers without gaps, in the order of the commits, and nothing of what did not happen."""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.home import opened
from thenvoi_bridge.contract.feed import ParticipantAdded, ParticipantRemoved, RoomAdded, Topic
from thenvoi_bridge.platform import log
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Bell, Change
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, Tx

HERE, THERE = Topic("chat_room", "here"), Topic("agent_rooms", "there")
SITE = Site(Keys(b"pepper"))
WRITERS, EACH = 50, 8


def room(id: str) -> RoomAdded:
    return RoomAdded(id=id, title="Room")


def say(tx: Tx, ids: list[str], topics: Iterable[Topic] = (HERE,)) -> list[str]:
    change = Change(tx, "now", SITE)
    for id in ids:
        for topic in topics:
            change.tell(topic, room(id))
    return change.log()


def read(tx: Tx, topic: Topic = HERE, after: int = 0, limit: int = 10**6) -> list[log.Logged]:
    return log.since(tx, {str(topic): after}, limit)


async def test_what_is_told_is_logged_as_it_will_be_pushed(db: Database) -> None:
    assert await db.write(partial(say, ids=["a"])) == ["chat_room:here"]
    (line,) = await db.read(read)
    assert (line.topic, line.seq, line.event) == ("chat_room:here", 1, "room_added")
    assert json.loads(line.payload) == log.decoded(line) == {"id": "a", "title": "Room"}


async def test_members_that_are_none_are_left_out(db: Database) -> None:
    def tell(tx: Tx) -> None:
        change = Change(tx, "now", SITE)
        change.tell(HERE, ParticipantAdded(id="a", type="User", name="A"))
        change.tell(HERE, ParticipantRemoved(id="a", type="User", name="A"))
        change.log()

    await db.write(tell)
    added, removed = await db.read(read)
    assert log.decoded(added) == log.decoded(removed) == {"id": "a", "type": "User", "name": "A"}
    assert (added.event, removed.event) == ("participant_added", "participant_removed")


async def test_the_ends_of_subscriptions_are_lines_among_the_others(db: Database) -> None:
    def tell(tx: Tx) -> None:
        change = Change(tx, "now", SITE)
        change.tell(HERE, room("a"))
        change.forget(HERE, "bob")
        change.tell(HERE, room("b"))
        change.close(HERE)
        change.log()

    await db.write(tell)
    lines = await db.read(read)
    assert [(line.event, log.decoded(line).get("id")) for line in lines] == [
        ("room_added", "a"),
        (log.LEFT, "bob"),
        ("room_added", "b"),
        (log.CLOSED, None),
    ]


async def test_one_change_grows_its_topics_in_one_order_and_each_in_the_order_told(db: Database) -> None:
    for topics in ((HERE, THERE), (THERE, HERE)):
        assert await db.write(partial(say, ids=["a", "b"], topics=topics)) == [str(THERE), str(HERE)]
    for topic in (HERE, THERE):
        lines = await db.read(partial(read, topic=topic))
        assert [(line.seq, log.decoded(line)["id"]) for line in lines] == [
            (1, "a"),
            (2, "b"),
            (3, "a"),
            (4, "b"),
        ]


async def test_a_change_that_tells_nothing_logs_nothing(db: Database) -> None:
    assert await db.write(partial(say, ids=[])) == []
    assert await db.read(partial(log.head, topic=str(HERE))) == 0


async def test_numbers_have_no_gaps_and_follow_the_commits(db: Database, tmp_path: Path) -> None:
    """Fifty writers through two handles on one file, as of two processes, and a reader who keeps up."""
    total = WRITERS * EACH
    committed: list[str] = []
    seen: list[log.Logged] = []

    async def writer(through: Database, nth: int) -> None:
        for number in range(EACH):
            await through.write(partial(say, ids=[f"{nth}-{number}"], topics=(THERE, HERE)))
            committed.append(f"{nth}-{number}")

    async def reader() -> None:
        while len(seen) < total:
            before = set(committed)
            seen.extend(await db.read(partial(read, after=len(seen))))
            assert [line.seq for line in seen] == list(range(1, len(seen) + 1))
            assert before <= {log.decoded(line)["id"] for line in seen}

    with anyio.fail_after(30):
        async with opened(tmp_path / "platform") as (other, _), anyio.create_task_group() as tasks:
            tasks.start_soon(reader)
            for nth in range(WRITERS):
                tasks.start_soon(writer, (db, other)[nth % 2], nth)
    ids = [log.decoded(line)["id"] for line in seen]
    assert len(set(ids)) == total
    for nth in range(WRITERS):
        assert [id for id in ids if id.startswith(f"{nth}-")] == [f"{nth}-{n}" for n in range(EACH)]
    assert [log.decoded(line)["id"] for line in await db.read(partial(read, topic=THERE))] == ids


async def test_a_cause_that_is_rolled_back_leaves_no_event_and_no_gap(db: Database) -> None:
    def fail(tx: Tx) -> None:
        say(tx, ["never"])
        raise LookupError

    async def failing() -> None:
        with pytest.raises(LookupError):
            await db.write(fail)

    async with anyio.create_task_group() as tasks:
        for nth in range(20):
            tasks.start_soon(failing)
            tasks.start_soon(db.write, partial(say, ids=[str(nth)]))
    lines = await db.read(read)
    assert [line.seq for line in lines] == list(range(1, 21))
    assert {log.decoded(line)["id"] for line in lines} == {str(nth) for nth in range(20)}
    assert await db.read(partial(log.head, topic=str(HERE))) == 20


async def test_a_reader_goes_on_after_its_number_a_slice_of_every_topic_at_a_time(db: Database) -> None:
    await db.write(partial(say, ids=list("abcde"), topics=(HERE, THERE)))
    lines = await db.read(partial(log.since, positions={str(HERE): 3, str(THERE): 0, "none:x": 0}, limit=2))
    assert [(line.topic, line.seq) for line in lines] == [
        (str(HERE), 4),
        (str(HERE), 5),
        (str(THERE), 1),
        (str(THERE), 2),
    ]


def test_a_bell_is_heard_by_all_who_listen_until_they_stop() -> None:
    bell = Bell()
    heard: list[tuple[str, list[str]]] = []
    stop = bell.listen(lambda topics: heard.append(("one", list(topics or ()))))
    bell.listen(lambda topics: heard.append(("other", list(topics or ()))))
    bell.ring(["a", "b"])
    assert heard == [("one", ["a", "b"]), ("other", ["a", "b"])]
    stop()
    stop()
    bell.ring(["c"])
    assert heard[2:] == [("other", ["c"])]


def test_what_is_rung_here_is_carried_elsewhere_and_what_is_rung_there_is_not_carried_back() -> None:
    bell = Bell()
    heard: list[log.Topics] = []
    carried: list[list[str]] = []
    bell.listen(heard.append)
    bell.carry(lambda topics: carried.append(list(topics)))
    bell.ring(["a"])
    bell.echo(["b"])
    bell.echo(None)
    bell.ring([])
    assert heard == [["a"], ["b"], None, []]
    assert carried == [["a"]]


# One count over all topics


async def test_one_question_tells_which_topics_have_grown_and_how_far(db: Database) -> None:
    assert await db.read(partial(log.grown, after=None)) == log.Growth({}, 0)
    await db.write(partial(say, ids=["a", "b"], topics=(HERE, THERE)))
    before = await db.read(partial(log.grown, after=None))
    assert before == log.Growth({}, 4)
    await db.write(partial(say, ids=["c"], topics=(THERE,)))
    assert await db.read(partial(log.grown, after=4)) == log.Growth({str(THERE): 3}, 5)
    assert await db.read(partial(log.grown, after=5)) == log.Growth({}, 5)
    assert await db.read(partial(log.grown, after=0)) == log.Growth({str(HERE): 2, str(THERE): 3}, 5)


async def test_what_is_old_is_trimmed_from_the_beginning_a_batch_at_a_time_but_for_the_last_line(
    db: Database,
) -> None:
    await db.write(partial(say, ids=[str(nth) for nth in range(10)]))  # at a time that is called "now"
    assert await db.write(partial(log.trim, before="earlier", most=3)) == 0
    assert [await db.write(partial(log.trim, before="now, later", most=4)) for _ in range(4)] == [4, 4, 1, 0]
    assert [line.seq for line in await db.read(read)] == [10]
    await db.write(partial(say, ids=["next"]))
    assert await db.read(partial(log.grown, after=10)) == log.Growth({str(HERE): 11}, 11)


async def test_what_is_logged_after_something_old_is_trimmed_no_sooner_than_that(db: Database) -> None:
    await db.write(partial(say, ids=["a", "b", "c"]))
    await db.write(lambda tx: tx.run("UPDATE events SET logged_at = 'early' WHERE number = 2"))
    assert await db.write(partial(log.trim, before="late", most=9)) == 2
    assert [line.seq for line in await db.read(read)] == [3]


async def test_a_reader_who_was_away_for_too_long_is_told_so(db: Database) -> None:
    await db.write(partial(say, ids=["a", "b", "c", "d"]))
    await db.write(partial(log.trim, before="now, later", most=2))
    assert not (await db.read(partial(log.grown, after=2))).missed
    assert (await db.read(partial(log.grown, after=1))).missed
    assert not (await db.read(partial(log.grown, after=4))).missed
