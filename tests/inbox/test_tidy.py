"""An inbox stays small: what there is no room for waits on the platform, and what has ended goes in time."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import anyio
import apsw
import pytest

from tests import postgres
from tests.inbox.conftest import Open
from tests.inbox.disks import disk_under
from tests.inbox.hosts import WALL, Host, bury, finish, ids, one, order, state
from tests.inbox.mentions import NOW, PATIENCE, mention
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox import store, tidy
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.errors import Unknown
from thenvoi_bridge.inbox.kept import Kept
from thenvoi_bridge.inbox.replica import replica
from thenvoi_bridge.inbox.store import Inbox

HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten messages at most, and room again below five."""
    monkeypatch.setattr(tidy, "MOST", 10)
    monkeypatch.setattr(tidy, "LOW", 5)


def mentions(start: int, end: int, room: str = "room") -> list[ChatMessage]:
    return [mention(f"{room}{n:02}", room, n) for n in range(start, end)]


async def sweep(inbox: Inbox, *listed: ChatMessage, room: str = "room") -> int:
    return await inbox.sweep(room, listed, await inbox.seq())


async def end(inbox: Inbox, many: int, room: str = "room") -> list[str]:
    """Handle the oldest so many messages of a room, one after the other; return their ids."""
    done: list[str] = []
    while len(done) < many:
        (item,) = await inbox.lease(room, 1, NOW)
        await inbox.end([item.id], "processed", None, NOW)
        done.append(item.id)
    return done


# Room


async def test_nothing_is_taken_from_the_limit_to_well_below_it(inbox: Inbox, small: None) -> None:
    assert await inbox.put(mentions(0, 10)) == 10
    assert not await inbox.is_full()
    assert await inbox.put(mentions(8, 12)) == 0
    assert await inbox.is_full()
    assert await inbox.put(mentions(0, 1, "other")) == 0
    assert await inbox.rooms_waiting() == {"room"}
    await end(inbox, 5)
    assert await inbox.is_full()
    assert await inbox.put(mentions(1, 2, "other")) == 0
    await end(inbox, 1)
    assert not await inbox.is_full()
    assert await inbox.rooms_waiting() == {"room", "other"}
    assert await inbox.put(mentions(0, 1, "third")) == 1


async def test_what_is_known_may_come_again_though_there_is_no_room(inbox: Inbox, small: None) -> None:
    await inbox.put(mentions(0, 10))
    assert await inbox.put(mentions(0, 10)) == 0
    assert await sweep(inbox, *mentions(0, 10)) == 0
    assert not await inbox.is_full()


async def test_of_a_listing_the_oldest_are_taken_and_the_others_when_there_is_room(
    inbox: Inbox, small: None
) -> None:
    everything = mentions(0, 25)
    assert await sweep(inbox, *reversed(everything)) == 10
    handled: list[str] = []
    while await inbox.rooms_waiting():
        handled += await end(inbox, min(6, await inbox.unread()))
        await sweep(inbox, *everything[len(handled) :])
    assert handled == [message.id for message in everything]
    assert not await inbox.is_full()


async def test_nothing_newer_is_taken_while_something_older_is_missing(inbox: Inbox, small: None) -> None:
    everything = mentions(0, 14)
    await sweep(inbox, *everything)
    handled = await end(inbox, 6)
    assert await inbox.put(mentions(14, 15)) == 0
    assert await inbox.put(mentions(0, 1, "other")) == 1
    assert await sweep(inbox, *everything[6:]) == 4  # the listing is from before the last push
    assert await inbox.put(mentions(15, 16)) == 0
    handled += await end(inbox, 5)
    assert await sweep(inbox, *mentions(11, 16)) == 2
    assert await inbox.put(mentions(16, 17)) == 1
    assert handled + await end(inbox, 6) == [f"room{n:02}" for n in range(17)]


async def test_a_room_whose_missing_message_was_handled_elsewhere_is_caught_up_with_at_last(
    inbox: Inbox, small: None
) -> None:
    await inbox.put(mentions(0, 10))
    await inbox.put(mentions(10, 11))
    await end(inbox, 10)
    for _ in range(2):
        assert await inbox.rooms_waiting() == {"room"}
        await sweep(inbox)
    assert await inbox.rooms_waiting() == set()
    assert await inbox.put(mentions(11, 12)) == 1


async def test_the_head_of_a_room_comes_in_at_hand_out_though_there_is_no_room(
    inbox: Inbox, small: None
) -> None:
    await inbox.put(mentions(5, 15))
    assert await inbox.note_listed(mentions(0, 5)) == 5
    assert ids(await inbox.lease("room", 2, NOW)) == ["room00", "room01"]


async def test_a_listing_comes_in_at_hand_out_though_there_is_no_room(inbox: Inbox, small: None) -> None:
    await inbox.put(mentions(5, 15))
    listed, since = mentions(0, 15), await inbox.seq()
    assert ids(await inbox.hand_out("room", listed, since, 2, NOW)) == ["room00", "room01"]


async def test_a_room_that_was_left_is_not_waited_for(inbox: Inbox, small: None) -> None:
    await inbox.put(mentions(0, 10))
    await inbox.put(mentions(0, 1, "other"))
    await end(inbox, 10)
    assert await inbox.rooms_waiting() == {"other"}
    await inbox.drop_room("other")
    assert await inbox.rooms_waiting() == set()


async def test_other_processes_know_that_it_is_full(inbox: Inbox, another: Open, small: None) -> None:
    await inbox.put(mentions(0, 11))
    assert await (await another()).is_full()


@pytest.mark.sqlite
async def test_there_is_a_limit_of_bytes_as_well_and_texts_of_the_ended_make_room(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "MOST_BYTES", 400_000)
    monkeypatch.setattr(tidy, "LOW_BYTES", 350_000)
    long = [message.model_copy(update={"content": "x" * 10_000}) for message in mentions(0, 60)]
    taken = await sweep(inbox, *long)
    assert 20 < taken < 40
    assert await inbox.is_full()
    handled = await end(inbox, taken)
    await tell_all(inbox)
    assert await inbox.is_full()
    await inbox.tidy(WALL)
    assert not await inbox.is_full()
    while len(handled) < len(long):
        handled += await end(inbox, await sweep(inbox, *long[len(handled) :]))
        await tell_all(inbox)
        await inbox.tidy(WALL)
    assert handled == [message.id for message in long]


@pytest.mark.thorough
async def test_on_postgres_the_limit_is_one_of_what_is_open(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "MOST_BYTES", 400_000)
    monkeypatch.setattr(tidy, "LOW_BYTES", 350_000)
    long = [message.model_copy(update={"content": "x" * 10_000}) for message in mentions(0, 60)]
    async with replica(postgres.fresh(server)) as here, here.opened("0" * 16, "", None) as (inbox, _):
        taken = await sweep(inbox, *long)
        assert 20 < taken <= 40
        assert await inbox.is_full()
        await end(inbox, taken // 2)
        assert not await inbox.is_full()
        assert await sweep(inbox, *long[taken // 2 :]) > 0


async def tell_all(inbox: Inbox) -> None:
    for item in await inbox.to_tell(NOW):
        await inbox.told(item)


# What has ended


async def text_of(inbox: Inbox, id: str) -> str:
    return (await one(inbox, id)).message.content


async def test_what_has_ended_loses_its_text_after_a_day_and_is_forgotten_after_a_month(inbox: Inbox) -> None:
    await inbox.put([*mentions(0, 2), *mentions(0, 1, "last")])
    await finish(inbox, "room00")
    before = await one(inbox, "room00")
    await inbox.tidy(WALL)
    await inbox.tidy(WALL + DAY - 1)
    assert await one(inbox, "room00") == before
    await inbox.tidy(WALL + DAY)
    after = await one(inbox, "room00")
    assert isinstance(before.message, Kept)
    assert after.message == replace(before.message, content=tidy.REMOVED)
    assert (after.state, after.outcome, after.sent_at) == (State.DONE, "processed", before.sent_at)
    assert await text_of(inbox, "room01") == "the secret of room01"
    await inbox.tidy(WALL + 30 * DAY - 1)
    assert await inbox.get(["room00"])
    await inbox.tidy(WALL + 30 * DAY)
    assert await inbox.get(["room00"]) == []
    assert await text_of(inbox, "room01") == "the secret of room01"


async def test_what_is_not_told_yet_and_what_is_open_is_never_touched(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 5))
    await inbox.end(["room00"], "processed", None, NOW)
    await inbox.lease("room", 1, NOW)
    begun = await inbox.outbox.answer(["room02"], order(wall=WALL), NOW)
    before = await inbox.get(f"room0{n}" for n in range(5))
    for days in (0, 1, 2, 40, 80):
        await inbox.tidy(WALL + days * DAY)
    assert await inbox.get(f"room0{n}" for n in range(5)) == before
    assert await inbox.outbox.get(begun.id) == begun


async def test_what_is_done_but_listed_is_told_again_and_kept_from_then(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 2))
    await finish(inbox, "room00")
    for at in (WALL, WALL + DAY):
        await inbox.tidy(at)
    await sweep(inbox, *mentions(0, 2))
    assert await state(inbox, "room00") is State.ACKING
    await tell_all(inbox)
    for at in (WALL + 29 * DAY, WALL + 31 * DAY):
        await inbox.tidy(at)
    assert await state(inbox, "room00") is State.DONE
    assert await text_of(inbox, "room00") == tidy.REMOVED


async def test_what_was_gone_for_a_day_comes_back_with_its_text(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 2))
    await sweep(inbox, *mentions(1, 2))
    assert await state(inbox, "room00") is State.GONE
    await inbox.tidy(WALL)
    await inbox.tidy(WALL + DAY)
    assert await inbox.get(["room00"]) == []
    await sweep(inbox, *mentions(0, 2))
    (item,) = await inbox.lease("room", 1, NOW)
    assert (item.id, item.message.content) == ("room00", "the secret of room00")


async def test_what_has_failed_keeps_its_text_for_a_month_and_is_not_offered_as_if_it_were_new(
    inbox: Inbox,
) -> None:
    await inbox.put(mentions(0, 2))
    await inbox.board.entered("room", "Tea")
    await bury(inbox, "room00")
    for days in (0, 1, 29):
        await inbox.tidy(WALL + days * DAY)
    assert await text_of(inbox, "room00") == "the secret of room00"
    await inbox.tidy(WALL + 30 * DAY)
    assert await text_of(inbox, "room00") == tidy.REMOVED
    assert await sweep(inbox, *mentions(0, 2)) == 0
    assert await state(inbox, "room00") is State.DEAD
    await inbox.board.left("room")
    await inbox.tidy(WALL + 31 * DAY)
    assert await inbox.get(["room00"]) == []


async def test_arrival_numbers_grow_on_though_everything_is_forgotten(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 3))
    await finish(inbox, "room00", "room01", "room02")
    for days in (0, 1, 31):
        await inbox.tidy(WALL + days * DAY)
    assert await inbox.seq() == 3
    cursor = (await inbox.page(None, None, 9)).next_cursor
    await inbox.put(mentions(3, 4))
    page = await inbox.page(f"{cursor.split('.')[0]}.3", None, 9)
    assert (ids(page.items), page.reset) == (["room03"], False)


async def test_our_words_go_likewise_but_not_what_is_still_to_be_sent(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 2))
    await finish(inbox, "room00")
    said, _ = await inbox.outbox.say(order("hello", wall=WALL), NOW)
    spoken, _ = await inbox.outbox.say(order("sent", wall=WALL), NOW)
    await inbox.outbox.sent(spoken, "{}", NOW)
    answer = (await one(inbox, "room00")).outgoing_id
    assert answer
    for days in (0, 1):
        await inbox.tidy(WALL + days * DAY)
    kept = [await inbox.outbox.get(id) for id in (answer, spoken.id, said.id)]
    assert [out and out.body for out in kept] == ["{}", "{}", said.body]
    assert await inbox.outbox.before(order("sent").digest)
    await inbox.tidy(WALL + 31 * DAY)
    assert [await inbox.outbox.get(id) for id in (answer, spoken.id)] == [None, None]
    assert await inbox.outbox.unsent() == [said]
    with pytest.raises(Unknown):
        await inbox.outbox.answer(["room00"], order(), NOW)


async def test_an_answer_is_kept_as_long_as_what_it_answers(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 2))
    await finish(inbox, "room00")
    answer = (await one(inbox, "room00")).outgoing_id
    assert answer
    await inbox.tidy(WALL + 20 * DAY)  # only now it is seen to have ended
    await inbox.tidy(WALL + 31 * DAY)
    assert await inbox.outbox.get(answer)
    await inbox.tidy(WALL + 50 * DAY)
    assert await inbox.get(["room00"]) == []
    assert await inbox.outbox.get(answer) is None


async def test_an_inbox_is_kept_tidy_again_and_again_though_that_may_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "TIDY", 0.01)
    caplog.set_level("INFO")

    async def removed(id: str) -> None:
        while True:
            if await text_of(inbox, id) == tidy.REMOVED:
                return
            await anyio.sleep(0.01)

    with disk_under(folder.parent) as disk, anyio.fail_after(PATIENCE):
        host = await Host.start(folder)
        inbox = host.inbox
        await inbox.put(mentions(0, 2))
        await finish(inbox, "room00", "room01")
        async with anyio.create_task_group() as tasks:
            disk.full = True
            tasks.start_soon(inbox.keep_tidy)
            while True:
                if "not tidied" in caplog.text:
                    break
                await anyio.sleep(0.01)
            disk.full = False
            monkeypatch.setattr(tidy, "TEXTS", 0.0)
            await removed("room00")
            await removed("room01")
            tasks.cancel_scope.cancel()
        await host.die()


async def test_tidying_wakes_nobody(inbox: Inbox) -> None:
    await inbox.put(mentions(0, 2))
    await finish(inbox, "room00")
    rung: list[None] = []
    inbox.listen(lambda: rung.append(None))
    for days in (0, 1, 31):
        assert await inbox.tidy(WALL + days * DAY)
    assert rung == []
    assert await inbox.tidy(WALL + 31 * DAY) == 0


def pages(folder: Path) -> int:
    """How large the file is, or will be once its log is in it."""
    connection = apsw.Connection(str(folder / "inbox.db"))
    number: int = connection.pragma("page_count")
    connection.close()
    return number


async def test_a_file_does_not_grow_by_what_takes_the_place_of_what_has_ended(
    inbox: Inbox, folder: Path
) -> None:
    sizes = []
    for day in range(6):
        long = [m.model_copy(update={"content": "x" * 5000}) for m in mentions(0, 60, f"day{day}")]
        await inbox.put(long)
        await finish(inbox, *(message.id for message in long))
        await inbox.tidy(WALL + day * DAY)
        sizes.append(pages(folder))
    assert sizes[-1] < 3 * sizes[0]
    assert sizes[-1] - sizes[-2] < sizes[0] / 2


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_tidying_costs_little_however_much_there_is(inbox: Inbox) -> None:
    many = 100_000
    for start in range(0, many, 5000):
        some = [mention(f"m{n:06}", f"room{n % 50}", n % 60) for n in range(start, start + 5000)]
        await inbox.put(some)
        await inbox.end([message.id for message in some], "processed", None, NOW)
        await tell_all(inbox)
    took = {}
    for name, after in {"note": 0.0, "nothing": HOUR, "texts": DAY, "rows": 31 * DAY}.items():
        before = time.perf_counter()
        changed = await inbox.tidy(WALL + after)
        took[name] = time.perf_counter() - before
        assert changed >= (0 if name == "nothing" else many - 1)
    print({name: f"{seconds:.3f} s" for name, seconds in took.items()}, f"of {many} rows")
    assert took["nothing"] < 0.5
    assert max(took.values()) < 60
