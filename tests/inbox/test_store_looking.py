"""What can be seen of the inbox, who hears of its changes, and where it is kept."""

from pathlib import Path

import anyio
import pytest

from tests.inbox.conftest import Open, Start
from tests.inbox.hosts import answer, bury, finish, ids, order, tell
from tests.inbox.mentions import NOW, PATIENCE, mention
from thenvoi_bridge.inbox.core import LEASE, State
from thenvoi_bridge.inbox.errors import Unknown
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.privacy import NotPrivate
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import StorageError

# What can be looked at


async def test_pages_show_everything_once_and_go_on_with_what_arrives_later(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n:02}", f"room {n % 3}", n % 7) for n in range(25)])
    seen, cursor = [], None
    while (page := await inbox.page(cursor, None, 4)).items:
        assert page.items == sorted(page.items, key=lambda item: item.order)
        assert (page.unread, page.reset) == (25, False)
        seen += ids(page.items)
        cursor = page.next_cursor
    assert sorted(seen) == [f"m{n:02}" for n in range(25)]
    assert page.next_cursor == cursor
    await inbox.put([mention("late")])
    assert ids((await inbox.page(cursor, None, 4)).items) == ["late"]


async def test_unread_is_what_nobody_has_begun_to_answer(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(4)])
    await inbox.lease(None, 2, NOW)
    assert await inbox.unread() == 4
    await inbox.outbox.answer(["m0"], order(), NOW)
    await answer(inbox, "m3")
    assert await inbox.unread() == 2


async def test_ready_is_what_nobody_holds_who_lives(inbox: Inbox, another: Open, start: Start) -> None:
    await inbox.put([mention(f"m{n}", f"room{n}") for n in range(7)])
    dying = await start()
    await (await another()).lease("room0", 1, NOW)
    await inbox.lease("room1", 1, NOW)
    await dying.inbox.lease("room2", 1, NOW)
    await dying.outbox.answer(["m3"], order(room="room3"), NOW)
    await finish(inbox, "m4")
    await bury(inbox, "m5")
    assert (await inbox.at_hand(NOW))[1] == 1
    await dying.die()
    assert (await inbox.at_hand(NOW))[1] == 2
    assert (await inbox.at_hand(NOW + LEASE))[1] == 4


async def test_rooms_wait_for_answers_until_they_have_them(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", f"room{n}") for n in range(5)])
    await inbox.lease("room1", 1, NOW)
    begun = await inbox.outbox.answer(["m2"], order(room="room2"), NOW)
    await bury(inbox, "m3")
    await inbox.drop_room("room4")
    assert await inbox.rooms_waiting() == {"room0", "room1", "room2"}
    await inbox.outbox.sent(begun, "{}", NOW)
    assert await inbox.rooms_waiting() == {"room0", "room1"}


async def test_a_page_shows_what_is_open_of_one_room_or_what_is_asked_for(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1), mention("m3", minute=2), mention("m4", "other")])
    await answer(inbox, "m1")
    await inbox.outbox.answer(["m2"], order(), NOW)
    page = await inbox.page(None, "room", 9)
    assert (ids(page.items), page.unread) == (["m2", "m3"], 2)
    assert ids((await inbox.page(None, None, 9, {State.ACKING})).items) == ["m1"]
    assert ids((await inbox.page(None, None, 9, {State.ACKING, State.ANSWERING})).items) == ["m1", "m2"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "0123456789abcdef.1", "{epoch}.x", "{epoch}." + 30 * "9"])
async def test_a_cursor_of_another_inbox_starts_from_the_beginning_and_says_so(
    inbox: Inbox, cursor: str
) -> None:
    await inbox.put([mention("m1")])
    epoch = (await inbox.page(None, None, 9)).next_cursor.partition(".")[0]
    page = await inbox.page(cursor.format(epoch=epoch), None, 9)
    assert (ids(page.items), page.reset) == (["m1"], True)
    assert page.next_cursor == f"{epoch}.1"


async def test_looking_changes_nothing(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    before = await inbox.get(["m1"])
    await inbox.page(None, None, 9)
    await inbox.next_room(None, NOW)
    (await inbox.at_hand(NOW))[1]
    assert await inbox.get(["m1"]) == before


# Who hears of it


async def test_the_bell_rings_after_a_change_and_only_then(inbox: Inbox) -> None:
    rings: list[None] = []
    unlisten = inbox.listen(lambda: rings.append(None))
    await inbox.put([mention(f"m{n}") for n in range(3)])
    assert len(rings) == 1
    await inbox.put([mention("m1")])
    await inbox.sweep("room", [mention(f"m{n}") for n in range(3)], await inbox.seq())
    await inbox.note_listed([mention("m1")])
    await inbox.lease("nowhere", 9, NOW)
    await inbox.extend(NOW)
    await inbox.release_all()
    await tell(inbox)
    with pytest.raises(Unknown):
        await inbox.end(["m9"], "processed", None, NOW)
    assert len(rings) == 1
    await inbox.lease(None, 9, NOW)
    assert len(rings) == 2
    unlisten()
    await inbox.drop_room("room")
    assert len(rings) == 2


async def test_watching_rings_for_the_changes_of_others(inbox: Inbox, another: Open) -> None:
    rung = anyio.Event()
    inbox.listen(rung.set)
    other = await another()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.watch, 0.001)
            await other.put([mention("m1")])
            await rung.wait()
            group.cancel_scope.cancel()
    assert ids(await inbox.lease(None, 9, NOW)) == ["m1"]


# Where it is kept


async def test_an_inbox_is_not_kept_where_others_can_read_it(tmp_path: Path, folder: Path) -> None:
    owner = Owner.start(folder)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(NotPrivate):
        await Inbox.open(tmp_path / "link", owner)
    owner.close()


async def test_a_file_that_is_no_inbox_is_refused_and_let_go(folder: Path) -> None:
    owner = Owner.start(folder)
    (folder / "inbox.db").write_text("this is not a database, and long enough to be taken for one" * 99)
    with pytest.raises(StorageError):
        await Inbox.open(folder, owner)
    owner.close()
