"""The inbox on a real file: what comes in is handed out in order, answered once, and never lost."""

import struct
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from tests.inbox.conftest import Open
from tests.inbox.mentions import NOW, PATIENCE, mention
from thenvoi_bridge.inbox.core import ATTEMPTS, LEASE, Item, State
from thenvoi_bridge.inbox.errors import AlreadyAnswered, LeaseLost, NotOpen, SeveralRooms, Underway, Unknown
from thenvoi_bridge.inbox.ownership import NotPrivate, Owner
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import StorageError

LATER = NOW + LEASE


def ids(items: Sequence[Item]) -> list[str]:
    return [item.id for item in items]


async def state(inbox: Inbox, id: str) -> State:
    return (await inbox.get([id]))[0].state


async def answer(inbox: Inbox, *which: str, digest: str = "digest", text: str = "{}") -> list[Item]:
    return await inbox.answered(await inbox.begin_answer(which, digest, NOW), text)


async def finish(inbox: Inbox, id: str) -> None:
    for item in await answer(inbox, id):
        await inbox.acked(item)


# What comes in


async def test_a_message_comes_in_once_however_often_it_is_pushed(inbox: Inbox) -> None:
    assert await inbox.put([mention("m1"), mention("m2"), mention("m1")]) == 2
    assert await inbox.put([mention("m2"), mention("m3")]) == 1
    assert await inbox.unread() == 3


async def test_what_came_in_is_still_there_after_reopening(folder: Path) -> None:
    for new in (2, 0):
        owner = Owner.start(folder)
        inbox = await Inbox.open(folder, owner)
        assert await inbox.put([mention("m1"), mention("m2")], titles={"room": "Tea"}) == new
        items = await inbox.get(["m2", "m1", "m2", "m3"])
        assert ids(items) == ["m2", "m1"]
        assert items[0].message == mention("m2")
        assert items[0].chat_title == "Tea"
        await inbox.close()
        owner.close()


def commits(wal: Path) -> int:
    """How many transactions a write-ahead log holds: frames that give the size of the database."""
    data = wal.read_bytes()
    size, salts = struct.unpack_from(">I", data, 8)[0], data[16:24]
    frames = range(32, len(data), 24 + size)
    return sum(data[at + 8 : at + 16] == salts and data[at + 4 : at + 8] != bytes(4) for at in frames)


async def test_a_thousand_messages_at_once_are_one_transaction(inbox: Inbox, folder: Path) -> None:
    before = commits(folder / "inbox.db-wal")
    assert await inbox.put([mention(f"m{n}") for n in range(1000)]) == 1000
    assert commits(folder / "inbox.db-wal") == before + 1
    assert await inbox.seq() == 1000


async def test_what_a_complete_listing_leaves_out_was_handled_elsewhere(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1), mention("m3", "other")])
    since = await inbox.seq()
    await inbox.put([mention("pushed meanwhile", minute=3)])
    assert await inbox.sweep("room", [mention("m2"), mention("m4", minute=4)], since, title="Tea") == 1
    assert await state(inbox, "m1") == State.GONE
    assert ids(await inbox.lease("room", 9, NOW)) == ["m2", "pushed meanwhile", "m4"]
    assert await state(inbox, "m3") == State.READY
    assert (await inbox.get(["m4"]))[0].chat_title == "Tea"


async def test_what_a_living_process_holds_does_not_go_by_a_listing(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1")])
    await inbox.lease(None, 1, NOW)
    other = await another()
    await other.sweep("room", [], await other.seq())
    assert await state(inbox, "m1") == State.LEASED


async def test_what_a_dead_process_held_goes_by_a_listing(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention("m1")])
    owner = Owner.start(folder)
    dying = await Inbox.open(folder, owner)
    await dying.begin_answer(["m1"], "digest", NOW)
    await dying.close()
    owner.close()
    await inbox.sweep("room", [], await inbox.seq())
    assert await state(inbox, "m1") == State.GONE


async def test_a_finished_message_that_is_listed_again_is_acknowledged_again_and_never_handed_out(
    inbox: Inbox,
) -> None:
    await inbox.put([mention("m1")])
    await finish(inbox, "m1")
    assert await inbox.acking() == []
    assert await inbox.sweep("room", [mention("m1")], await inbox.seq()) == 0
    assert ids(await inbox.acking()) == ["m1"]
    assert await inbox.lease(None, 9, NOW) == []
    await inbox.acked((await inbox.acking())[0])
    assert await state(inbox, "m1") == State.DONE


async def test_a_late_push_of_a_finished_message_changes_nothing(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    await finish(inbox, "m1")
    assert await inbox.put([mention("m1")]) == 0
    assert await state(inbox, "m1") == State.DONE


async def test_a_message_that_failed_stays_dead_though_the_platform_lists_it(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    for item in await inbox.end(["m1"], "failed", "no idea", NOW):
        assert (await inbox.acked(item)).state is State.DEAD
    await inbox.sweep("room", [mention("m1")], await inbox.seq())
    assert await state(inbox, "m1") == State.DEAD


async def test_a_message_that_was_gone_comes_back_with_a_listing_and_not_with_a_push(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    assert await inbox.drop_room("room") == 1
    await inbox.put([mention("m1")])
    assert await inbox.lease(None, 9, NOW) == []
    await inbox.sweep("room", [mention("m1")], await inbox.seq())
    assert ids(await inbox.lease(None, 9, NOW)) == ["m1"]


async def test_a_room_we_leave_takes_its_messages_along_but_not_an_answer_under_way(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1), mention("m3", "other")])
    await inbox.lease("room", 1, NOW)
    sending = await inbox.begin_answer(["m2"], "digest", NOW)
    assert await inbox.drop_room("room") == 1
    assert [await state(inbox, id) for id in ("m1", "m2", "m3")] == ["gone", "answering", "ready"]
    await inbox.answered(sending, "{}")


# What is handed out


async def test_messages_are_handed_out_as_the_room_has_them_and_not_as_they_came(inbox: Inbox) -> None:
    await inbox.put([mention("c", minute=2), mention("b", minute=1), mention("a", minute=2)])
    assert ids(await inbox.lease(None, 2, NOW)) == ["b", "a"]


async def test_the_room_that_has_waited_longest_goes_first(inbox: Inbox) -> None:
    await inbox.put([mention("m1", "new", 2), mention("m2", "old", 1), mention("m3", "old", 3)])
    assert ids(await inbox.lease(None, 9, NOW)) == ["m2", "m3"]
    assert ids(await inbox.lease(None, 9, NOW)) == ["m1"]


async def test_a_room_asked_for_by_name_is_the_only_one(inbox: Inbox) -> None:
    await inbox.put([mention("m1", "old", 1), mention("m2", "new", 2)])
    assert ids(await inbox.lease("new", 9, NOW)) == ["m2"]
    assert await inbox.lease("nowhere", 9, NOW) == []


@pytest.mark.parametrize("mine", [True, False], ids=["to the same process", "to another"])
async def test_nothing_overtakes_what_is_handed_out_or_being_answered(
    inbox: Inbox, another: Open, mine: bool
) -> None:
    holder = inbox if mine else await another()
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    await holder.lease(None, 1, NOW)
    assert await inbox.lease("room", 9, NOW) == []
    await holder.begin_answer(["m1"], "digest", NOW)
    assert await inbox.lease("room", 9, NOW) == []


async def test_what_waits_for_an_acknowledgement_holds_up_nothing(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    await answer(inbox, "m1")
    assert ids(await (await another()).lease(None, 9, NOW)) == ["m2"]


async def test_a_hand_out_that_is_never_answered_comes_again_when_its_time_is_up(
    inbox: Inbox, another: Open
) -> None:
    await inbox.put([mention("m1")])
    first = await inbox.lease(None, 1, NOW)
    other = await another()
    assert await other.lease(None, 1, LATER - 1) == []
    assert [(item.id, item.attempts) for item in await other.lease(None, 1, LATER)] == [("m1", 2)]
    await inbox.release(first)
    assert await state(inbox, "m1") == State.LEASED


async def test_a_hand_out_that_nobody_saw_is_put_back_uncounted(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    for _ in range(2 * ATTEMPTS):
        items = await inbox.lease(None, 9, NOW)
        assert [(item.id, item.attempts) for item in items] == [("m1", 1), ("m2", 1)]
        await inbox.release(items)


async def test_a_cancelled_caller_learns_what_it_has_taken(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    with anyio.CancelScope() as scope:
        scope.cancel()
        items = await inbox.lease(None, 1, NOW)
    await inbox.release(items)
    assert await state(inbox, "m1") == State.READY


async def test_a_message_that_five_hosts_did_not_survive_is_dead(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention("poison"), mention("m2", minute=1)])
    for attempt in range(1, ATTEMPTS + 1):
        owner = Owner.start(folder)
        host = await Inbox.open(folder, owner)
        assert [item.attempts for item in await host.lease(None, 1, NOW)] == [attempt]
        await host.close()
        owner.close()
    assert ids(await inbox.lease(None, 9, NOW)) == ["m2"]
    dead = (await inbox.page(None, None, 9, {State.DEAD})).items
    assert [(item.id, item.error) for item in dead] == [("poison", "handed out 5 times without an outcome")]


async def test_what_was_handed_out_twice_in_vain_comes_alone(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(3)])
    for attempt in (1, 2):
        owner = Owner.start(folder)
        host = await Inbox.open(folder, owner)
        handed = await host.lease(None, 9, NOW)
        assert [item.attempts for item in handed] == [attempt] * 3
        await host.close()
        owner.close()
    assert ids(await inbox.lease(None, 9, NOW)) == ["m0"]


async def test_a_process_that_ends_in_order_puts_back_what_it_was_handed(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", room="elsewhere"), mention("m3", room="third")])
    await inbox.lease("room", 1, NOW)
    await inbox.begin_answer(["m2"], "digest", NOW)
    other = await another()
    await other.lease("third", 1, NOW)
    await inbox.release_all()
    assert [await state(inbox, id) for id in ("m1", "m2", "m3")] == ["ready", "answering", "leased"]
    assert await inbox.ready() == 1
    assert [(item.id, item.attempts) for item in await other.lease("room", 1, NOW)] == [("m1", 1)]


# What is answered


async def test_an_answer_is_kept_and_said_again_to_whoever_repeats_it(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    items = await inbox.begin_answer(["m2", "m1", "m2"], "digest", NOW)
    assert ids(items) == ["m1", "m2"]
    done = await inbox.answered(items, '{"id": "a1"}')
    assert [(item.state, item.outcome) for item in done] == [(State.ACKING, "processed")] * 2
    for _ in range(2):
        with pytest.raises(AlreadyAnswered) as caught:
            await (await another()).begin_answer(["m1", "m2"], "digest", NOW)
        assert caught.value.answer == '{"id": "a1"}'
        for item in await inbox.acking():
            await inbox.acked(item)
    with pytest.raises(NotOpen):
        await inbox.begin_answer(["m1"], "another digest", NOW)


async def test_an_answer_that_did_not_get_through_leaves_the_message_with_its_host(
    inbox: Inbox, another: Open
) -> None:
    await inbox.put([mention("m1")])
    sending = await inbox.begin_answer(["m1"], "digest", NOW)
    with pytest.raises(Underway):
        await inbox.begin_answer(["m1"], "digest", NOW)
    assert [item.state for item in await inbox.unanswered(sending)] == [State.LEASED]
    with pytest.raises(LeaseLost):
        await (await another()).begin_answer(["m1"], "digest", NOW)
    await answer(inbox, "m1")


@pytest.mark.parametrize("mine", [True, False], ids=["by the same process", "by another"])
async def test_a_late_answer_to_what_was_taken_since_is_refused_and_changes_nothing(
    inbox: Inbox, another: Open, mine: bool
) -> None:
    await inbox.put([mention("m1")])
    late = await inbox.begin_answer(["m1"], "first", NOW)
    other = inbox if mine else await another()
    winner = await other.begin_answer(["m1"], "second", LATER)
    with pytest.raises(LeaseLost):
        await inbox.answered(late, "{}")
    with pytest.raises(LeaseLost):
        await inbox.unanswered(late)
    await other.answered(winner, "{}")


async def test_an_answer_goes_to_one_room_and_to_messages_there_are(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    with pytest.raises(SeveralRooms) as several:
        await inbox.begin_answer(["m1", "m2"], "digest", NOW)
    assert several.value.chat_ids == ("room", "other")
    with pytest.raises(Unknown) as unknown:
        await inbox.begin_answer(["m9", "m1", "m8", "m9"], "digest", NOW)
    assert unknown.value.ids == ("m9", "m8")
    assert await inbox.unread() == 2


async def test_one_message_that_cannot_be_answered_spares_the_others(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    await inbox.end(["m2"], "processed", None, NOW)
    with pytest.raises(NotOpen):
        await inbox.begin_answer(["m1", "m2"], "digest", NOW)
    assert await state(inbox, "m1") == State.READY


async def test_messages_end_without_an_answer_and_once(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    for _ in range(2):
        items = await inbox.end(["m1", "m2"], "failed", "no idea", NOW)
        assert [(item.outcome, item.error) for item in items] == [("failed", "no idea")] * 2
    with pytest.raises(NotOpen):
        await inbox.end(["m1"], "processed", None, NOW)
    assert ids(await inbox.acking()) == ["m1", "m2"]


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
    await inbox.begin_answer(["m0"], "digest", NOW)
    await answer(inbox, "m3")
    assert await inbox.unread() == 2


async def test_a_page_shows_what_is_open_of_one_room_or_what_is_asked_for(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1), mention("m3", minute=2), mention("m4", "other")])
    await answer(inbox, "m1")
    await inbox.begin_answer(["m2"], "digest", NOW)
    page = await inbox.page(None, "room", 9)
    assert (ids(page.items), page.unread) == (["m2", "m3"], 2)
    assert ids((await inbox.page(None, None, 9, {State.ACKING})).items) == ["m1"]


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
    assert await inbox.get(["m1"]) == before


# Who hears of it


async def test_the_bell_rings_after_a_change_and_only_then(inbox: Inbox) -> None:
    rings: list[None] = []
    unlisten = inbox.listen(lambda: rings.append(None))
    await inbox.put([mention(f"m{n}") for n in range(3)])
    assert len(rings) == 1
    await inbox.put([mention("m1")])
    await inbox.sweep("room", [mention(f"m{n}") for n in range(3)], await inbox.seq())
    await inbox.lease("nowhere", 9, NOW)
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
