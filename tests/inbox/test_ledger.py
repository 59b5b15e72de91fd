"""The ledger on a real file: what is noted there decides what is due, for all processes, and goes in time."""

from pathlib import Path

import anyio
import apsw
import pytest

from tests.inbox.conftest import Open, Start
from tests.inbox.hosts import WALL, answer, bury, finish, ids, one
from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox import ledger as ledgers
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.ladder import ESCALATE, Rung, Shown
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.inbox.trouble import Damaged

LATER = WALL + ESCALATE
DAY = 86_400.0


async def due(inbox: Inbox, rung: Rung, session: str = "s", limit: int = 99, now: float = WALL) -> list[str]:
    return ids(await inbox.ledger.due(rung, session, limit, now))


async def fill(inbox: Inbox, *which: str) -> None:
    await inbox.put([mention(id, minute=minute) for minute, id in enumerate(which)])


async def test_what_is_due_comes_as_it_arrived_and_no_more_than_was_asked_for(inbox: Inbox) -> None:
    await inbox.put([mention("late", minute=9), mention("m1"), mention("m2", "other")])
    assert await due(inbox, Rung.HOOK) == ["late", "m1", "m2"]
    assert await due(inbox, Rung.HOOK, limit=2) == ["late", "m1"]


async def test_a_message_is_noted_once_for_a_rung_and_a_session(inbox: Inbox) -> None:
    await fill(inbox, "m1", "m2")
    note = inbox.ledger.note
    assert await note(Rung.HOOK, "s", ["m1", "unheard-of"], WALL) == {"m1"}
    assert await note(Rung.HOOK, "s", ["m1", "m2"], LATER) == {"m2"}
    assert await note(Rung.HOOK, "s", ["m1", "m2"], LATER) == set()
    assert await note(Rung.HOOK, "another", ["m1"], LATER) == {"m1"}
    assert await note(Rung.READ, "s", ["m1"], LATER) == {"m1"}
    assert await inbox.ledger.of("m1") == [
        Shown(Rung.HOOK, "s", WALL),
        Shown(Rung.HOOK, "another", LATER),
        Shown(Rung.READ, "s", LATER),
    ]
    assert await inbox.ledger.of("unheard-of") == []


async def test_of_many_that_note_it_at_the_same_time_one_is_told_that_it_was_first(
    inbox: Inbox, another: Open
) -> None:
    await fill(inbox, "m1")
    first: list[str] = []

    async def note(where: Inbox) -> None:
        first.extend(await where.ledger.note(Rung.HOOK, "s", ["m1"], WALL))

    inboxes = [inbox, await another(), await another()]
    async with anyio.create_task_group() as tasks:
        for where in inboxes * 5:
            tasks.start_soon(note, where)
    assert first == ["m1"]


async def test_what_is_noted_by_one_process_is_known_to_the_others_and_climbs_in_time(
    inbox: Inbox, another: Open
) -> None:
    await fill(inbox, "m1", "m2")
    await (await another()).ledger.note(Rung.CHANNEL, "a host", ["m1"], WALL)
    assert await due(inbox, Rung.CHANNEL, "a host") == ["m2"]
    assert await due(inbox, Rung.CHANNEL, "another host") == ["m1", "m2"]
    assert await due(inbox, Rung.FEED) == ["m2"]
    assert await due(inbox, Rung.FEED, now=LATER) == ["m1", "m2"]


async def test_what_is_in_hand_is_not_due_until_whoever_has_it_dies(inbox: Inbox, start: Start) -> None:
    await fill(inbox, "m1")
    host = await start()
    await host.inbox.lease(None, 1, host.inbox.now())
    assert await due(inbox, Rung.READ) == []
    await host.die()
    assert await due(inbox, Rung.READ) == ["m1"]


async def test_to_note_changes_nothing_about_the_message_and_rings_nobody(inbox: Inbox) -> None:
    await fill(inbox, "m1")
    before = await one(inbox, "m1")
    rung: list[str] = []
    inbox.listen(lambda: rung.append("rung"))
    await inbox.ledger.note(Rung.WAIT, "s", ["m1"], WALL)
    assert await one(inbox, "m1") == before
    assert rung == []


async def test_much_of_what_is_open_is_looked_through(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "PAGE", 2)
    await fill(inbox, *"abcdefg")
    await inbox.ledger.note(Rung.CHANNEL, "s", "abce", WALL)
    await inbox.ledger.note(Rung.FEED, "s", "f", WALL)
    assert await due(inbox, Rung.FEED) == ["d", "g"]
    assert await due(inbox, Rung.FEED, limit=1) == ["d"]


async def test_it_is_answered_and_no_longer_due(inbox: Inbox) -> None:
    await fill(inbox, "m1")
    await answer(inbox, "m1")
    assert await due(inbox, Rung.READ) == []


async def test_notes_go_with_their_message(inbox: Inbox) -> None:
    await fill(inbox, "m1", "m2")
    for id in ("m1", "m2"):
        await inbox.ledger.note(Rung.HOOK, "s", [id], WALL)
    await finish(inbox, "m1")
    await inbox.tidy(WALL)
    assert len(await inbox.ledger.of("m1")) == 1
    await inbox.tidy(WALL + 31 * DAY)
    assert await inbox.get(["m1"]) == []
    assert await inbox.ledger.of("m1") == []
    assert len(await inbox.ledger.of("m2")) == 1


async def test_what_is_offered_again_as_if_for_the_first_time_is_shown_again(inbox: Inbox) -> None:
    await fill(inbox, "m1")
    await inbox.ledger.note(Rung.HOOK, "s", ["m1"], WALL)
    await bury(inbox, "m1")
    assert len(await inbox.ledger.of("m1")) == 1
    await inbox.retry(["m1"])
    assert (await one(inbox, "m1")).state is State.READY
    assert await due(inbox, Rung.HOOK) == ["m1"]


async def test_what_was_put_back_is_not_shown_there_again(inbox: Inbox) -> None:
    await fill(inbox, "m1")
    await inbox.ledger.note(Rung.HOOK, "s", ["m1"], WALL)
    await inbox.release(await inbox.lease(None, 1, NOW))
    assert await due(inbox, Rung.HOOK) == []


async def test_a_rung_that_there_is_not_is_damage(inbox: Inbox, folder: Path) -> None:
    await fill(inbox, "m1")
    connection = apsw.Connection(str(folder / "inbox.db"))
    connection.execute("INSERT INTO shown VALUES ('m1', 'pigeon', 's', 1)")
    connection.close()
    with pytest.raises(Damaged):
        await due(inbox, Rung.READ)
