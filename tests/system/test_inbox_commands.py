"""The inbox from the shell: what people and cron see of it, and what they can change while bridges run."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import pytest
from anyio import to_thread
from click.testing import CliRunner
from mcp import Client as McpClient

from tests.guides.reader import Reader
from tests.guides.reading import printed
from tests.inbox.mentions import NOW, mention
from tests.system import shell
from tests.system.shell import (
    MODULE,
    NETWORK,
    SCOUT,
    WRITER,
    Ended,
    done,
    fill,
    folder_of,
    opened,
    records,
    telling_what_is_imported,
    until,
)
from tests.system.spoiling import SPOILED, change, garbage
from tests.world import Somebody, World, bridge, host, say
from thenvoi_bridge.cli import main
from thenvoi_bridge.contract.messages import ListMessages, Mention, SendMessage
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.outgoing import Order

GUIDE = (Path(__file__).parents[2] / "docs" / "inbox.md").read_text(encoding="utf-8")
DEATHS = 5
"""Processes that die of a message before it is given up."""


async def run(state: Path, *arguments: str) -> Ended:
    """`thenvoi-bridge inbox` in a thread of this process, for what is the same in one of its own."""
    env = {"THENVOI_STATE_DIR": str(state)}
    invoke = partial(CliRunner().invoke, main, ["inbox", *arguments], env=env, catch_exceptions=False)
    result = await to_thread.run_sync(invoke)
    return Ended(result.exit_code, result.stdout, result.stderr)


async def typed(state: Path, *arguments: str, **more: Any) -> Ended:
    """`thenvoi-bridge inbox`, as somebody types it."""
    return await shell.typed(state, "inbox", *arguments, **more)


def refused(ended: Ended) -> str:
    """The one sentence of a command that did nothing."""
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    return ended.err


async def lines(state: Path, *arguments: str) -> list[dict[str, Any]]:
    return records(done(await run(state, *arguments, "--json")))


async def ids(state: Path, *arguments: str) -> list[str]:
    return [line["id"] for line in await lines(state, "list", *arguments)]


async def states(state: Path, *whose: dict[str, str]) -> dict[str, str]:
    """Where the messages stand, seen from beside."""
    seen: dict[str, str] = {}
    for who in whose or (SCOUT,):
        async with opened(folder_of(state, who)) as inbox:
            page = await inbox.page(None, None, 9, [*State])
            seen |= {item.id: item.state for item in page.items}
    return seen


async def break_down(folder: Path) -> None:
    """Whoever takes the oldest message dies of it, until somebody sees that and gives it up."""
    for _ in range(DEATHS):
        async with opened(folder) as inbox:
            assert await inbox.lease(None, 1, monotonic())
    async with opened(folder) as inbox:
        await inbox.release(await inbox.lease(None, 1, monotonic()))


async def bury(state: Path) -> None:
    """Have the oldest message dead, the platform having been told."""
    await break_down(folder_of(state))
    async with opened(folder_of(state)) as inbox:
        (item,) = await inbox.to_tell(monotonic())
        await inbox.told(item)


def order(text: str) -> Order:
    return Order(SendMessage(chat_id="room", content=text, mentions=[Mention(id="peer")]), text, NOW)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def test_an_open_message_is_listed_with_the_beginning_of_its_text(state: Path) -> None:
    long = mention("m1").model_copy(update={"content": "one\ntwo " + "and more " * 20})
    await fill(state, long, mention("m2", "other", minute=5))
    whose, header, first, second = done(await run(state, "list")).splitlines()
    assert whose == "alice/scout on https://thenvoi.example"
    assert header.split() == ["id", "room", "sender", "sent", "(UTC)", "state", "attempts", "text"]
    assert re.split(r" {2,}", first) == [
        *("m1", "The Plan", "Peer", "2026-03-01 10:00:00", "ready", "0"),
        "one two and more and more and more and more and more and mo…",
    ]
    assert re.split(r" {2,}", second)[:2] == ["m2", "other"]
    assert first.index("ready") == second.index("ready") == header.index("state")


async def test_an_empty_inbox_says_nothing_and_that_is_no_error(state: Path) -> None:
    await fill(state)
    assert done(await run(state, "list")).splitlines()[1:] == ["nothing"]
    assert done(await run(state, "list", "--json")) == ""


async def test_each_agent_has_a_list_of_its_own_and_one_can_be_picked(state: Path) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    shown = done(await run(state, "list"))
    assert sorted(group.splitlines()[0] for group in shown.split("\n\n")) == [
        f"alice/{name} on https://thenvoi.example" for name in ("scout", "writer")
    ]
    assert {line["agent"]: line["id"] for line in await lines(state, "list")} == {
        "alice/scout": "m1",
        "alice/writer": "m2",
    }
    for name in ("alice/writer", "@Alice/Writer", "writer-id", folder_of(state, WRITER).name):
        assert await ids(state, "--agent", name) == ["m2"]
    nobody = refused(await run(state, "list", "--agent", "bob"))
    assert all(said in nobody for said in ("bob", str(state), "alice/scout", "alice/writer"))


async def test_a_list_is_narrowed_by_state_room_and_number(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", minute=1), mention("m3", "other", minute=2))
    await bury(state)
    assert await ids(state) == ["m2", "m3"]
    assert await ids(state, "--state", "dead") == ["m1"]
    assert await ids(state, "--state", "all") == ["m1", "m2", "m3"]
    assert await ids(state, "--chat", "other") == ["m3"]
    assert await ids(state, "--limit", "1") == ["m2"]


async def test_everything_about_a_message_is_shown(state: Path) -> None:
    text = "@[[scout-id]] look\n\tat this"
    mentions = {"mentions": [{"id": "scout-id", "handle": "alice/scout"}]}
    await fill(state, mention("m1").model_copy(update={"content": text, "metadata": mentions}))
    await bury(state)
    facts, _, said = done(await run(state, "show", "m1")).partition("text:\n")
    assert dict(re.split(r": +", line, maxsplit=1) for line in facts.splitlines()) == {
        "id": "m1",
        "inbox of": "alice/scout on https://thenvoi.example",
        "room": "The Plan (room)",
        "sender": "Peer (User peer)",
        "sent": "2026-03-01T10:00:00.000000+00:00",
        "state": "dead (failed for good)",
        "attempts": "5",
        "outcome": "failed: handed out 5 times without an outcome",
    }
    assert said == "    @alice/scout look\n        at this\n"
    (shown,) = await lines(state, "show", "m1")
    assert (shown["content"], shown["error"]) == (
        "@alice/scout look\n\tat this",
        facts.split("failed: ")[1][:-1],
    )
    assert (shown["held"], shown["answer"], shown["platform_attempt"]) == (False, None, None)


@pytest.mark.parametrize("phase", ["sending", "sent", "refused"])
async def test_an_answer_is_shown_with_how_far_it_is(state: Path, phase: str) -> None:
    await fill(state, mention("m1"))
    async with opened(folder_of(state)) as inbox:
        out = await inbox.outbox.answer(["m1"], order("All\x07quiet."), monotonic())
        if phase == "sent":
            await inbox.outbox.sent(out, '{"id": "a1"}', monotonic())
        if phase == "refused":
            await inbox.outbox.refused(out, "limit_reached", monotonic())
    error = "limit_reached" if phase == "refused" else None
    why = f": {error}" if error else ""
    shown = done(await run(state, "show", "m1"))
    assert f"answer:    {phase}, 1 try, the last at 1970-01-12T13:46:40+00:00{why}\n" in shown
    assert shown.endswith("answer's text:\n    All\\x07quiet.\n")
    (record,) = await lines(state, "show", "m1")
    assert record["answer"] == {
        "id": out.id,
        "state": phase,
        "tries": 1,
        "tried_at": "1970-01-12T13:46:40+00:00",
        "error": error,
        "content": "All\x07quiet.",
    }


async def test_where_a_message_was_shown_is_told(state: Path) -> None:
    await fill(state, mention("m1"))
    assert "shown:" not in done(await run(state, "show", "m1"))
    async with opened(folder_of(state)) as inbox:
        await inbox.ledger.note(Rung.CHANNEL, "a\x07b", ["m1"], 1_800_000_000.0)
        await inbox.ledger.note(Rung.HOOK, "s2", ["m1"], 1_800_000_030.0)
    (line,) = [
        line for line in done(await run(state, "show", "m1")).splitlines() if line.startswith("shown:")
    ]
    assert line.split(": ", 1)[1].strip() == (
        "channel to a\\x07b at 2027-01-15T08:00:00+00:00; hook to s2 at 2027-01-15T08:00:30+00:00"
    )
    (record,) = await lines(state, "show", "m1")
    assert record["shown"] == [
        {"rung": "channel", "session": "a\x07b", "at": "2027-01-15T08:00:00+00:00"},
        {"rung": "hook", "session": "s2", "at": "2027-01-15T08:00:30+00:00"},
    ]


HOSTILE = "\x1b[2Jbye\r\n\u202estate: done\nid: m9 \x07\x9b1m\u2028\u200bx"


@pytest.mark.parametrize("arguments", [("list",), ("show", "m1")], ids=" ".join)
async def test_what_others_wrote_cannot_steer_the_terminal_or_pass_for_a_fact(
    state: Path, arguments: tuple[str, ...]
) -> None:
    evil = {"content": HOSTILE, "sender_name": f"Eve{HOSTILE}"}
    async with opened(folder_of(state)) as inbox:
        await inbox.board.introduce(SCOUT)
        await inbox.put([mention("m1").model_copy(update=evil)], {"room": f"Plan{HOSTILE}"})
    for options in ((), ("--json",)):
        shown = done(await run(state, *arguments, *options))
        assert all(line.isprintable() for line in shown.split("\n"))
        assert "\\x1b[2Jbye" in shown or "\\u001b[2Jbye" in shown
        assert [line for line in shown.splitlines() if re.match(r"id: +m9|state: +done", line)] == []


async def test_what_the_terminal_has_no_letter_for_is_written_out(state: Path) -> None:
    await fill(state, mention("m1").model_copy(update={"content": "日本 \N{SNOWMAN} é ok"}))
    latin = done(await typed(state, "list", encoding="latin-1"))
    assert "\\u65e5\\u672c \\u2603 é ok" in latin


async def test_messages_end_without_an_answer_and_once_more_is_harmless(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", minute=1), mention("m3", minute=2))
    await bury(state)
    later = "has ended as processed; the platform is told by the next bridge that runs.\n"
    assert done(await run(state, "ack", "m1", "m2")) == f"Message m1 {later}Message m2 {later}"
    assert done(await run(state, "ack", "m2")) == f"Message m2 {later}"
    done(await run(state, "ack", "m3", "--failed", "no time"))
    assert await states(state) == {"m1": "acking", "m2": "acking", "m3": "acking"}
    ended = await lines(state, "list", "--state", "all")
    ends = {line["id"]: (line["outcome"], line["error"]) for line in ended}
    assert ends == {"m1": ("processed", None), "m2": ("processed", None), "m3": ("failed", "no time")}
    async with opened(folder_of(state)) as inbox:  # the next bridge
        for item in await inbox.to_tell(monotonic()):
            await inbox.told(item)
    assert done(await run(state, "ack", "m2")) == "Message m2 has ended as processed; the platform knows.\n"


async def test_dead_messages_are_offered_again_as_if_for_the_first_time(state: Path) -> None:
    await fill(state, mention("m1"))
    await bury(state)
    assert await ids(state) == []
    assert done(await run(state, "retry", "m1")) == (
        "Message m1 is offered again, to whoever waits for messages next.\n"
    )
    (line,) = await lines(state, "list")
    assert (line["state"], line["attempts"], line["outcome"], line["error"]) == ("ready", 0, None, None)


async def test_what_cannot_be_changed_is_refused_with_all_that_was_asked_for(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", minute=1))
    await bury(state)
    before = await states(state)
    assert "m3" in refused(await run(state, "ack", "m2", "m3"))
    assert "m3" in refused(await run(state, "show", "m3"))
    assert "m2 is ready: it waits to be handed out; only what is dead" in refused(
        await run(state, "retry", "m1", "m2")
    )
    assert await states(state) == before == {"m1": "dead", "m2": "ready"}
    done(await run(state, "ack", "m2"))
    assert "m2 is acking" in refused(await run(state, "ack", "m1", "m2", "--failed", "late"))
    assert await states(state) == {"m1": "dead", "m2": "acking"}


async def test_what_somebody_is_at_work_on_is_left_to_him_until_he_dies(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", "other"))
    async with opened(folder_of(state)) as inbox:
        await inbox.lease("room", 1, monotonic())
        await inbox.outbox.answer(["m2"], order("now"), monotonic())
        assert "m1 is in the hands of a host" in refused(await run(state, "ack", "m1"))
        assert "m2 is being sent right now" in refused(await run(state, "ack", "m2"))
        assert "m1 is leased" in refused(await run(state, "retry", "m1"))
        (first,), (second,) = [await lines(state, "show", id) for id in ("m1", "m2")]
        assert [first["held"], second["held"]] == [True, True]
        assert "and is free again" not in done(await run(state, "show", "m1"))
    (first,) = await lines(state, "show", "m1")
    assert not first["held"]
    assert "leased (was handed to a host, and is free again)" in done(await run(state, "show", "m1"))
    done(await run(state, "ack", "m1"))
    assert "m2 is being sent right now" in refused(await run(state, "ack", "m2"))


async def test_a_message_that_two_agents_got_is_changed_for_the_one_that_is_named(state: Path) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m1"), mention("m2"), who=WRITER)
    several = refused(await run(state, "ack", "m2", "m1"))
    assert all(said in several for said in ("m1", "alice/scout", "alice/writer", "--agent"))
    assert len(await lines(state, "show", "m1")) == 2
    done(await run(state, "ack", "m1", "--agent", "alice/writer"))
    ended = {line["agent"]: line["state"] for line in await lines(state, "show", "m1")}
    assert ended == {"alice/scout": "ready", "alice/writer": "acking"}


async def test_messages_of_several_agents_can_be_changed_together(state: Path) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    assert done(await run(state, "ack", "m1", "m2")).count("has ended") == 2
    assert await states(state, SCOUT, WRITER) == {"m1": "acking", "m2": "acking"}


COMMANDS = pytest.mark.parametrize(
    "arguments", [("list",), ("show", "m1"), ("ack", "m1"), ("retry", "m1")], ids=" ".join
)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@COMMANDS
async def test_where_there_is_no_inbox_it_says_where_it_looked_and_makes_none(
    state: Path, arguments: tuple[str, ...]
) -> None:
    assert f"There is no inbox in {state};" in refused(await run(state, *arguments))
    assert everything_in(state.parent) == []


@pytest.fixture
def strange(state: Path) -> Path:
    """A folder of somebody else's beside the inboxes."""
    (folder := state / "agents" / "strange").mkdir(parents=True)
    return folder


@pytest.fixture
def occupied(state: Path) -> Path:
    """A file where the inboxes would be."""
    state.mkdir()
    (file := state / "agents").touch()
    return file


async def test_a_folder_without_an_inbox_is_left_alone(state: Path, strange: Path) -> None:
    assert f"There is no inbox in {state};" in refused(await run(state, "list"))
    assert everything_in(state) == ["agents", f"agents/{strange.name}"]


async def test_a_file_in_the_place_of_the_folder_is_named(state: Path, occupied: Path) -> None:
    assert f"{occupied.parent} cannot be looked into: Not a directory" in refused(await run(state, "list"))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.thorough
@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
async def test_an_inbox_that_cannot_be_used_is_named_and_left_as_it_is_and_the_others_are_shown(
    state: Path, spoil: Callable[[Path], str]
) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    reason = spoil(folder := folder_of(state))
    before = contents(folder)
    half = await typed(state, "list", "--state", "all", "--json")
    assert half.code == 1
    assert [json.loads(line)["agent"] for line in half.out.splitlines()] == ["alice/writer"]
    assert half.err.startswith(f"Error: The inbox in {folder} cannot be used: ")
    assert reason in half.err
    assert half.err.count("\n") == 1
    assert f"The inbox in {folder} cannot be used: " in refused(await run(state, "ack", "m2", "m1"))
    assert contents(folder) == before
    assert await states(state, WRITER) == {"m2": "ready"}
    assert "Message m2 has ended" in done(await run(state, "ack", "m2", "--agent", "alice/writer"))


@COMMANDS
async def test_an_inbox_that_cannot_be_used_ends_every_command_with_a_sentence(
    state: Path, arguments: tuple[str, ...]
) -> None:
    await fill(state, mention("m1"))
    reason = garbage(folder_of(state))
    assert reason in refused(await run(state, *arguments))


async def test_an_inbox_of_an_older_version_is_known_by_its_folder(state: Path) -> None:
    folder = state / "agents" / "0123456789abcdef"
    folder.mkdir(parents=True)
    first = resources.files("thenvoi_bridge.inbox.migrations") / "0001_inbox.sql"
    change(folder, first.read_text("utf-8"))
    change(folder, "CREATE TABLE schema_version (number INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
    change(folder, "INSERT INTO schema_version VALUES (1, 'inbox', '2026')")
    old = mention("m1").model_dump_json()
    change(
        folder,
        "INSERT INTO inbox (id, chat_id, sent_at, state, outcome, digest, answer, message) "
        f"VALUES ('m1', 'room', '2026', 'done', 'processed', 'd1', '{{}}', '{old}')",
    )
    assert "0123456789abcdef on a platform that nobody has noted" in done(await run(state, "list"))
    (line,) = await lines(state, "show", "m1", "--agent", "0123456789abcdef")
    assert (line["agent"], line["agent_id"], line["platform"]) == (None, None, None)
    assert {name: line["answer"][name] for name in ("state", "tried_at", "content")} == {
        "state": "sent",
        "tried_at": None,
        "content": None,
    }
    assert "answer:    sent\n" in done(await run(state, "show", "m1"))


async def test_neither_a_key_nor_an_address_is_looked_at(state: Path) -> None:
    await fill(state, mention("m1"))
    broken = {"THENVOI_API_KEY_FILE": "/does/not/exist", "THENVOI_BASE_URL": "ftp://nowhere"}
    assert "m1" in done(await typed(state, "list", **broken))


async def test_the_folder_is_a_variable_or_a_flag_on_either_side(state: Path, tmp_path: Path) -> None:
    await fill(state, mention("m1"))
    elsewhere = tmp_path / "elsewhere"
    assert "m1" in done(await run(elsewhere, "list", "--state-dir", str(state)))
    before = (*MODULE, "--state-dir", str(state))
    assert "m1" in done(await typed(elsewhere, "list", program=before))
    both = await typed(elsewhere, "list", "--state-dir", str(elsewhere), program=before)
    assert str(elsewhere) in refused(both)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ack",),
        ("retry",),
        ("show",),
        ("ack", ""),
        ("ack", "m1", "--failed", " \n"),
        ("ack", "\udcff"),
        ("show", "\udcff"),
        ("list", "--chat", "\udcff"),
        ("list", "--limit", "0"),
        ("list", "--state", "asleep"),
    ],
    ids=ascii,
)
async def test_a_wrong_command_line_ends_with_2(state: Path, arguments: tuple[str, ...]) -> None:
    await fill(state, mention("m1"))
    ended = await run(state, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert await states(state) == {"m1": "ready"}


async def test_bytes_that_are_no_text_end_it_with_2(state: Path) -> None:
    assert (await typed(state, "show", os.fsdecode(b"\xff"))).code == 2


async def started_without(state: Path, heavy: str, *arguments: str) -> str:
    """What a command prints, having imported nothing that is heavy."""
    program = telling_what_is_imported(*NETWORK, "thenvoi_bridge.bridge", *heavy.split())
    *shown, imported = done(await typed(state, *arguments, program=program)).splitlines()
    assert imported == "HEAVY"
    return "\n".join(shown)


async def test_it_starts_without_anything_that_talks_to_the_network(state: Path) -> None:
    await fill(state, mention("m1"))
    assert "m1 has ended" in await started_without(state, "", "ack", "m1")


LIGHT = "pydantic anyio asyncio filelock logging"


async def test_a_list_starts_without_what_takes_long(state: Path) -> None:
    await fill(state, mention("m1"))
    assert "the secret of m1" in await started_without(state, LIGHT, "list")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "options",
    [
        ("--json",),
        ("--state", "dead", "--limit", "1"),
        ("--state", "all", "--json", "--agent", "alice/scout"),
        ("--chat", "room"),
    ],
    ids=" ".join,
)
async def test_a_list_of_any_kind_does(state: Path, options: tuple[str, ...]) -> None:
    await fill(state, mention("m1"), mention("m2", minute=1))
    await fill(state, mention("m3"), who=WRITER)
    await bury(state)
    async with opened(folder_of(state)) as inbox:  # a bridge runs
        await inbox.lease(None, 1, monotonic())
        assert "alice/scout" in await started_without(state, LIGHT, "list", *options)


@pytest.mark.thorough
async def test_the_platform_is_told_by_the_next_bridge(here: World, state: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    server = bridge(here.url, scout.key, state)
    with anyio.fail_after(60):
        done_one, failed_one = [await say(alice, room, scout, text) for text in ("never mind", "fly!")]
        async with host(server) as llm:
            await until(lambda: shows(llm, 2))
        listed = records(done(await typed(state, "list", "--json")))
        assert [(line["id"], line["agent"], line["platform"]) for line in listed] == [
            (sent.id, scout.handle, here.url) for sent in (done_one, failed_one)
        ]
        done(await typed(state, "ack", done_one.id))
        done(await typed(state, "ack", failed_one.id, "--failed", "no wings", "--agent", scout.handle))
        async with host(server):
            for status, sent in (("processed", done_one), ("failed", failed_one)):
                call = ListMessages(chat_id=room.id, status=status)
                await until(partial(is_listed, scout, call, sent.id))


async def shows(llm: McpClient, count: int) -> bool:
    read = (await llm.call_tool("inbox_read")).structured_content
    return read is not None and len(read["messages"]) == count


async def is_listed(who: Somebody, call: ListMessages, id: str) -> bool:
    return [message.id for message in (await who.call(call)).data] == [id]


@pytest.mark.thorough
async def test_a_dead_message_is_offered_again_by_a_bridge_that_runs(here: World, state: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    server = bridge(here.url, scout.key, state)
    with anyio.fail_after(60):
        sent = await say(alice, room, scout, "too much for you?")
        async with host(server) as llm:
            await until(lambda: shows(llm, 1))
        (folder,) = (state / "agents").iterdir()
        await break_down(folder)
        async with host(server) as llm, anyio.create_task_group() as tasks:
            await until(lambda: is_dead(state))
            heard: list[str] = []

            async def wait() -> None:
                waited = await llm.call_tool("inbox_wait", {"timeout_s": 40})
                heard.extend(message["id"] for message in waited.structured_content["messages"])

            tasks.start_soon(wait)
            done(await typed(state, "retry", sent.id))
        assert heard == [sent.id]


async def is_dead(state: Path) -> bool:
    return bool(done(await typed(state, "list", "--state", "dead", "--json")))


async def test_what_a_host_is_at_work_on_stays_its_own(here: World, state: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    with anyio.fail_after(60):
        sent = await say(alice, room, scout, "hello")
        async with host(bridge(here.url, scout.key, state)) as llm:
            await llm.call_tool("inbox_wait", {"timeout_s": 20})
            assert "in the hands of a host" in refused(await typed(state, "ack", sent.id))
            answer = await llm.call_tool("reply", {"message_ids": [sent.id], "content": "Hello!"})
            assert not answer.is_error, answer
        shown = done(await typed(state, "show", sent.id))
    assert "state:     done" in shown
    assert "answer:    sent, 1 try" in shown
    assert "Hello!" in shown


CHAT, ID = "51d6ad0f-3f2f-4b8e-a0c4-7a1f0f5f1f10", "3f0c5d7e-8a41-4c1b-9f57-2f6b1c0d9e0"
SAID = ("which tests failed last night?", "and which of them are new?", "divide by zero")


async def guided(state: Path) -> None:
    """The inbox that docs/inbox.md tells of."""
    text = "@alice/scout {}"
    first, second, dead = (
        mention(f"{ID}{nth}", CHAT, minute=nth % 3).model_copy(
            update={"content": text.format(said), "sender_name": "Alice Doe"}
        )
        for nth, said in enumerate(SAID, start=1)
    )
    async with opened(folder_of(state)) as inbox:
        await inbox.board.introduce({**SCOUT, "platform": "https://app.thenvoi.com"})
        await inbox.put([first, second, dead], {CHAT: "Release 4"})
    await bury(state)


@pytest.mark.thorough
@pytest.mark.follows("docs/inbox.md", "thenvoi-bridge ")
async def test_every_command_of_the_guide_does_what_it_says(state: Path, reader: Reader) -> None:
    await guided(state)
    commands, shown = [reader.takes() for _ in range(10)], {}
    for line in commands:
        program, *arguments = shlex.split(line)
        assert program == "thenvoi-bridge"
        shown[line] = (await shell.typed(state, *arguments)).out
    listing, narrowed, everything, *_, waiting, waiting_in_cron, dead = commands
    assert printed("docs/inbox.md#inbox-from-the-shell") == shown[listing].strip()
    assert f"{ID}3" in shown[narrowed]
    assert shown[everything].count(ID) == 3
    assert await states(state) == {f"{ID}1": "acking", f"{ID}2": "acking", f"{ID}3": "ready"}
    assert shown[waiting].count(ID) == 1
    assert shown[dead] == ""
    assert [line["id"] for line in records(shown[waiting_in_cron])] == [f"{ID}3"]


@pytest.mark.thorough
@pytest.mark.follows("docs/inbox.md#hooks", "{")
async def test_every_hook_of_the_guide_tells_its_host(state: Path, reader: Reader) -> None:
    await guided(state)
    configurations = [json.loads(reader.takes()) for _ in range(4)]
    commands = re.findall(r'"command": "([^"]+)"', json.dumps(configurations))
    assert len(commands) == 7
    for nth, line in enumerate(commands):
        program, group, *arguments = shlex.split(line)
        assert (program, group) == ("thenvoi-bridge", "hook")
        ended = await shell.typed(state, group, *arguments, given=b'{"session_id": "s%d"}' % nth)
        said = ended.err if ended.code == 2 else ended.out
        assert (f"{ID}1" in said, ended.code) == (True, 2 if "--wait" in line else 0)


async def test_the_guide_has_every_state_and_every_member_that_programs_get(state: Path) -> None:
    await guided(state)
    of_states, of_lists, of_shows = (
        [name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
        for rows in re.findall(r"^\| --- \| --- \|\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)
    )
    (listed,) = await lines(state, "list", "--state", "dead")
    assert of_lists == [*listed]
    (shown,) = await lines(state, "show", f"{ID}3")
    assert of_lists + of_shows == [*shown]
    assert of_states == [*State]
