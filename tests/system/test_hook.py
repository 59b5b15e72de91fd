"""Hooks as hosts run them: a process of its own that says what waits, each once, and is never in the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from click.testing import CliRunner

from tests.inbox.mentions import mention
from tests.system.shell import (
    MODULE,
    NETWORK,
    WRITER,
    Ended,
    done,
    environ,
    fill,
    folder_of,
    locked,
    opened,
    telling_what_is_imported,
    typed,
    until,
)
from thenvoi_bridge.cli import main
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.sight import Sight


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def run(state: Path, event: str, *options: str, session: str = "s1", **said: Any) -> Ended:
    """As Claude Code runs it."""
    given = json.dumps({"session_id": session, "cwd": "/", **said}).encode()
    return await typed(state, "hook", event, *options, given=given)


async def told(state: Path, event: str, *options: str, **said: Any) -> list[str]:
    """The ids that a hook told of, having ended as it must."""
    return ids(done(await run(state, event, *options, **said)))


def ids(text: str) -> list[str]:
    return re.findall(r"Message (\w+) in room", text)


async def shown(state: Path, id: str) -> list[tuple[str, str]]:
    async with opened(folder_of(state)) as inbox:
        return [(past.rung, past.session) for past in await inbox.ledger.of(id)]


async def test_at_the_end_of_a_turn_the_host_is_kept_from_stopping_once(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", "other", minute=1))
    answer = json.loads(done(await run(state, "stop")))
    assert answer["decision"] == "block"
    assert ids(answer["reason"]) == ["m1", "m2"]
    assert "the secret of m1" in answer["reason"]
    assert done(await run(state, "stop")) == "{}\n"
    assert await shown(state, "m1") == [("hook", "s1")]


async def test_whatever_the_hook_a_session_is_told_once_and_another_session_too(state: Path) -> None:
    await fill(state, mention("m1"))
    answer = json.loads(done(await run(state, "session-start")))
    assert ids(answer["hookSpecificOutput"]["additionalContext"]) == ["m1"]
    for event in ("prompt", "post-tool", "stop"):
        assert await told(state, event) == []
    assert await told(state, "prompt", session="s2") == ["m1"]


async def test_nothing_is_taken_by_telling(state: Path) -> None:
    await fill(state, mention("m1"))
    assert await told(state, "stop") == ["m1"]
    async with opened(folder_of(state)) as inbox:
        (item,) = await inbox.lease(None, 1, time.monotonic())
        assert (item.id, item.attempts) == ("m1", 1)
        assert await told(state, "stop", session="s2") == []  # somebody has it in hand


async def test_a_turn_that_was_prolonged_ends_and_what_came_meanwhile_is_told_later(state: Path) -> None:
    await fill(state, mention("m1"))
    assert await told(state, "stop", stop_hook_active=True) == []
    assert await told(state, "stop", stop_hook_active=False) == ["m1"]


async def test_cursor_is_told_in_its_own_words_though_nobody_said_that_it_is_cursor(state: Path) -> None:
    await fill(state, mention("m1"))
    said = {"conversation_id": "c1", "cursor_version": "3.20.17", "status": "completed", "loop_count": 0}
    ended = await typed(state, "hook", "stop", given=json.dumps(said).encode())
    answer = json.loads(done(ended))
    assert [*answer] == ["followup_message"]
    assert ids(answer["followup_message"]) == ["m1"]
    assert await shown(state, "m1") == [("hook", "c1")]
    assert done(await typed(state, "hook", "stop", given=json.dumps(said).encode())) == "{}\n"


@pytest.mark.parametrize("given", [b"", b"{", b"\x00\xff", b"[]"], ids=ascii)
async def test_what_the_host_says_may_be_broken(state: Path, given: bytes) -> None:
    await fill(state, mention("m1"))
    assert ids(done(await typed(state, "hook", "stop", given=given))) == ["m1"]
    assert ids(done(await typed(state, "hook", "stop", given=given))) == []
    assert await shown(state, "m1") == [("hook", "claude-code")]


def start(state: Path, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    line = [sys.executable, "-W", "error", *MODULE, "hook", *arguments]
    return subprocess.Popen(line, env=environ(state), stdin=pipe, stdout=pipe, stderr=pipe, text=True)


async def test_a_host_that_never_closes_the_pipe_is_not_waited_for(state: Path) -> None:
    await fill(state, mention("m1"))
    with start(state, "stop") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write('{"session_id": "s1"}')
        process.stdin.flush()
        assert ids(await to_thread.run_sync(process.stdout.read)) == ["m1"]
        assert await to_thread.run_sync(process.wait) == 0
    assert await shown(state, "m1") == [("hook", "s1")]


async def test_of_hooks_that_run_at_the_same_time_one_tells(state: Path) -> None:
    await fill(state, mention("m1"))
    heard: list[str] = []

    async def run_one() -> None:
        heard.extend(await told(state, "post-tool"))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(run_one)
    assert heard == ["m1"]


async def test_what_a_higher_rung_has_just_shown_is_left_to_it(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", minute=1))
    async with opened(folder_of(state)) as inbox:
        await inbox.ledger.note(Rung.CHANNEL, "a host", ["m1"], time.time())
    assert await told(state, "stop") == ["m2"]


@pytest.mark.thorough
async def test_much_of_it_is_told_in_several_turns(state: Path) -> None:
    long = [mention(f"m{n}", minute=n).model_copy(update={"content": "long " * 999}) for n in range(6)]
    await fill(state, *long)
    seen = [await told(state, "prompt") for _ in range(3)]
    assert seen == [["m0", "m1", "m2", "m3"], ["m4", "m5"], []]
    answer = json.loads(done(await run(state, "prompt", session="s2")))
    assert len(answer["hookSpecificOutput"]["additionalContext"]) <= 10_000


@pytest.mark.thorough
async def test_one_agent_of_several_can_be_picked(state: Path) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    assert await told(state, "prompt", "--agent", "alice/writer") == ["m2"]
    assert await told(state, "prompt") == ["m1"]
    nobody = await run(state, "prompt", "--agent", "bob", session="s2")
    assert (nobody.code, nobody.out) == (0, "{}\n")
    assert nobody.err.startswith("thenvoi-bridge hook: There is no inbox of bob")


def failed_open(ended: Ended, out: str = "{}\n") -> str:
    """The one line of a hook that could not do what it is for, and let the host go on."""
    assert (ended.code, ended.out) == (0, out)
    assert ended.err.startswith("thenvoi-bridge hook: ")
    assert ended.err.count("\n") == 1
    return ended.err


async def test_without_an_inbox_the_host_goes_on(state: Path) -> None:
    assert "There is no inbox" in failed_open(await run(state, "stop"))
    assert not await anyio.Path(state).exists()


async def test_a_damaged_inbox_is_named_and_the_others_are_told_of(state: Path) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    (folder_of(state) / "inbox.db").write_bytes(b"this is no database\x1b[2J" * 400)
    ended = await run(state, "stop")
    assert ids(ended.out) == ["m2"]
    assert "cannot be used" in failed_open(ended, ended.out)


async def test_what_was_told_before_a_damaged_inbox_was_come_upon_is_told(state: Path) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    (folder_of(state, WRITER) / "inbox.db").write_bytes(b"this is no database" * 400)
    assert sorted([folder_of(state), folder_of(state, WRITER)])[0] == folder_of(state)
    ended = await run(state, "stop")
    assert ids(ended.out) == ["m1"]
    assert "cannot be used" in failed_open(ended, ended.out)


@pytest.mark.thorough
async def test_a_file_that_somebody_holds_does_not_hold_the_host_and_nothing_is_lost(state: Path) -> None:
    await fill(state, mention("m1"))
    async with locked(folder_of(state)):
        assert "it took too long" in failed_open(await run(state, "stop"), out="")
    assert await told(state, "stop") == ["m1"]


@pytest.mark.thorough
async def test_a_hook_that_is_killed_loses_nothing(state: Path) -> None:
    await fill(state, mention("m1"))
    async with locked(folder_of(state)):
        with start(state, "stop") as process:
            assert process.stdin
            process.stdin.write('{"session_id": "s1"}')
            process.stdin.close()
            process.stdin = None
            with pytest.raises(subprocess.TimeoutExpired):
                await to_thread.run_sync(partial(process.wait, timeout=1.5))
            process.kill()
    assert await told(state, "stop") == ["m1"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sing",),
        ("stop", "--format", "emacs"),
        ("stop", "--loud"),
        ("stop", "more"),
        ("stop", "--wait", "long"),
        ("stop", "--wait", "-1"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_keeps_no_host_from_stopping(state: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["hook", *arguments], env={"THENVOI_STATE_DIR": str(state)})
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("thenvoi-bridge hook: ")


async def woken(state: Path, seconds: str = "30", session: str = "s1") -> Ended:
    return await run(state, "stop", "--wait", seconds, session=session, stop_hook_active=True)


async def so(is_so: bool) -> bool:
    return is_so


@pytest.mark.thorough
async def test_an_idle_session_is_woken_by_the_next_message(state: Path) -> None:
    await fill(state)
    ends: list[Ended] = []

    async def wait() -> None:
        ends.append(await woken(state))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(wait)
            await until(lambda: so(bool(ends)))  # of two that wait for the same session one gives up at once
            await fill(state, mention("m1"))
    second, first = ends
    assert (second.code, second.out, second.err) == (0, "", "")
    assert (first.code, first.out) == (2, "")
    assert ids(first.err) == ["m1"]
    assert await told(state, "stop") == []
    assert [path async for path in anyio.Path(state / "hooks").iterdir()] == []


@pytest.mark.thorough
async def test_an_inbox_that_is_made_meanwhile_wakes_it_too(state: Path) -> None:
    ends: list[Ended] = []

    async def wait() -> None:
        ends.append(await woken(state))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await until(anyio.Path(state / "hooks").exists)
            await fill(state, mention("m1"))
    assert [(end.code, ids(end.err)) for end in ends] == [(2, ["m1"])]


@pytest.mark.thorough
async def test_nobody_waits_for_a_host_that_has_gone(state: Path) -> None:
    await fill(state)
    with start(state, "stop", "--wait", "60") as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write('{"session_id": "s1"}')
        process.stdin.close()
        process.stdin = None
        await until(anyio.Path(state / "hooks").exists)
        process.stderr.close()  # a shell that has started it would live on
        assert await to_thread.run_sync(partial(process.wait, timeout=20)) == 0
    await fill(state, mention("m1"))
    assert await told(state, "stop") == ["m1"]


async def test_where_nothing_comes_it_sleeps_on(state: Path) -> None:
    await fill(state)
    ended = await woken(state, "0.5")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize("options", [("prompt",), ("stop", "--format", "cursor")], ids=" ".join)
async def test_only_what_can_be_woken_waits(state: Path, options: tuple[str, ...]) -> None:
    await fill(state, mention("m1"))
    assert "--wait is for" in failed_open(await run(state, *options, "--wait", "9"), out="")


async def told_without(state: Path, heavy: str, *options: str) -> list[str]:
    """The ids that a hook told of, having imported nothing that is heavy."""
    program = telling_what_is_imported(*NETWORK, *heavy.split())
    ended = await typed(state, "hook", "prompt", *options, program=program, given=b'{"session_id": "s1"}')
    answer, imported = ended.out.splitlines()
    assert (ended.code, ended.err, imported) == (0, "", "HEAVY")
    return ids(answer)


async def test_a_hook_that_tells_starts_without_what_takes_long(state: Path) -> None:
    await fill(state, mention("m1"))
    assert await told_without(state, "pydantic anyio asyncio") == ["m1"]


async def empty(state: Path) -> None:
    await fill(state)


async def ended(state: Path) -> None:
    await fill(state, mention("m1"))
    async with opened(folder_of(state)) as inbox:
        await inbox.end(["m1"], "processed", None, time.monotonic())


async def told_before(state: Path) -> None:
    await fill(state, mention("m1"))
    assert await told(state, "stop") == ["m1"]


@pytest.mark.thorough
@pytest.mark.parametrize("made", [empty, ended, told_before], ids=lambda made: made.__name__)
async def test_a_hook_that_has_nothing_to_tell_asks_for_no_lock_either(
    state: Path, made: Callable[[Path], Awaitable[None]]
) -> None:
    await made(state)
    assert (
        await told_without(state, "pydantic anyio asyncio filelock logging thenvoi_bridge.bridge.notice")
        == []
    )


@pytest.mark.thorough
async def test_what_somebody_has_in_hand_or_may_not_be_seen_is_passed_over_as_quickly(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", "other"))
    async with opened(folder_of(state)) as inbox:
        await inbox.board.show("a host", Sight(rooms=frozenset({"room"})))
        await inbox.lease("room", 1, time.monotonic())
        assert await told_without(state, "pydantic anyio asyncio thenvoi_bridge.bridge.notice") == []
    assert await told_without(state, "pydantic anyio asyncio") == ["m1"]
