"""The inbox on a real file: what comes in is handed out in order, ends once, and is never lost."""

import struct
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from tests.inbox.conftest import Open, Start
from tests.inbox.hosts import answer, bury, finish, ids, one, order, state, tell
from tests.inbox.mentions import NOW, as_kept, mention
from thenvoi_bridge.inbox.core import ATTEMPTS, LEASE, LONGEST_LEASE, State
from thenvoi_bridge.inbox.errors import LeaseLost, NotOpen, Underway, Unknown
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.inbox.trouble import Trouble
from thenvoi_bridge.storage import Busy, Database, T, Tx

LATER = NOW + LEASE


# What comes in


async def test_a_message_comes_in_once_however_often_it_is_pushed(inbox: Inbox) -> None:
    assert await inbox.put([mention("m1"), mention("m2"), mention("m1")]) == 2
    assert await inbox.put([mention("m2"), mention("m3")]) == 1
    assert await inbox.unread() == 3


async def test_what_came_in_is_still_there_after_reopening(start: Start) -> None:
    for new in (2, 0):
        host = await start()
        assert await host.inbox.put([mention("m1"), mention("m2")], titles={"room": "Tea"}) == new
        items = await host.inbox.get(["m2", "m1", "m2", "m3"])
        assert ids(items) == ["m2", "m1"]
        assert items[0].message == as_kept(mention("m2"))
        assert items[0].chat_title == "Tea"
        await host.die()


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
    assert (await one(inbox, "m4")).chat_title == "Tea"


async def test_what_an_incomplete_listing_leaves_out_stays(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    assert await inbox.note_listed([mention("m2"), mention("m3", minute=2)], title="Tea") == 1
    assert ids(await inbox.lease("room", 9, NOW)) == ["m1", "m2", "m3"]
    assert (await one(inbox, "m3")).chat_title == "Tea"


async def test_what_a_living_process_holds_does_not_go_by_a_listing(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", "elsewhere")])
    await inbox.lease("room", 1, NOW)
    await inbox.outbox.answer(["m2"], order(room="elsewhere"), NOW)
    other = await another()
    for room in ("room", "elsewhere"):
        await other.sweep(room, [], await other.seq())
    assert [await state(inbox, id) for id in ("m1", "m2")] == ["leased", "answering"]


async def test_what_a_dead_process_was_handed_goes_by_a_listing_but_not_what_it_was_answering(
    inbox: Inbox, start: Start
) -> None:
    await inbox.put([mention("m1"), mention("m2", "elsewhere")])
    dying = await start()
    await dying.inbox.lease("room", 1, NOW)
    await dying.outbox.answer(["m2"], order(room="elsewhere"), NOW)
    await dying.die()
    for room in ("room", "elsewhere"):
        await inbox.sweep(room, [], await inbox.seq())
    assert [await state(inbox, id) for id in ("m1", "m2")] == ["gone", "answering"]


@pytest.mark.parametrize("complete", [True, False], ids=["a sweep", "a look"])
async def test_a_finished_message_that_is_listed_again_is_acknowledged_again_and_never_handed_out(
    inbox: Inbox, complete: bool
) -> None:
    await inbox.put([mention("m1")])
    await finish(inbox, "m1")
    assert await inbox.to_tell(NOW) == []
    if complete:
        assert await inbox.sweep("room", [mention("m1")], await inbox.seq()) == 0
    else:
        assert await inbox.note_listed([mention("m1")]) == 0
    assert await inbox.lease(None, 9, NOW) == []
    assert [(item.id, item.outcome) for item in await tell(inbox)] == [("m1", "processed")]
    assert await state(inbox, "m1") == State.DONE


async def test_a_late_push_of_a_finished_message_changes_nothing(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    await finish(inbox, "m1")
    assert await inbox.put([mention("m1")]) == 0
    assert await state(inbox, "m1") == State.DONE


async def test_a_message_that_failed_stays_dead_though_the_platform_lists_it(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    await bury(inbox, "m1")
    await inbox.sweep("room", [mention("m1")], await inbox.seq())
    await inbox.note_listed([mention("m1")])
    assert await state(inbox, "m1") == State.DEAD
    assert await inbox.to_tell(NOW) == []


async def test_a_message_that_was_gone_comes_back_with_a_listing_and_not_with_a_push(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    assert await inbox.drop_room("room") == 1
    await inbox.put([mention("m1")])
    assert await inbox.lease(None, 9, NOW) == []
    await inbox.sweep("room", [mention("m1")], await inbox.seq())
    assert ids(await inbox.lease(None, 9, NOW)) == ["m1"]


async def test_a_room_we_leave_takes_its_messages_along_but_not_an_answer_under_way(
    inbox: Inbox, start: Start
) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(4)] + [mention("m4", "other")])
    await inbox.lease("room", 1, NOW)
    begun = await inbox.outbox.answer(["m1"], order(), NOW)
    dying = await start()
    await dying.outbox.answer(["m2"], order(), NOW)
    await dying.die()
    assert await inbox.drop_room("room") == 2
    states = [await state(inbox, f"m{n}") for n in range(5)]
    assert states == ["gone", "answering", "answering", "gone", "ready"]
    assert await inbox.rooms_waiting() == {"room", "other"}
    await inbox.outbox.sent(begun, "{}", NOW)


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


async def test_of_the_room_only_those_are_handed_out_that_are_asked_for(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(4)])
    assert await inbox.lease(None, 9, NOW, only=set()) == []
    assert ids(await inbox.lease(None, 2, NOW, only={"m3", "m1", "m0", "m9"})) == ["m0", "m1"]
    assert (await inbox.at_hand(NOW))[1] == 2


async def test_what_is_not_asked_for_takes_nobodys_place(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(3)])
    assert ids(await inbox.lease(None, 1, NOW, only={"m1", "m2"})) == ["m1"]


async def test_a_listing_is_kept_and_its_oldest_handed_out_at_one_go(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m3", minute=3)])
    since = await inbox.seq()
    await inbox.put([mention("m4", minute=4)])  # pushed while the platform was asked
    listed = [mention("m3", minute=3), mention("m2", minute=2)]
    assert ids(await inbox.hand_out("room", listed, since, 9, NOW)) == ["m2", "m3"]
    assert [await state(inbox, id) for id in ("m1", "m4")] == ["gone", "ready"]
    assert await (await another()).hand_out("room", listed, since, 9, NOW) == []  # it is held


async def test_which_room_comes_next_can_be_asked_without_taking_anything(
    inbox: Inbox, another: Open
) -> None:
    await inbox.put([mention("m1", "old", 1), mention("m2", "new", 2)])
    other = await another()
    assert await inbox.next_room(None, NOW) == ("old", 2)
    assert await inbox.next_room("new", NOW) == ("new", 2)
    assert await inbox.next_room("nowhere", NOW) is None
    await other.lease("old", 1, NOW)
    assert await inbox.next_room(None, NOW) == ("new", 2)
    assert await inbox.next_room("old", NOW) is None
    assert await inbox.next_room(None, LATER) == ("old", 2)
    assert [await state(inbox, id) for id in ("m1", "m2")] == ["leased", "ready"]


@pytest.mark.parametrize("mine", [True, False], ids=["to the same process", "to another"])
async def test_nothing_overtakes_what_is_handed_out_or_being_answered(
    inbox: Inbox, another: Open, mine: bool
) -> None:
    holder = inbox if mine else await another()
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    await holder.lease(None, 1, NOW)
    assert await inbox.lease("room", 9, NOW) == []
    await holder.outbox.answer(["m1"], order(), NOW)
    assert await inbox.lease("room", 9, LATER) == []


async def test_what_waits_for_an_acknowledgement_holds_up_nothing(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    await answer(inbox, "m1")
    assert ids(await (await another()).lease(None, 9, NOW)) == ["m2"]


@pytest.mark.parametrize("mine", [True, False], ids=["to the same process", "to another"])
async def test_a_hand_out_that_is_never_answered_comes_again_when_its_time_is_up(
    inbox: Inbox, another: Open, mine: bool
) -> None:
    await inbox.put([mention("m1")])
    first = await inbox.lease(None, 1, NOW)
    other = inbox if mine else await another()
    assert await other.lease(None, 1, LATER - 1) == []
    assert [(item.id, item.attempts) for item in await other.lease(None, 1, LATER)] == [("m1", 2)]
    await inbox.release(first)
    assert await state(inbox, "m1") == State.LEASED


async def test_what_a_process_was_handed_is_free_when_it_dies(inbox: Inbox, start: Start) -> None:
    await inbox.put([mention("m1")])
    dying = await start()
    await dying.inbox.lease(None, 1, NOW)
    await dying.die()
    assert [(item.id, item.attempts) for item in await inbox.lease(None, 1, NOW)] == [("m1", 2)]


async def test_signs_of_work_keep_what_was_handed_out_for_an_hour_at_most(
    inbox: Inbox, another: Open
) -> None:
    await inbox.put([mention("m1"), mention("m2", "others"), mention("m3", "third")])
    other = await another()
    await other.lease("others", 1, NOW)
    await inbox.lease("room", 1, NOW)
    begun = await inbox.outbox.answer(["m3"], order(room="third"), NOW)
    for now in range(0, int(LONGEST_LEASE), 500):
        await inbox.extend(NOW + now)
        assert await other.lease("room", 1, NOW + now) == []
    assert [(await one(inbox, id)).lease_until for id in ("m1", "m2", "m3")] == [
        NOW + LONGEST_LEASE,
        LATER,  # for signs of work are nobody else's
        LATER,
    ]
    assert ids(await other.lease("room", 1, NOW + LONGEST_LEASE)) == ["m1"]
    await inbox.extend(NOW + LONGEST_LEASE)
    assert (await one(inbox, "m1")).owner == (await one(inbox, "m2")).owner
    await inbox.outbox.sent(begun, "{}", NOW)


async def test_a_hand_out_that_nobody_saw_is_put_back_uncounted(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    for _ in range(2 * ATTEMPTS):
        items = await inbox.lease(None, 9, NOW)
        assert [(item.id, item.attempts) for item in items] == [("m1", 1), ("m2", 1)]
        await inbox.release(items)


async def test_putting_back_passes_over_what_was_lost_since(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(4)])
    items = await inbox.lease(None, 9, NOW)
    await inbox.outbox.answer(["m0"], order(), NOW)
    await inbox.end(["m1"], "processed", None, NOW)
    await inbox.release(items[2:3])
    await inbox.release(items)
    assert [await state(inbox, f"m{n}") for n in range(4)] == ["answering", "acking", "ready", "ready"]
    assert {item.attempts for item in await inbox.get(["m2", "m3"])} == {0}


async def test_a_cancelled_caller_learns_what_it_has_taken(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    with anyio.CancelScope() as scope:
        scope.cancel()
        items = await inbox.lease(None, 1, NOW)
    await inbox.release(items)
    assert await state(inbox, "m1") == State.READY


async def test_a_message_that_five_hosts_did_not_survive_has_failed_and_the_platform_is_told(
    inbox: Inbox, start: Start
) -> None:
    await inbox.put([mention("poison"), mention("m2", minute=1)])
    for attempt in range(1, ATTEMPTS + 1):
        host = await start()
        assert [item.attempts for item in await host.inbox.lease(None, 1, NOW)] == [attempt]
        await host.die()
    assert ids(await inbox.lease(None, 9, NOW)) == ["m2"]
    assert await inbox.dead() == 0
    (poison,) = await tell(inbox)
    assert (poison.id, poison.state, poison.outcome) == ("poison", State.DEAD, "failed")
    assert poison.error == "handed out 5 times without an outcome"
    assert await inbox.dead() == 1


async def test_what_was_handed_out_twice_in_vain_comes_alone(inbox: Inbox, start: Start) -> None:
    await inbox.put([mention(f"m{n}", minute=n) for n in range(3)])
    for attempt in (1, 2):
        host = await start()
        handed = await host.inbox.lease(None, 9, NOW)
        assert [item.attempts for item in handed] == [attempt] * 3
        await host.die()
    assert ids(await inbox.lease(None, 9, NOW)) == ["m0"]


async def test_a_process_that_ends_in_order_puts_back_what_it_was_handed(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", room="elsewhere"), mention("m3", room="third")])
    await inbox.lease("room", 1, NOW)
    await inbox.outbox.answer(["m2"], order(room="elsewhere"), NOW)
    other = await another()
    await other.lease("third", 1, NOW)
    await inbox.release_all()
    assert [await state(inbox, id) for id in ("m1", "m2", "m3")] == ["ready", "answering", "leased"]
    assert (await inbox.at_hand(NOW))[1] == 1
    assert [(item.id, item.attempts) for item in await other.lease("room", 1, NOW)] == [("m1", 1)]


async def test_the_platforms_number_of_a_hand_out_is_kept_until_it_is_handed_out_again(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    (first,) = await inbox.lease(None, 1, NOW)
    await inbox.marked(first, 4)
    assert (await one(inbox, "m1")).attempt == 4
    await inbox.lease(None, 1, LATER)
    await inbox.marked(first, 5)
    assert (await one(inbox, "m1")).attempt == 4


async def test_what_was_handed_out_and_is_handled_elsewhere_is_gone_unless_it_was_lost_since(
    inbox: Inbox, another: Open
) -> None:
    await inbox.put([mention("m1"), mention("m2", minute=1), mention("m3", minute=2)])
    items = await inbox.lease(None, 9, NOW)
    await inbox.outbox.answer(["m2"], order(), NOW)
    await inbox.vanish(items[:2])
    assert [await state(inbox, id) for id in ("m1", "m2", "m3")] == ["gone", "answering", "leased"]
    (refused,) = await inbox.outbox.adopt(LATER)
    await inbox.outbox.refused(refused, "no", LATER)
    await (await another()).lease(None, 9, LATER + LEASE)
    await inbox.vanish(items)
    assert [await state(inbox, id) for id in ("m1", "m2", "m3")] == ["gone", "leased", "leased"]


# What ends


async def test_messages_end_without_an_answer_and_once(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    for reason in ("no idea", "another reason"):
        items = await inbox.end(["m1", "m2"], "failed", reason, NOW)
        assert [(item.outcome, item.error) for item in items] == [("failed", "no idea")] * 2
    with pytest.raises(NotOpen):
        await inbox.end(["m1"], "processed", None, NOW)
    assert ids(await inbox.to_tell(NOW)) == ["m1", "m2"]


async def test_one_message_that_cannot_be_ended_spares_the_others(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", "other"), mention("m3", "third")])
    await (await another()).lease("other", 1, NOW)
    await inbox.outbox.answer(["m3"], order(room="third"), NOW)
    for which, refusal in (("m2", LeaseLost), ("m3", Underway), ("m9", Unknown)):
        with pytest.raises(refusal, match=which):
            await inbox.end(["m1", which], "processed", None, NOW)
    assert await state(inbox, "m1") == State.READY
    await inbox.end(["m1", "m2"], "processed", None, LATER)


async def test_what_failed_is_offered_again_when_somebody_wants_that(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    await bury(inbox, "m1")
    for which, refusal in (("m2", NotOpen), ("m9", Unknown)):
        with pytest.raises(refusal, match=which):
            await inbox.retry(["m1", which])
    assert (await inbox.dead(), (await inbox.at_hand(NOW))[1]) == (1, 1)
    assert ids(await inbox.retry(["m1"])) == ["m1"]
    (again,) = await inbox.lease("room", 1, NOW)
    assert (again.id, again.attempts, again.outcome, again.error) == ("m1", 1, None, None)


async def test_what_failed_can_still_be_answered_or_ended(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2")])
    await bury(inbox, "m1")
    await bury(inbox, "m2")
    await answer(inbox, "m1")
    assert [item.outcome for item in await inbox.end(["m2"], "processed", None, NOW)] == ["processed"]
    assert [item.state for item in await tell(inbox)] == [State.DONE] * 2


# What nobody knows the end of


class Doubtful:
    """A database that takes nothing while it `refuses`, and takes it and denies that while it `lies`."""

    def __init__(self, db: Database) -> None:
        self._db, self.refuses, self.lies = db, False, False
        self.read, self.version, self.close = db.read, db.version, db.close

    async def write(self, work: Callable[[Tx], T]) -> T:
        if self.refuses:
            raise Busy("not now")
        result = await self._db.write(work)
        if self.lies:
            raise Busy("lost on its way")
        return result


async def test_a_hand_out_that_nobody_learned_of_is_put_back_once_that_can_be_done(
    inbox: Inbox, another: Open
) -> None:
    db = Doubtful(inbox._shelf._db)
    doubtful, other = inbox.over(db), await another()
    await inbox.put([mention("m1"), mention("m2", room="elsewhere")])
    held = await doubtful.lease("elsewhere", 1, NOW - 1)
    db.lies = True
    with pytest.raises(Trouble):
        await doubtful.lease("room", 1, NOW)
    with pytest.raises(Trouble):
        await doubtful.debts.settle()
    db.lies = False
    await doubtful.debts.settle()
    (again,) = await other.lease(None, 5, NOW + 1)
    assert (again.id, again.attempts) == ("m1", 1)
    assert (await inbox.get(ids(held)))[0].state is State.LEASED


async def test_what_could_not_be_put_back_is_put_back_later(inbox: Inbox, another: Open) -> None:
    db = Doubtful(inbox._shelf._db)
    doubtful, other = inbox.over(db), await another()
    await inbox.put([mention("m1")])
    items = await doubtful.lease(None, 1, NOW)
    db.refuses = True
    with pytest.raises(Trouble):
        await doubtful.release(items)
    db.refuses = False
    await doubtful.debts.settle()
    assert ids(await other.lease(None, 1, NOW)) == ["m1"]
