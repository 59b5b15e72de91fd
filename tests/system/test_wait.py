"""`thenvoi-bridge wait`: what waits for an answer is printed once for each name, and waited for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.inbox.mentions import mention
from tests.system.shell import (
    MODULE,
    SCOUT,
    WRITER,
    Ended,
    done,
    environ,
    fill,
    folder_of,
    opened,
    records,
    typed,
    until,
)
from tests.world import World, bridge, host, say
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.ownership import Leadership

NOBODY = (
    "No bridge runs, and no agent's key is set here (THENVOI_API_KEY): until one runs, nothing can come.\n"
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def run(state: Path, *arguments: str, timeout: float = 0, **environ: Any) -> Ended:
    return await typed(state, "wait", "--timeout", str(timeout), *arguments, **environ)


async def printed(state: Path, *arguments: str) -> list[str]:
    """The ids that were printed."""
    return [line["id"] for line in records(done(await run(state, "--json", *arguments)))]


def nothing(ended: Ended, err: str = NOBODY) -> None:
    assert (ended.code, ended.out, ended.err) == (3, "", err)


def refused(ended: Ended) -> str:
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    return ended.err


@pytest.mark.thorough
async def test_what_waits_is_printed_once_for_each_name_as_a_list_has_it(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", "other", minute=1))
    listed = await typed(state, "inbox", "list", "--json")
    assert done(await run(state, "--json")) == done(listed)
    nothing(await run(state, "--json"))
    assert await printed(state, "--session", "cron") == ["m1", "m2"]
    await fill(state, mention("m3", minute=2))
    assert await printed(state) == ["m3"]
    async with opened(folder_of(state)) as inbox:
        assert [(past.rung, past.session) for past in await inbox.ledger.of("m3")] == [("read", "shell")]
        assert await inbox.unread() == 3  # nothing was taken


async def test_people_get_a_table(state: Path) -> None:
    await fill(state, mention("m1"))
    whose, header, row = done(await run(state)).splitlines()
    assert whose == "alice/scout on https://thenvoi.example"
    assert header.split()[0] == "id"
    assert row.split()[0] == "m1"


@pytest.mark.thorough
async def test_it_is_narrowed_by_room_and_agent(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", "other"))
    await fill(state, mention("m3"), who=WRITER)
    assert await printed(state, "--chat", "other") == ["m2"]
    assert await printed(state, "--agent", "alice/writer") == ["m3"]
    nothing(await run(state, "--agent", "alice/writer", "--json"))
    assert await printed(state) == ["m1"]


async def test_what_is_in_hand_or_was_just_shown_on_a_higher_rung_is_left_to_whoever_saw_it(
    state: Path,
) -> None:
    await fill(state, mention("m1"), mention("m2", "other"), mention("m3", "third"))
    async with opened(folder_of(state)) as inbox:
        await inbox.lease("room", 1, time.monotonic())
        await inbox.ledger.note(Rung.HOOK, "s1", ["m2"], time.time())
        assert await printed(state) == ["m3"]
    assert await printed(state) == ["m1"]  # whoever had it is dead


async def test_it_waits_for_the_next_message_and_for_an_inbox(state: Path) -> None:
    ends: list[Ended] = []

    async def wait() -> None:
        ends.append(await run(state, "--json", "--agent", "alice/writer", timeout=30))

    with anyio.fail_after(40):
        await fill(state, who=WRITER)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await fill(state, mention("m1"))
            await fill(state, mention("m2"), who=WRITER)
    (ended,) = ends
    assert (ended.code, [line["id"] for line in records(ended.out)]) == (0, ["m2"])


async def test_a_bridge_that_runs_is_known_and_nothing_is_said_of_keys(state: Path) -> None:
    await fill(state)
    lead = Leadership(folder_of(state))
    assert lead.take()
    nothing(await run(state, timeout=0.3), err="")
    lead.give()
    nothing(await run(state))


async def test_a_persons_key_receives_nothing_and_that_is_said(state: Path) -> None:
    await fill(state)
    nothing(await run(state, THENVOI_API_KEY="thnv_u_id_secret"))
    nothing(await run(state, THENVOI_AS=""))


async def test_without_an_inbox_it_says_so_and_makes_none(state: Path) -> None:
    assert f"There is no inbox in {state}" in refused(await run(state))
    assert not await anyio.Path(state).exists()
    await fill(state)
    assert "There is no inbox of bob" in refused(await run(state, "--agent", "bob"))


async def test_an_inbox_that_cannot_be_used_is_named_unless_there_was_something_in_another(
    state: Path,
) -> None:
    await fill(state)
    await fill(state, mention("m2"), who=WRITER)
    (folder_of(state) / "inbox.db").write_bytes(b"this is no database" * 400)
    assert [line["id"] for line in records((await run(state, "--json")).out)] == ["m2"]
    assert "cannot be used" in refused(await run(state, "--json"))


def test_what_cannot_be_printed_is_printed_the_next_time(state: Path) -> None:
    anyio.run(fill, state, mention("m1"))
    with open("/dev/full", "w") as full:
        line = [sys.executable, *MODULE, "wait", "--json", "--timeout", "0"]
        pipe = subprocess.PIPE
        failed = subprocess.run(line, env=environ(state), stdout=full, stderr=pipe, text=True, check=False)
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "What waits cannot be printed: No space left on device." in failed.stderr
    assert anyio.run(printed, state) == ["m1"]


@pytest.mark.thorough
async def test_a_shell_with_a_key_needs_no_host_and_takes_nothing(here: World, state: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    keyed: dict[str, Any] = {"THENVOI_BASE_URL": here.url, "THENVOI_API_KEY": scout.key}
    with anyio.fail_after(60):
        first = await say(alice, room, scout, "anybody there?")
        ended = await run(state, "--json", timeout=40, **keyed)
        assert (ended.code, ended.err) == (0, "")
        (line,) = records(ended.out)
        assert (line["id"], line["agent"], line["state"]) == (first.id, scout.handle, "ready")
        nothing(await run(state, "--json", timeout=3, **keyed), err="")
        async with host(bridge(here.url, scout.key, state)) as llm, anyio.create_task_group() as tasks:
            ends: list[Ended] = []

            async def wait() -> None:
                ends.append(await run(state, "--json", timeout=40))  # the bridge that runs receives for it

            tasks.start_soon(wait)
            second = await say(alice, room, scout, "and now?")

            async def is_printed() -> bool:
                return bool(ends)

            await until(is_printed)
            assert [line["id"] for line in records(ends[0].out)] == [second.id]
            taken = await llm.call_tool("inbox_wait", {"timeout_s": 20})
            assert [message["attempt"] for message in taken.structured_content["messages"]] == [1, 1]


@pytest.mark.thorough
async def test_a_key_that_is_refused_is_an_error_and_not_shown(here: World, state: Path) -> None:
    key = "thnv_a_nobody_secret"
    ended = await run(state, timeout=3, THENVOI_BASE_URL=here.url, THENVOI_API_KEY=key)
    assert (ended.code, ended.out) == (1, "")
    assert "refused the key" in ended.err.splitlines()[-1]
    assert "secret" not in ended.err


@pytest.mark.thorough
async def test_nothing_of_mcp_is_needed_even_to_receive(here: World, state: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    await say(alice, room, scout, "hi")
    program = (
        "import atexit, sys\n"
        "heavy = {'mcp', 'mcp_types', 'starlette', 'uvicorn', 'rich', 'thenvoi_bridge.platform'}\n"
        "atexit.register(lambda: print('HEAVY', *sorted(heavy & sys.modules.keys())))\n"
        "from thenvoi_bridge.cli import main\n"
        "main()\n"
    )
    keyed: dict[str, Any] = {"THENVOI_BASE_URL": here.url, "THENVOI_API_KEY": scout.key}
    ended = await typed(state, "wait", "--json", "--timeout", "40", program=("-c", program), **keyed)
    line, heavy = ended.out.splitlines()
    assert json.loads(line)["agent"] == scout.handle != SCOUT["handle"]
    assert heavy == "HEAVY"


@pytest.mark.parametrize(
    "arguments",
    [("--timeout", "-1"), ("--timeout", "long"), ("--chat", " "), ("--session", ""), ("more",)],
    ids=" ".join,
)
async def test_a_wrong_command_line_ends_with_2(state: Path, arguments: tuple[str, ...]) -> None:
    assert (await typed(state, "wait", *arguments)).code == 2
