"""What is remembered of rooms, and when it is asked anew."""

from collections.abc import Sequence

import pytest

from thenvoi_bridge.bridge.rooms import Rooms, every
from thenvoi_bridge.contract.errors import Unreachable
from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.contract.participants import Participant

SCOUT = Participant(id="1", type="Agent", role="member", status="active", handle="al/scout", name="Scout")


class Asked:
    """Answers who is in a room, and counts."""

    def __init__(self) -> None:
        self.times: list[str] = []

    async def __call__(self, chat_id: str) -> Sequence[Participant]:
        self.times.append(chat_id)
        return [SCOUT]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def rooms(asked: Asked) -> Rooms:
    return Rooms(asked)


def test_titles_are_those_of_the_rooms_one_is_in(rooms: Rooms) -> None:
    rooms.entered("a", "Tea")
    rooms.entered("b", None)
    rooms.entered("a", "Coffee")
    assert rooms.titles == {"a": "Coffee", "b": None}
    rooms.left("a")
    rooms.left("a")
    assert rooms.titles == {"b": None}


async def test_participants_are_asked_for_once(rooms: Rooms, asked: Asked) -> None:
    for _ in range(3):
        assert await rooms.participants("a") == [SCOUT]
    assert asked.times == ["a"]


async def test_participants_are_asked_for_anew_when_they_may_have_changed(rooms: Rooms, asked: Asked) -> None:
    for forget in (rooms.changed, rooms.left):
        await rooms.participants("a")
        forget("a")
    await rooms.participants("b")
    await rooms.participants("a", fresh=True)
    rooms.doubt()
    await rooms.participants("a")
    await rooms.participants("b")
    assert asked.times == ["a", "a", "b", "a", "a", "b"]


async def test_what_could_not_be_asked_is_not_remembered(asked: Asked) -> None:
    answers = iter([Unreachable(), None])

    async def ask(chat_id: str) -> Sequence[Participant]:
        if trouble := next(answers):
            raise trouble
        return await asked(chat_id)

    rooms = Rooms(ask)
    with pytest.raises(Unreachable):
        await rooms.participants("a")
    assert await rooms.participants("a") == [SCOUT]


@pytest.mark.parametrize("total", [0, 1, 2, 3, 7])
async def test_every_item_is_given_page_by_page(total: int) -> None:
    size, pages = 2, []

    async def ask(page: int) -> Page[int]:
        pages.append(page)
        items = list(range(total))[(page - 1) * size : page * size]
        return Page[int](data=items, metadata=PageInfo.of(page, size, total))

    assert [item async for item in every(ask)] == list(range(total))
    assert pages == list(range(1, max(1, -(-total // size)) + 1))
