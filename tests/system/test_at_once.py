"""A look without an event loop sees what a bridge that opens the inbox sees, or leaves it to that way."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import resources
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import pytest
from anyio import to_thread

from tests.inbox.mentions import mention
from tests.system.shell import WRITER, fill, folder_of, locked
from tests.system.shell import opened as as_another
from tests.system.spoiling import SPOILED, change
from thenvoi_bridge.cli import entries
from thenvoi_bridge.cli.options import visible
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.hosting.telling import Telling
from thenvoi_bridge.inbox import at_once, opening
from thenvoi_bridge.inbox.core import OPEN, State
from thenvoi_bridge.inbox.found import Found, NoInbox, visit
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.outgoing import Order
from thenvoi_bridge.inbox.records import record
from thenvoi_bridge.inbox.repair import set_aside
from thenvoi_bridge.inbox.sight import Sight
from thenvoi_bridge.inbox.trouble import File

ALL = frozenset(State)
Opened = Callable[[Path], AbstractAsyncContextManager[Found]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def listed(found: Found, states: Collection[State]) -> list[str]:
    """An inbox as `inbox list` shows it, and as `inbox list --json` does."""
    items = (await found.inbox.page(None, None, 99, states)).items
    as_json = [json.dumps(record(found.identity, item)) for item in items]
    return [entries.whose(found), *entries.table(items), *as_json]


async def seen(state: Path, opened: Opened, agent: str | None = None, states: Collection[State] = ALL) -> Any:
    """What comes of a list of all inboxes, or why there is none."""
    try:
        return await visit(state, agent, partial(listed, states=states), opened)
    except NoInbox as exc:
        return str(exc)


async def told(state: Path, opened: Opened, session: str) -> str:
    """What a hook says to a session, with the marks that nobody can guess taken for each other."""
    telling = Telling("claude-code", session)
    await visit(state, None, telling.look, opened)
    return re.sub(r"untrusted \w+", "untrusted", telling.text or "")


async def empty(state: Path) -> None:
    await fill(state)


async def nobodys(state: Path) -> None:
    async with as_another(folder_of(state)) as inbox:
        await inbox.put([mention("m1")])


async def of_two_agents(state: Path) -> None:
    await fill(state, mention("m1"), mention("m2", "other", minute=5))
    await fill(state, mention("m3"), who=WRITER)


async def said_by_strangers(state: Path) -> None:
    handles = {"mentions": [{"id": "a1", "handle": "alice/scout"}]}
    evil = {
        "content": "@[[a1]] \x1b[2J\r\nbye \u202e\ud83d",
        "sender_name": "Eve\x07\u2028",
        "metadata": handles,
    }
    nameless = {"sender_name": None, "sender_type": "Agent", "content": "long " * 999}
    await fill(state, mention("m1").model_copy(update=evil), mention("m2").model_copy(update=nameless))


async def in_every_state(state: Path) -> None:
    ids = [f"m{n}" for n in range(8)]
    await fill(state, *(mention(id, f"room{n}", minute=n) for n, id in enumerate(ids)))
    now = monotonic()
    async with as_another(folder_of(state)) as inbox:
        await inbox.lease("room1", 1, now)
        say = SendMessage(chat_id="room2", content="Hi", mentions=[Mention(id="peer")])
        await inbox.outbox.answer(["m2"], Order(say, "d", 1_000_000.0), now)
        for id, outcome in (("m3", "processed"), ("m4", "failed"), ("m5", "processed")):
            await inbox.end([id], outcome, "why not", now)  # type: ignore[arg-type]
        for item in await inbox.to_tell(now):
            if item.id != "m5":
                await inbox.told(item)
        await inbox.drop_room("room6")
        assert {item.state for item in await inbox.get(ids)} == ALL
        await inbox.ledger.note(Rung.CHANNEL, "another", ["m7"], 2_000_000_000.0)
        await inbox.board.show("a host", Sight(rooms=frozenset({"room0", "room1", "room7"})))


MADE = pytest.mark.parametrize(
    "made",
    [empty, nobodys, of_two_agents, said_by_strangers, in_every_state],
    ids=lambda made: made.__name__,
)
Made = Callable[[Path], Awaitable[None]]


@MADE
async def test_a_list_is_the_same_and_whole(state: Path, made: Made) -> None:
    await made(state)
    for agent in (None, "@Alice/Writer", folder_of(state).name):
        for states in (OPEN, {State.DEAD}, ALL):
            assert await seen(state, at_once.opened, agent, states) == await seen(
                state, opening.opened, agent, states
            )


@MADE
async def test_a_session_is_told_the_same_and_once(state: Path, made: Made) -> None:
    await made(state)
    quick = await told(state, at_once.opened, "s1")
    assert quick == await told(state, opening.opened, "s2")
    assert await told(state, opening.opened, "s1") == await told(state, at_once.opened, "s2") == ""
    assert bool(quick) is (made is not empty)


async def test_what_others_have_in_hand_is_seen_so_while_they_live(state: Path) -> None:
    await fill(state, mention("m1"))
    async with as_another(folder_of(state)) as inbox:
        await inbox.lease(None, 1, monotonic())
        for opened in (at_once.opened, opening.opened):
            assert await told(state, opened, "s1") == ""
    assert "Message m1" in await told(state, at_once.opened, "s1")


async def no_folder(state: Path) -> None:
    pass


async def no_inbox(state: Path) -> None:
    (state / "agents" / "strange").mkdir(parents=True)


async def a_file(state: Path) -> None:
    await anyio.Path(state).mkdir()
    await anyio.Path(state / "agents").touch()


async def begun(state: Path) -> None:
    """Somebody was killed as he made it."""
    await no_inbox(state)
    (state / "agents" / "strange" / "inbox.db").touch()


async def older(state: Path) -> None:
    await no_inbox(state)
    folder = state / "agents" / "strange"
    change(folder, (resources.files("thenvoi_bridge.inbox.migrations") / "0001_inbox.sql").read_text("utf-8"))
    change(folder, "CREATE TABLE schema_version (number INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
    change(folder, "INSERT INTO schema_version VALUES (1, 'inbox', '2026')")
    message = mention("m1").model_dump_json()
    change(
        folder,
        f"INSERT INTO inbox (id, chat_id, sent_at, message) VALUES ('m1', 'room', '2026', '{message}')",
    )


@pytest.mark.parametrize("made", [no_folder, no_inbox, a_file, begun, older], ids=lambda made: made.__name__)
async def test_where_there_is_none_or_none_yet_the_same_is_said(state: Path, made: Made) -> None:
    await made(state)
    look = partial(listed, states=ALL)
    try:
        quick: Any = await to_thread.run_sync(at_once.visited, state, None, look)
    except NoInbox as exc:
        quick = str(exc)
    assert quick == await seen(state, opening.opened)


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
async def test_what_is_wrong_with_one_is_left_to_those_who_can_tell(
    state: Path, spoil: Callable[[Path], str]
) -> None:
    await fill(state, mention("m1"))
    await fill(state, mention("m2"), who=WRITER)
    reason = spoil(folder_of(state))
    with pytest.raises(at_once.NotAtOnce):
        await seen(state, at_once.opened)
    look = partial(listed, states=ALL)
    quick = await to_thread.run_sync(at_once.visited, state, None, look)
    assert quick == await seen(state, opening.opened)
    (shown,), (sentence,) = quick
    assert shown[0].startswith(WRITER["handle"])
    assert reason in visible(sentence)


async def test_damage_beside_the_rows_that_are_shown_is_found(state: Path) -> None:
    await fill(state, *(mention(f"m{n}", minute=n % 60) for n in range(300)))
    await fill(state)
    file = folder_of(state) / "inbox.db"
    data = file.read_bytes()
    at = data.rindex(b"m1room")  # in an index
    file.write_bytes(data[:at] + b"m9" + data[at + 2 :])
    with pytest.raises(at_once.NotAtOnce):
        await seen(state, at_once.opened, None, {State.DEAD})


async def test_a_folder_that_others_could_enter_is_shut_at_a_look(state: Path) -> None:
    await fill(state, mention("m1"))
    (folder := folder_of(state)).chmod(0o755)
    assert await seen(state, at_once.opened)
    assert folder.stat().st_mode & 0o077 == 0


async def test_nobody_who_writes_holds_up_a_look(state: Path) -> None:
    await fill(state, mention("m1"))
    assert "Message m1" in await told(state, at_once.opened, "s1")
    async with locked(folder_of(state)):
        assert await told(state, at_once.opened, "s1") == ""
        ((_, _, row, _),), _ = await seen(state, at_once.opened)
        assert row.startswith("m1 ")


async def test_a_file_that_is_set_aside_meanwhile_is_not_believed(state: Path) -> None:
    await fill(state, mention("m1"))
    folder = folder_of(state)

    async def look(found: Found) -> None:
        assert await set_aside(File.at(folder / "inbox.db"))
        await fill(state, mention("m1"))  # the next bridge fills it again

    async def note(found: Found) -> None:
        await look(found)
        await found.inbox.ledger.note(Rung.HOOK, "s1", ["m1"], 1.0)

    for do in (look, note):
        with pytest.raises(at_once.NotAtOnce):
            await visit(state, None, do, at_once.opened)
    assert "Message m1" in await told(state, at_once.opened, "s1")


async def test_a_look_leaves_no_sign_of_life_and_changes_no_byte(state: Path) -> None:
    folder = folder_of(state)
    files = [folder / "inbox.db", folder / "inbox.db-wal"]
    async with as_another(folder) as inbox:
        await inbox.put([mention("m1")])
        killed = [file.read_bytes() for file in files]  # as it stands if everybody is killed now
    for file, content in zip(files, killed, strict=True):
        file.write_bytes(content)
    signs = [*(folder / "procs").iterdir()]
    assert "the secret of m1" in str(await seen(state, at_once.opened))
    assert [file.read_bytes() for file in files] == killed
    assert [*(folder / "procs").iterdir()] == signs
    assert await seen(state, opening.opened) == await seen(state, at_once.opened)
