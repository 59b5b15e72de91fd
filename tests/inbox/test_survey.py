"""What can be told of rooms without reading a message."""

from collections.abc import Hashable, Mapping
from itertools import pairwise

import pytest

from tests.inbox.conftest import Open
from tests.inbox.hosts import finish, order, tell
from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox.store import Inbox


async def test_unread_is_counted_by_room_where_there_is_any(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", f"room{n % 2}") for n in range(5)])
    await inbox.lease("room0", 1, NOW)
    assert await inbox.unread_by_room() == {"room0": 3, "room1": 2}
    assert sum((await inbox.unread_by_room()).values()) == await inbox.unread()
    for id in ("m1", "m3"):
        await finish(inbox, id)
    assert await inbox.unread_by_room() == {"room0": 3}


async def test_open_ids_are_those_that_begin_so_the_oldest_first(inbox: Inbox) -> None:
    await inbox.put([mention(f"m{n}", f"room{n % 2}", 9 - n) for n in range(4)])
    await inbox.put([mention("x%"), mention("x_")])
    await finish(inbox, "m3")
    assert await inbox.open_ids(None, "m") == ["m2", "m1", "m0"]
    assert await inbox.open_ids("room0", "") == ["m2", "m0"]
    assert await inbox.open_ids(None, "x%") == ["x%"]
    assert await inbox.open_ids("nowhere", "") == []


async def test_a_mark_changes_with_everything_of_its_room_and_with_nothing_else(
    inbox: Inbox, another: Open
) -> None:
    await inbox.board.entered("room", None)
    await inbox.put([mention("m1"), mention("m2", minute=1)])
    other, seen = await another(), list[Mapping[str, Hashable]]()

    async def look() -> None:
        seen.append(await other.marks(("room", "elsewhere")))

    await look()
    await inbox.put([mention("m3", minute=2)])
    await look()
    leased = await inbox.lease("room", 1, NOW)
    await look()
    await inbox.release(leased)
    await look()
    await inbox.end(["m1"], "processed", None, NOW)
    await look()
    await tell(inbox)
    await look()
    await inbox.outbox.answer(["m2"], order(), NOW)
    await look()
    await inbox.board.changed("room")
    await look()
    await inbox.board.entered("room", "Tea")
    await look()
    await inbox.board.left("room")
    await look()
    assert all(before["room"] != after["room"] for before, after in pairwise(seen))
    assert len({marks["elsewhere"] for marks in seen}) == 1
    await inbox.put([mention("m4", "third")])
    await look()
    assert seen[-1] == seen[-2]


@pytest.mark.parametrize("rooms", [(), ("nowhere",)])
async def test_of_no_room_there_is_nothing_to_tell(inbox: Inbox, rooms: tuple[str, ...]) -> None:
    assert [*await inbox.marks(rooms)] == [*rooms]
