"""Who lives, who leads and what has changed, on a Postgres that several processes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import anyio
import psycopg
import pytest

from tests import postgres
from tests.inbox.hosts import ids
from tests.inbox.mentions import NOW, PATIENCE, mention
from thenvoi_bridge.inbox import leases, pulse
from thenvoi_bridge.inbox.errors import LeadLost
from thenvoi_bridge.inbox.pulse import Member, Pulse
from thenvoi_bridge.inbox.replica import SHARED, Replica
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import Database
from thenvoi_bridge.storage import postgres as storage
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.postgres import open_beside, open_postgres, with_schema

pytestmark = pytest.mark.thorough

NAME = "0123456789abcdef"
LEASE = 0.9


class Process:
    """A replica whose rounds the test makes; it can be out of touch for as long as that wants."""

    def __init__(self, pulse: Pulse, places: Replica, ends: AsyncExitStack) -> None:
        self.pulse, self._places, self._ends = pulse, places, ends

    async def inbox(self, name: str = NAME) -> tuple[Inbox, Member]:
        inbox, member = await self._ends.enter_async_context(self._places.opened(name, "", None))
        assert isinstance(member, Member)
        return inbox, member

    async def until(self, so: Callable[[], bool]) -> None:
        """Round after round, until it is so."""
        with anyio.fail_after(PATIENCE):
            while not so():
                await self.pulse.beat()
                await anyio.sleep(0.01)


Start = Callable[[], Awaitable[Process]]


@pytest.fixture
def url(server: str) -> str:
    return postgres.fresh(server)


@pytest.fixture
async def start(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    monkeypatch.setattr(storage, "READERS", 1)
    for module, name, value in (
        (leases, "LEASE", LEASE),
        (pulse, "LEASE", LEASE),
        (pulse, "MARGIN", LEASE / 6),
        (pulse, "BEAT", 0.0),
    ):
        monkeypatch.setattr(module, name, value)
    async with AsyncExitStack() as ends:

        async def opened(opening: Awaitable[Database]) -> Database:
            db = await opening
            ends.push_async_callback(db.close)
            return db

        async def start_one() -> Process:
            where = await with_schema(url, "inbox")
            db = await opened(open_postgres(where.url))
            await migrate(db, SHARED)
            its = Pulse(await opened(open_beside(where.url, patience=1.0, frozen=5.0)))
            await its.beat()
            return Process(its, Replica(db, its, where.schema), ends)

        yield start_one


async def test_one_leads_until_it_gives_the_lead_away_and_the_epoch_grows(start: Start, url: str) -> None:
    one, other = await start(), await start()
    (_, leader), (_, follower) = await one.inbox(), await other.inbox()
    assert leader.take()
    await other.pulse.beat()
    assert not follower.take()
    before = epoch(url)
    leader.give()
    assert not leader.leads
    await one.pulse.beat()
    await other.pulse.beat()
    assert follower.take()
    assert epoch(url) == before + 1
    assert leader.take() is False


def epoch(url: str) -> int:
    with psycopg.connect(url) as there:
        (schema,) = there.execute("SELECT current_schema()").fetchone() or ("",)
        (number,) = there.execute(f'SELECT epoch FROM "{schema}_inbox".leads'.encode()).fetchone() or (0,)
        return int(number)


async def test_a_leader_that_is_out_of_touch_stops_before_another_one_leads_and_may_not_write_then(
    start: Start,
) -> None:
    one, other = await start(), await start()
    (inbox, leader), (_, follower) = await one.inbox(), await other.inbox()
    receiving = leader.guarded(inbox)
    await receiving.put([mention("m1")])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leader.hold, 1.0)
        await other.until(lambda: follower.leads and not leader.leads)
    with pytest.raises(LeadLost):
        await receiving.board.post({"word": "live"})
    with pytest.raises(LeadLost):
        await receiving.put([mention("m2")])
    await inbox.put([mention("m3")])  # as anybody may
    assert ids((await inbox.page(None, None, 9)).items) == ["m1", "m3"]
    await one.pulse.beat()
    assert not leader.take()


async def test_a_leader_that_nobody_replaced_goes_on_with_the_same_epoch(start: Start, url: str) -> None:
    one = await start()
    inbox, leader = await one.inbox()
    before, receiving = epoch(url), leader.guarded(inbox)
    with anyio.fail_after(PATIENCE):
        await leader.hold(1.0)
    assert not leader.take()
    await one.pulse.beat()
    assert leader.take()
    assert epoch(url) == before
    await receiving.put([mention("m1")])


async def test_what_a_process_holds_that_gives_no_sign_is_free_once_its_lease_is_over(start: Start) -> None:
    one, other = await start(), await start()
    (holder, member), (inbox, _) = await one.inbox(), await other.inbox()
    await holder.put([mention("m1")])
    assert ids(await holder.lease(None, 9, NOW)) == ["m1"]
    assert await inbox.lease(None, 9, NOW) == []
    got: list[str] = []
    with anyio.fail_after(PATIENCE):
        while not got:
            await other.pulse.beat()
            living = member.leads  # it would stop before
            got = ids(await inbox.lease(None, 9, NOW))
            assert not (got and living)
    assert got == ["m1"]


async def test_whoever_was_out_of_touch_himself_judges_nobody_for_a_while(start: Start) -> None:
    one, other = await start(), await start()
    (holder, _), (inbox, _) = await one.inbox(), await other.inbox()
    await holder.put([mention("m1")])
    await holder.lease(None, 9, NOW)
    with anyio.fail_after(PATIENCE):
        while other.pulse.may_judge:  # noqa: ASYNC110 - the database is away, say, for both
            await anyio.sleep(0.01)
    assert await inbox.lease(None, 9, NOW) == []
    await other.pulse.beat()
    assert other.pulse.gaps == 1
    assert await inbox.lease(None, 9, NOW) == []  # the holder is about to come back
    await one.pulse.beat()
    await other.until(lambda: other.pulse.may_judge)
    await one.pulse.beat()
    assert await inbox.lease(None, 9, NOW) == []


async def test_a_version_grows_by_what_others_change_and_by_nothing_else(start: Start) -> None:
    one, other = await start(), await start()
    (writer, _), (reader, _) = await one.inbox(), await other.inbox()
    elsewhere, _ = await one.inbox("fedcba9876543210")

    async def versions() -> tuple[int, int]:
        await one.pulse.beat()
        await other.pulse.beat()
        return await writer.glance(), await reader.glance()

    before = await versions()
    await writer.put([mention("m1")])
    after = await versions()
    assert (after[0] == before[0], after[1] > before[1]) == (True, True)
    await writer.put([mention("m1")])  # known
    await writer.lease("nowhere", 1, NOW)
    await elsewhere.put([mention("m2")])
    assert await versions() == after
    other.pulse.gaps += 1
    assert (await versions())[1] > after[1]


async def test_nobody_waits_for_one_that_stopped_in_the_middle_of_taking_the_lead(
    start: Start, url: str
) -> None:
    one, other = await start(), await start()
    _, leader = await one.inbox()
    leader.give()
    await one.pulse.beat()
    with psycopg.connect(url) as stopped:
        (schema,) = stopped.execute("SELECT current_schema()").fetchone() or ("",)
        stopped.execute(f'UPDATE "{schema}_inbox".leads SET epoch = epoch + 1'.encode())
        with anyio.fail_after(PATIENCE):
            _, follower = await other.inbox()
            await other.pulse.beat()
        assert not follower.take()
        stopped.rollback()
    await other.until(partial(follower.take))


async def test_the_clock_is_that_of_the_database(start: Start, url: str) -> None:
    one = await start()
    inbox, _ = await one.inbox()
    with psycopg.connect(url) as there:
        sql = "SELECT extract(epoch FROM clock_timestamp())::float8"
        before = (there.execute(sql).fetchone() or (0.0,))[0]
        ours = inbox.now()
        after = (there.execute(sql).fetchone() or (0.0,))[0]
    assert before - 0.1 < ours < after + 0.1
    assert inbox.wall() == pytest.approx(ours, abs=1)
