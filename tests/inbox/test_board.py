"""What one process of an identity says to the others, on a real file."""

from typing import Any

import pytest

from tests.inbox.conftest import Open, Start
from thenvoi_bridge.inbox.board import Board
from thenvoi_bridge.inbox.store import Inbox


@pytest.fixture
def board(inbox: Inbox) -> Board:
    return inbox.board


@pytest.fixture
async def others(another: Open) -> Board:
    """The same board, as another process sees it."""
    return (await another()).board


async def test_nothing_is_said_before_somebody_says_it(board: Board) -> None:
    assert await board.posted() == {}
    assert await board.identity() == {}
    assert await board.keys_honoured() is None
    assert await board.rooms() == {}


async def test_how_receiving_goes_is_known_to_all_until_something_else_is_said(
    board: Board, others: Board
) -> None:
    for said in ({"word": "live", "since": 1.5, "reason": None, "behind": False}, {"word": "lost"}):
        await board.post(said)
        assert await others.posted() == said


async def test_whose_inbox_it_is_is_known_to_all(board: Board, others: Board) -> None:
    await board.introduce({"id": "a1", "name": "Ännchen", "handle": None})
    assert await others.identity() == {"id": "a1", "name": "Ännchen", "handle": None}


async def test_whether_keys_are_honoured_is_known_to_all_and_can_change(board: Board, others: Board) -> None:
    for honoured in (True, False, True):
        await board.note_keys(honoured)
        assert await others.keys_honoured() is honoured


async def test_what_was_said_survives_the_process(start: Start) -> None:
    host = await start()
    await host.inbox.board.post({"word": "live"})
    await host.inbox.board.note_keys(False)
    await host.inbox.board.entered("room", "Tea")
    await host.die()
    board = (await start()).inbox.board
    assert await board.posted() == {"word": "live"}
    assert await board.keys_honoured() is False
    assert await board.rooms() == {"room": ("Tea", 0)}


async def test_rooms_are_known_to_all_from_entering_to_leaving(board: Board, others: Board) -> None:
    await board.entered("tea", "Tea")
    await board.entered("coffee", None)
    assert await others.rooms() == {"coffee": (None, 0), "tea": ("Tea", 0)}
    await board.left("coffee")
    await board.left("nowhere")
    assert await others.rooms() == {"tea": ("Tea", 0)}


async def test_a_rooms_version_grows_whenever_its_participants_may_have_changed(
    board: Board, others: Board
) -> None:
    await board.entered("tea", "Tea")
    await board.entered("coffee", "Coffee")
    await board.changed("tea")
    await board.changed("nowhere")
    assert await others.rooms() == {"coffee": ("Coffee", 0), "tea": ("Tea", 1)}
    await board.changed()
    assert await others.rooms() == {"coffee": ("Coffee", 1), "tea": ("Tea", 2)}


async def test_a_new_title_is_no_change_of_participants(board: Board, others: Board) -> None:
    await board.entered("tea", "Tea")
    await board.changed("tea")
    for title in ("Green tea", None, "Tea"):
        await board.entered("tea", title)
        assert await others.rooms() == {"tea": (title, 1)}


async def test_a_room_that_was_left_and_entered_again_has_a_version_that_it_never_had(board: Board) -> None:
    await board.entered("tea", "Tea")
    await board.changed("tea")
    versions = {(await board.rooms())["tea"][1]}
    await board.left("tea")
    await board.entered("tea", "Tea")
    for _ in range(3):
        version = (await board.rooms())["tea"][1]
        assert version not in versions
        versions.add(version)
        await board.changed("tea")


async def test_the_bell_rings_for_news_and_for_nothing_else(inbox: Inbox) -> None:
    board = inbox.board
    news: list[Any] = [
        lambda: board.post({"word": "live"}),
        lambda: board.introduce({"id": "a1"}),
        lambda: board.note_keys(True),
        lambda: board.entered("tea", "Tea"),
        lambda: board.entered("tea", None),
    ]
    rings: list[None] = []
    inbox.listen(lambda: rings.append(None))
    for nth, say in enumerate(news, start=1):
        await say()
        await say()
        assert len(rings) == nth
    await board.changed("nowhere")
    await board.left("nowhere")
    assert len(rings) == len(news)
    await board.changed()
    await board.left("tea")
    await board.left("tea")
    assert len(rings) == len(news) + 2
