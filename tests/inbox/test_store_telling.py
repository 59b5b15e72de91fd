"""What has ended is told to the platform until it knows, by one process at a time."""

import anyio
import pytest

from tests.inbox.conftest import Open, Start
from tests.inbox.hosts import answer, finish, ids, state
from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox.core import TELLING, Item, State
from thenvoi_bridge.inbox.store import Inbox


async def test_an_outcome_is_told_by_whoever_brought_it_about(inbox: Inbox, another: Open) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    await answer(inbox, "m1")
    await inbox.end(["m2"], "failed", "no idea", NOW)
    other = await another()
    assert await other.to_tell(NOW + TELLING - 1) == []
    items = await inbox.to_tell(NOW)
    assert [(item.id, item.outcome, item.error) for item in items] == [
        ("m1", "processed", None),
        ("m2", "failed", "no idea"),
    ]
    assert [(await inbox.told(item)).state for item in items] == [State.DONE, State.DEAD]
    assert await inbox.to_tell(NOW) == []


async def test_an_outcome_that_is_not_told_is_told_again(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    await answer(inbox, "m1")
    for _ in range(3):
        assert ids(await inbox.to_tell(NOW)) == ["m1"]


async def test_another_process_takes_on_what_takes_too_long_and_the_first_one_is_late(
    inbox: Inbox, another: Open
) -> None:
    await inbox.put([mention("m1")])
    await answer(inbox, "m1")
    (late,) = await inbox.to_tell(NOW)
    other = await another()
    assert await other.to_tell(NOW + TELLING - 1) == []
    (theirs,) = await other.to_tell(NOW + TELLING)
    assert await inbox.to_tell(NOW + TELLING) == []
    assert (await inbox.told(late)).state is State.ACKING
    assert (await other.told(theirs)).state is State.DONE
    assert (await inbox.told(late)).state is State.DONE


async def test_another_process_takes_on_what_a_dead_one_was_telling_at_once(
    inbox: Inbox, start: Start
) -> None:
    await inbox.put([mention("m1")])
    dying = await start()
    await answer(dying.inbox, "m1")
    await dying.inbox.to_tell(NOW)
    assert await inbox.to_tell(NOW) == []
    await dying.die()
    assert ids(await inbox.to_tell(NOW)) == ["m1"]


@pytest.mark.parametrize("many", [1, 9])
async def test_of_all_who_look_at_the_same_time_one_tells(inbox: Inbox, another: Open, many: int) -> None:
    everybody = [inbox, *[await another() for _ in range(3)]]
    which = [f"m{n}" for n in range(many)]
    await inbox.put([mention(id) for id in which])
    await finish(inbox, *which)
    await inbox.note_listed([mention(id) for id in which])  # so that it is nobody's to tell
    taken: list[list[Item]] = []

    async def look(who: Inbox) -> None:
        taken.append(await who.to_tell(NOW))

    async with anyio.create_task_group() as tasks:
        for who in everybody:
            tasks.start_soon(look, who)
    assert sorted(ids(item for items in taken for item in items)) == which


async def test_saying_twice_that_it_was_told_is_harmless(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    await answer(inbox, "m1")
    (item,) = await inbox.to_tell(NOW)
    for _ in range(2):
        assert (await inbox.told(item)).state is State.DONE


async def test_what_was_told_before_the_platform_said_otherwise_is_told_again(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    await answer(inbox, "m1")
    (item,) = await inbox.to_tell(NOW)
    await inbox.told(item)
    await inbox.note_listed([mention("m1")])
    assert (await inbox.told(item)).state is State.ACKING
    (again,) = await inbox.to_tell(NOW)
    assert again.attempt is None
    assert (await inbox.told(again)).state is State.DONE


async def test_what_the_platform_was_told_survives_the_process(start: Start) -> None:
    host = await start()
    await host.inbox.put([mention("m1"), mention("m2", "other")])
    await finish(host.inbox, "m1")
    await answer(host.inbox, "m2")
    await host.die()
    again = await start()
    assert ids(await again.inbox.to_tell(NOW)) == ["m2"]
    assert await state(again.inbox, "m1") == State.DONE


async def test_nobody_tells_of_what_has_not_ended(inbox: Inbox) -> None:
    await inbox.put([mention("m1")])
    (item,) = await inbox.lease(None, 1, NOW)
    assert await inbox.to_tell(NOW) == []
    assert (await inbox.told(item)) == item
