"""From the log to those who listen: everything once, in order, from the moment on at which they may."""

import math
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from tests.home import opened
from thenvoi_bridge.contract.feed import RoomAdded, Topic
from thenvoi_bridge.phoenix.frames import Broadcast
from thenvoi_bridge.platform import hub as hub_module
from thenvoi_bridge.platform import log
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Bell, Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.sqlite import open_sqlite

ROOM, OTHER = Topic("chat_room", "room"), Topic("chat_room", "other")
SITE = Site(Keys(b"pepper"))


class Ear:
    """Somebody who listens, and remembers what was heard."""

    def __init__(self, id: str = "alice") -> None:
        self.principal = Principal(id, "User", "acme", id, id, id, "key")
        self.heard: list[Broadcast] = []
        self.called_back = anyio.Event()
        self._more = anyio.Event()

    def hear(self, broadcast: Broadcast) -> None:
        self.heard.append(broadcast)
        self._more.set()

    def come_back(self, reason: str) -> None:
        assert reason == "events were missed"
        self.called_back.set()

    @property
    def rooms(self) -> list[str]:
        """What was heard, by the number in the payload."""
        return [broadcast.payload_json.split('"')[3] for broadcast in self.heard]

    async def has_heard(self, count: int) -> list[str]:
        with anyio.fail_after(10):
            while len(self.heard) < count:
                await self._more.wait()
                self._more = anyio.Event()
        return self.rooms


class Stage:
    """A hub at work over a database, and the bell that only rings when told to."""

    def __init__(self, db: Database) -> None:
        self.db, self.bell = db, Bell()
        self.hub = Hub(db, self.bell)

    async def tell(
        self,
        *ids: str,
        topic: Topic = ROOM,
        left: str | None = None,
        closed: bool = False,
        ring: bool = True,
    ) -> None:
        def work(tx: Tx) -> list[str]:
            change = Change(tx, "now", SITE)
            for id in ids:
                change.tell(topic, RoomAdded(id=id))
            if left:
                change.forget(topic, left)
            if closed:
                change.close(topic)
            return change.log()

        topics = await self.db.write(work)
        if ring:
            self.bell.ring(topics)

    async def listen(self, ear: Ear, topic: Topic = ROOM) -> bool:
        return await self.hub.listen(str(topic), ear, lambda tx: True)


@asynccontextmanager
async def at_work(db: Database) -> AsyncGenerator[Stage]:
    stage = Stage(db)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.hub.run)
        yield stage
        tasks.cancel_scope.cancel()


@pytest.fixture
async def stage(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Stage]:
    """A hub that trusts its bell: it never looks by itself."""
    monkeypatch.setattr(hub_module, "POLL", math.inf)
    async with at_work(db) as stage:
        yield stage


async def test_an_ear_hears_what_is_logged_from_now_on_in_order(stage: Stage) -> None:
    await stage.tell("before")
    ear = Ear()
    assert await stage.listen(ear)
    await stage.tell("a", "b")
    await stage.tell("elsewhere", topic=OTHER)
    await stage.tell("c")
    assert await ear.has_heard(3) == ["a", "b", "c"]
    assert {(b.topic, b.event) for b in ear.heard} == {(str(ROOM), "room_added")}


async def test_an_event_is_encoded_once_for_all(stage: Stage) -> None:
    one, other = Ear("one"), Ear("other")
    await stage.listen(one)
    await stage.listen(other)
    await stage.tell("a")
    await one.has_heard(1)
    assert one.heard[0] is other.heard[0]


async def test_one_who_comes_later_hears_nothing_of_before_though_others_did_not_yet(stage: Stage) -> None:
    early, late = Ear("early"), Ear("late")
    await stage.listen(early)
    await stage.tell("a", ring=False)
    await stage.listen(late)
    await stage.tell("b")
    assert await early.has_heard(2) == ["a", "b"]
    assert late.rooms == ["b"]


async def test_one_who_stopped_hears_no_more_and_may_come_again(stage: Stage) -> None:
    ear, other = Ear(), Ear("other")
    await stage.listen(ear)
    stage.hub.ignore(str(ROOM), ear)
    stage.hub.ignore(str(ROOM), ear)
    await stage.tell("a")
    await stage.listen(other)
    await stage.listen(ear)
    await stage.tell("b")
    assert await other.has_heard(1) == ["b"]
    assert ear.rooms == ["b"]


async def test_more_than_one_slice_arrives_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 3)
    ear, other = Ear(), Ear("other")
    await stage.listen(ear)
    await stage.listen(other, OTHER)
    ids = [str(n) for n in range(20)]
    await stage.tell(*ids, ring=False)
    await stage.tell("x", topic=OTHER, ring=False)
    stage.bell.ring([str(ROOM), str(OTHER)])
    assert await ear.has_heard(20) == ids
    assert await other.has_heard(1) == ["x"]


async def test_one_who_is_forgotten_hears_everything_before_and_nothing_after(stage: Stage) -> None:
    bob, bobs_other_socket, alice = Ear("bob"), Ear("bob"), Ear("alice")
    for ear in (bob, bobs_other_socket, alice):
        await stage.listen(ear)
    await stage.tell("a", left="bob", ring=False)
    await stage.tell("b")
    assert await alice.has_heard(2) == ["a", "b"]
    assert bob.rooms == bobs_other_socket.rooms == ["a"]


async def test_when_a_topic_is_closed_all_hear_everything_before_and_nothing_after(stage: Stage) -> None:
    alice, bob, late, elsewhere = Ear("alice"), Ear("bob"), Ear("late"), Ear("elsewhere")
    for ear in (alice, bob):
        await stage.listen(ear)
    await stage.listen(elsewhere, OTHER)
    await stage.tell("a", closed=True, ring=False)
    await stage.listen(late)  # a topic that is opened anew is not ended by its past
    await stage.tell("b")
    await stage.tell("other", topic=OTHER)
    assert await late.has_heard(1) == ["b"]
    assert await elsewhere.has_heard(1) == ["other"]
    assert alice.rooms == bob.rooms == ["a"]


async def test_one_who_came_back_is_not_forgotten_for_having_left_before(stage: Stage) -> None:
    """Removed, added and listening again, all before the hub has read of the removal."""
    alice, bob = Ear("alice"), Ear("bob")
    await stage.listen(alice)
    await stage.tell("a", left="bob", ring=False)
    await stage.listen(bob)
    await stage.tell("b")
    assert await alice.has_heard(2) == ["a", "b"]
    assert bob.rooms == ["b"]


async def test_one_who_may_not_listen_does_not(stage: Stage) -> None:
    ear, other = Ear(), Ear("other")
    assert not await stage.hub.listen(str(ROOM), ear, lambda tx: False)
    await stage.listen(other)
    await stage.tell("a")
    await other.has_heard(1)
    assert ear.heard == []


class Dawdler:
    """Permission that is looked up, and then takes its time while the world moves on."""

    def __init__(self, *answers: bool) -> None:
        self._answers = list(answers)
        self.looked = anyio.Event()
        self.go_on = threading.Event()
        self._token = anyio.lowlevel.current_token()

    def __call__(self, tx: Tx) -> bool:
        tx.one("SELECT 1 AS yes FROM topics")  # the snapshot is taken by its first statement
        anyio.from_thread.run_sync(self.looked.set, token=self._token)
        assert self.go_on.wait(10)
        return self._answers.pop(0)


async def test_what_is_logged_while_one_is_let_in_is_heard_at_once(stage: Stage) -> None:
    """Its bell rang before anybody listened."""
    ear, allowed = Ear(), Dawdler(True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.hub.listen, str(ROOM), ear, allowed)
        await allowed.looked.wait()
        await stage.tell("meanwhile")
        allowed.go_on.set()
    assert await ear.has_heard(1) == ["meanwhile"]


async def test_one_who_is_removed_while_being_let_in_stays_out(stage: Stage) -> None:
    """The hub has told the others of it already, so nobody would end this subscription any more."""
    alice, bob, allowed = Ear("alice"), Ear("bob"), Dawdler(True, False)
    await stage.listen(alice)
    let_in: list[bool] = []

    async def listen() -> None:
        let_in.append(await stage.hub.listen(str(ROOM), bob, allowed))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await allowed.looked.wait()
        await stage.tell("gone", left="bob", ring=False)
        await stage.tell("after")
        await alice.has_heard(2)
        allowed.go_on.set()
    assert let_in == [False]
    await stage.tell("later")
    await alice.has_heard(3)
    assert bob.heard == []


async def test_a_lost_bell_is_made_up_for(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "POLL", 0.02)
    async with at_work(db) as stage:
        ear = Ear()
        await stage.listen(ear)
        await stage.tell("a", ring=False)
        assert await ear.has_heard(1) == ["a"]
        await stage.tell("b", ring=False)
        assert await ear.has_heard(2) == ["a", "b"]


async def test_a_lost_bell_is_made_up_for_however_often_others_ring(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL", 0.05)
    async with at_work(db) as stage:
        ear = Ear()
        await stage.listen(ear)
        await stage.tell("a", ring=False)
        with anyio.fail_after(10):
            while not ear.heard:
                stage.bell.ring([str(OTHER)])
                await db.read(lambda tx: None)
    assert ear.rooms == ["a"]


async def test_another_process_is_heard_too(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL", 0.02)
    async with at_work(db) as stage, opened(tmp_path / "platform") as (other, _):
        ear = Ear()
        await stage.listen(ear)
        await Stage(other).tell("theirs")
        assert await ear.has_heard(1) == ["theirs"]


def message(tx: Tx, id: str) -> list[str]:
    """A message for the agent, in the log alone."""
    change = Change(tx, "now", SITE)
    payload: dict[str, Any] = {"id": id, "sender_id": "alice", "metadata": {"mentions": [{"id": "scout"}]}}
    change.told.append((str(ROOM), "message_created", repr(payload).replace("'", '"')))
    return change.log()


@pytest.mark.sqlite
async def test_a_database_that_takes_no_notes_keeps_nobody_from_hearing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path):
        pass
    db = await open_sqlite(tmp_path / "platform.db", patience=0.01)
    other = apsw.Connection(str(tmp_path / "platform.db"))
    try:
        async with at_work(db) as stage:
            scout = Ear("scout")
            scout.principal = Principal("scout", "Agent", "acme", "alice", "alice/scout", "Scout", "key")
            await stage.listen(scout)
            for nth, hold in enumerate((True, False), 1):
                topics = await db.write(partial(message, id=str(nth)))
                if hold:
                    other.execute("BEGIN IMMEDIATE")
                stage.bell.ring(topics)
                await scout.has_heard(nth)
                if hold:
                    with anyio.fail_after(10):
                        while "unrecorded" not in caplog.text:
                            await db.read(lambda tx: None)
                    other.execute("ROLLBACK")
    finally:
        other.close()
        await db.close()


async def test_a_database_that_cannot_be_read_for_a_while_is_read_later(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub_module, "POLL", 0.02)
    rename: Callable[[str, str], Any] = lambda old, new: db.write(  # noqa: E731
        lambda tx: tx.script(f"ALTER TABLE {old} RENAME TO {new}")
    )
    async with at_work(db) as stage:
        ear = Ear()
        await stage.listen(ear)
        await stage.tell("a", ring=False)
        await rename("events", "away")
        with anyio.fail_after(10):
            while "will look again" not in caplog.text:
                await db.read(lambda tx: None)
        await rename("away", "events")
        assert await ear.has_heard(1) == ["a"]


# A log that was trimmed before we read it


def trim(tx: Tx) -> None:
    assert log.trim(tx, before="now, later", most=100) > 0


async def test_whoever_listens_is_called_back_where_the_ring_comes_too_late(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL", math.inf)
    async with at_work(db) as stage:
        ear, elsewhere = Ear(), Ear("elsewhere")
        await stage.listen(ear)
        await stage.listen(elsewhere, OTHER)
        await stage.tell("before")
        await ear.has_heard(1)  # so that nobody looks again before the next ring
        await stage.tell("a", "b", "c", ring=False)
        await stage.db.write(trim)
        await stage.tell("d")
        with anyio.fail_after(10):
            await ear.called_back.wait()
        assert not elsewhere.called_back.is_set()


async def test_all_are_called_back_where_polling_finds_that_lines_are_missing(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL", math.inf)
    async with at_work(db) as stage:
        ears = [Ear("one"), Ear("other")]
        await stage.tell("before")
        for ear, topic in zip(ears, (ROOM, OTHER), strict=True):
            await stage.listen(ear, topic)
        await stage.tell("a", "b")
        await ears[0].has_heard(2)
        await stage.tell("c", "d", ring=False)
        await stage.db.write(trim)
        stage.bell.echo(None)
        with anyio.fail_after(10):
            for ear in ears:
                await ear.called_back.wait()


async def test_nobody_is_called_back_where_what_was_trimmed_had_been_told(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL", 0.02)
    async with at_work(db) as stage:
        ear = Ear()
        await stage.listen(ear)
        for nth in range(5):
            await stage.tell(str(nth), "more", ring=False)
            await ear.has_heard(2 * (nth + 1))
            if nth > 0:  # the first may be told for the ring of `listen`, which polling knows nothing of
                await db.write(trim)
    assert not ear.called_back.is_set()
