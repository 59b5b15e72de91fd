"""Replicas of a hosted bridge on one Postgres: one receives for an agent, all serve it, whatever dies."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import anyio
import psycopg
import pytest
from anyio import to_thread

from tests import postgres
from tests.hosting.replicas import Served, Stage, stage
from tests.postgres import Switch

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def crashing() -> Iterator[tuple[str, Switch]]:
    with postgres.crashing_server() as it:
        yield it


@pytest.fixture
async def scene(crashing: tuple[str, Switch], tmp_path: Path) -> AsyncGenerator[Stage]:
    async with stage(postgres.fresh(crashing[0]), tmp_path) as it:
        yield it


async def both_wait(scene: Stage, one: Served, other: Served, seconds: int) -> list[list[str]]:
    """What two hosts of one agent are handed that wait at two replicas."""
    got: list[list[str]] = []

    async def wait(at: Served) -> None:
        got.append(await at.handed(scene.scout, seconds))

    async with anyio.create_task_group() as tasks:
        for at in (one, other):
            tasks.start_soon(wait, at)
    return got


async def test_whatever_becomes_of_the_replica_that_receives_another_one_hears_soon(scene: Stage) -> None:
    one, other = await scene.pair(scene.start)
    first = await scene.mention("in the hand of one that will end")
    assert await one.handed(scene.scout) == [first]
    await one.send(signal.SIGTERM)
    with anyio.fail_after(5):  # at once, in order
        assert await other.handed(scene.scout) == [first]
    await other.live(scene.scout, here=True)
    third = await scene.start()
    assert await third.handed(scene.scout, 1) == []  # as long as the other one lives
    await other.send(signal.SIGKILL)
    assert await third.handed(scene.scout) == [first]
    await third.live(scene.scout, here=True)
    await third.tool(scene.scout, "reply", message_ids=[first], content="it is")
    second = await scene.mention("and then")
    assert await third.handed(scene.scout) == [second]
    assert await scene.answers() == ["it is"]
    assert scene.sockets.most[scene.scout.key] == 1


async def test_of_two_replicas_waits_one_is_handed_a_message_wherever_it_comes_in(scene: Stage) -> None:
    one, other = await scene.pair(scene.start_here)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.mention)
        got = await both_wait(scene, one, other, 3)
    assert sorted(map(len, got)) == [0, 1]
    (message,) = max(got)
    async with anyio.create_task_group() as tasks:
        for at in (one, other):
            tasks.start_soon(_answer, at, scene, message)
    assert await scene.answers() == ["the same"]
    sent = await scene.mention("heard by the other one")
    assert await other.handed(scene.scout) == [sent]


async def _answer(at: Served, scene: Stage, message: str) -> None:
    await at.tool(scene.scout, "reply", message_ids=[message], content="the same")


async def test_a_replica_that_is_stopped_loses_the_lead_and_follows_when_it_goes_on(scene: Stage) -> None:
    one, other = await scene.pair(scene.start)
    await one.send(signal.SIGSTOP)
    sent = await scene.mention("while it hangs")
    assert await other.handed(scene.scout) == [sent]
    await other.live(scene.scout, here=True)
    await one.send(signal.SIGCONT)
    await one.live(scene.scout, here=False)
    await other.live(scene.scout, here=True)
    assert await one.handed(scene.scout, 1) == []  # it is in the other one's hand
    await other.tool(scene.scout, "reply", message_ids=[sent], content="done")
    later = await scene.mention("and now")
    assert await one.handed(scene.scout) == [later]
    assert await scene.answers() == ["done"]


async def test_a_crash_of_postgres_takes_nothing_from_anybody(
    scene: Stage, crashing: tuple[str, Switch], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await scene.pair(scene.start_here)
    sent = await scene.mention("in hand")
    assert await one.handed(scene.scout) == [sent]
    await to_thread.run_sync(crashing[1], False)
    later = await scene.mention("while it is away", await scene.here.room(scene.alice, scene.scout))
    assert (await other.tool(scene.scout, "inbox_read"))["error"]["code"] == "inbox_away"
    uncounted = [record for record in caplog.records if "could not be counted" in record.message]
    assert [record.exc_text for record in uncounted] == [None]  # which is not worth a traceback
    await to_thread.run_sync(crashing[1], True)
    assert await other.handed(scene.scout) == [later]
    assert await other.handed(scene.scout, 1) == []
    await one.tool(scene.scout, "reply", message_ids=[sent], content="it was mine all the time")
    assert await scene.answers() == ["it was mine all the time"]
    await one.live(scene.scout)


async def test_agents_have_schemas_of_their_own_and_see_nothing_of_each_other(scene: Stage) -> None:
    one = await scene.start_here()
    courier = await scene.here.agent(scene.alice, "Courier")
    for agent in (scene.scout, courier):
        await one.live(agent, here=True)
    sent = await scene.mention()
    assert (await one.tool(courier, "inbox_read"))["messages"] == []
    assert await one.handed(scene.scout) == [sent]
    with psycopg.connect(scene.database) as there:
        sql = "SELECT count(*) FROM pg_namespace WHERE nspname ~ (current_schema() || '_inbox_[0-9a-f]{16}$')"
        assert there.execute(sql).fetchone() == (2,)


# What is said where it cannot be


async def run(*args: str, **environ: str) -> tuple[int, str]:
    """Exit code of a command, and what it says on stderr."""
    command = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", *args]
    with anyio.fail_after(60):
        done = await anyio.run_process(command, check=False, env={**os.environ, **environ})
    return done.returncode, " ".join(re.findall(r"[^\s│]+", done.stderr.decode()))


ADDRESS = "postgresql://me:hush@127.0.0.1:1/x"


async def test_over_stdio_a_database_is_refused() -> None:
    code, said = await run(THENVOI_DATABASE=ADDRESS, THENVOI_API_KEY="thnv_a_id_secret")
    assert code == 2
    assert "THENVOI_DATABASE (--database) is for `thenvoi-bridge serve` only" in said
    assert "hush" not in said


async def test_a_password_is_refused_in_a_command_line() -> None:
    code, said = await run("serve", "--database", ADDRESS)
    assert code == 2
    assert "must not have a password, since others can read command lines" in said
    assert "THENVOI_DATABASE_FILE" in said
    assert "hush" not in said


async def test_a_database_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "address").write_text(ADDRESS)
    code, said = await run("serve", "--port", "0", THENVOI_DATABASE_FILE=str(tmp_path / "address"))
    assert code == 1
    assert said.startswith("Error: Postgres: ")
    assert "Traceback" not in said
    assert "hush" not in said


async def test_without_the_driver_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError")
    code, said = await run("serve", THENVOI_DATABASE="postgresql://db.example/x", PYTHONPATH=str(tmp_path))
    assert code == 2
    assert "THENVOI_DATABASE needs the extra `postgres`; install thenvoi-bridge[postgres]" in said
