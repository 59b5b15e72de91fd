"""A burst of changes is few notifications, and the last of them comes after the last change."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, Desk, at, desk, live, nowhere
from tests.bridge.ear import Ear, subscribed
from tests.world import say
from thenvoi_bridge.bridge import delivery
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.resources import INBOX, STATUS
from thenvoi_bridge.bridge.session import Session

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
OLD_WAY = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


@dataclass(frozen=True)
class Told:
    """A rung that is told of these whenever there is something to look at."""

    uris: Sequence[str]
    updated: Callable[[str], Any]

    async def look(self) -> None:
        for uri in self.uris:
            self.updated(uri)


@asynccontextmanager
async def fanned(session: Session, *uris: str, updated: Callable[[str], Any]) -> AsyncGenerator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fan_out, session, [Told(uris, updated)])
        await anyio.lowlevel.checkpoint()  # now it waits
        yield
        tasks.cancel_scope.cancel()


@pytest.fixture
def session(state: Path) -> Session:
    return Session(nowhere(), state)


async def test_five_hundred_changes_at_once_are_told_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.02)
    ear = Ear()
    async with fanned(session, INBOX, updated=ear):
        for number in (1, 2):
            for _ in range(500):
                session.ring()
            await ear.until(number)
            assert len(ear.heard) == number


async def test_changes_that_come_one_by_one_are_told_at_the_pace_and_the_last_state_is_told(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.05)
    changes, told = list[int](), list[int]()
    done = anyio.Event()

    def updated(_: str) -> None:
        told.append(len(changes))
        if len(changes) == 500:
            done.set()

    started = anyio.current_time()
    async with fanned(session, INBOX, updated=updated):
        for n in range(500):
            changes.append(n)
            session.ring()
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(PATIENCE):
            await done.wait()
        most = 2 + (anyio.current_time() - started) / 0.05
    assert told[-1] == 500
    assert len(told) <= most


async def test_a_change_during_the_pause_is_told_after_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.05)
    ear = Ear()
    async with fanned(session, INBOX, updated=ear):
        session.ring()
        await ear.until(1)
        before = anyio.current_time()
        session.ring()
        await ear.until(2)
        assert anyio.current_time() - before >= 0.04


async def test_a_change_during_the_telling_is_told_as_well(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.0)
    ear = Ear()

    def updated(uri: str) -> None:
        if not ear.heard:
            session.ring()
        ear(uri)

    async with fanned(session, INBOX, updated=updated):
        session.ring()
        await ear.until(2)


async def test_every_resource_is_told_of(session: Session) -> None:
    ear = Ear()
    async with fanned(session, INBOX, STATUS, updated=ear):
        session.ring()
        await ear.until(2)
    assert ear.heard == [INBOX, STATUS]


class Rung:
    """Looks, and lets a test wait for that; broken or slow, if it is told to be."""

    def __init__(self, *, breaks: bool = False, hangs: bool = False) -> None:
        self.looks, self.ear = 0, Ear()
        self._breaks, self._hangs = breaks, hangs

    async def look(self) -> None:
        self.looks += 1
        self.ear("look")
        if self._breaks:
            raise RuntimeError("this rung is broken")
        if self._hangs:
            await anyio.sleep_forever()


@pytest.mark.parametrize("bad", [Rung(breaks=True), Rung(hangs=True)], ids=["broken", "hanging"])
async def test_a_rung_that_is_broken_or_hangs_keeps_no_other_from_looking(
    session: Session, monkeypatch: pytest.MonkeyPatch, bad: Rung
) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.0)
    good = Rung()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fan_out, session, [bad, good])
        await anyio.lowlevel.checkpoint()
        for number in (1, 2, 3):
            session.ring()
            await good.ear.until(number)
            if bad._breaks:
                await bad.ear.until(number)
        tasks.cancel_scope.cancel()
    assert bad.looks == (3 if bad._breaks else 1)


async def test_rungs_look_again_in_time_while_something_waits_and_not_otherwise(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ESCALATE", 0.02)
    monkeypatch.setattr(delivery, "QUIET", 0.0)
    rung, here = Rung(), at(scene.here, agent=scene.scout)
    async with (
        subscribed(state, "auto", INBOX, locate=here) as (host, told),
        anyio.create_task_group() as tasks,
    ):
        await host.until("live")
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        tasks.start_soon(fan_out, host.session, [rung])
        await rung.ear.until(1)
        known = len(told.heard)
        await rung.ear.until(30)
        assert len(told.heard) <= known + 5  # that time passes is no update; a late change may be one
        await host.shown("inbox_ack", message_ids=[sent.id])
        await host.unread(0)
        assert await delivery._patience(host.session) == inf
        tasks.cancel_scope.cancel()


async def noted(host: Desk, id: str, *rungs: str) -> None:
    """Wait until the ledger has a message on these rungs, all of this session."""
    with anyio.fail_after(PATIENCE):
        while True:
            shown = await host.seat.inbox.ledger.of(id)
            assert {past.session for past in shown} <= {host.session.name}
            if [str(past.rung) for past in shown] == [*rungs]:
                return
            await anyio.sleep(0.01)


async def test_what_a_host_reads_and_what_it_is_handed_out_is_in_the_ledger(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        assert await host.seat.inbox.ledger.of(sent.id) == []
        await host.shown("inbox_read")
        await noted(host, sent.id, "read")
        await host.shown("inbox_wait")
        await noted(host, sent.id, "read", "wait")


async def test_a_resource_that_is_read_is_in_the_ledger(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        await host.read(INBOX)
        await noted(host, sent.id, "read")


async def test_a_ledger_that_cannot_be_written_keeps_no_tool_waiting(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        (file,) = [path async for path in anyio.Path(state).glob("agents/*/inbox.db")]
        other = apsw.Connection(str(file))
        other.set_busy_timeout(10_000)
        other.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(5):
            (message,) = (await host.shown("inbox_read"))["messages"]
        other.close()
        assert message["id"] == sent.id
        await noted(host, sent.id, "read")


@ERAS
@OLD_WAY
async def test_a_burst_reaches_a_host_as_few_notifications(state: Path, mode: str) -> None:
    async with subscribed(state, mode, STATUS) as (host, ear):
        for _ in range(500):
            host.session.ring()
            await anyio.lowlevel.checkpoint()
        await ear.until(1)
        host.session.ring()
        await ear.until(2)
    assert set(ear.heard) == {STATUS}
    assert len(ear.heard) < 20


@ERAS
@OLD_WAY
async def test_a_host_is_told_only_of_what_it_asked_for(state: Path, mode: str) -> None:
    async with subscribed(state, mode, INBOX) as (host, ear):
        host.session.ring()
        await ear.until(1)
    assert set(ear.heard) == {INBOX}


@OLD_WAY
async def test_a_host_that_unsubscribes_hears_no_more(state: Path) -> None:
    async with subscribed(state, "legacy", STATUS) as (host, ear):
        host.session.ring()
        await ear.until(1)
        await host.llm.unsubscribe_resource(STATUS)
        await host.llm.subscribe_resource(INBOX)
        host.session.ring()
        await ear.until(len(ear.heard) + 1)
        after = ear.heard.index(INBOX)
    assert STATUS not in ear.heard[after:]


@OLD_WAY
async def test_unsubscribing_from_what_was_never_subscribed_to_is_no_fault(state: Path) -> None:
    async with desk(nowhere(), state, "legacy") as host:
        await host.llm.unsubscribe_resource(INBOX)


@ERAS
@OLD_WAY
async def test_a_host_that_looks_only_when_told_sees_the_bridge_become_live_and_mail_come(
    scene: Scene, state: Path, mode: str
) -> None:
    locate = at(scene.here, agent=scene.scout)
    async with subscribed(state, mode, STATUS, INBOX, locate=locate) as (host, ear):

        async def told(uri: str, so: Callable[[dict[str, Any]], bool]) -> None:
            ear.heard.clear()
            while not so(await host.read(uri)):
                await ear.until(1)
                ear.heard.clear()

        await told(STATUS, lambda status: bool(status["connection"] == "live"))
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await told(INBOX, lambda inbox: [m["id"] for m in inbox["messages"]] == [sent.id])
        await told(STATUS, lambda status: bool(status["unread"] == 1))
