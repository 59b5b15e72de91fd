"""Whoever asks as he is told sees every item of a list once, however few fit at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.bridge.fitting import SPARE, fitted
from thenvoi_bridge.bridge.mail import as_text


def page_of(items: list[str], page: int, page_size: int, place: str = "metadata") -> dict[str, Any]:
    data = items[(page - 1) * page_size : page * page_size]
    return {"data": data, place: {"page": page, "page_size": page_size}}


@given(
    lengths=st.lists(st.integers(1, 900), max_size=30),
    page_size=st.integers(1, 12),
    budget=st.integers(SPARE + 100, SPARE + 2000),
)
def test_following_what_is_next_shows_everything_once(
    lengths: list[int], page_size: int, budget: int
) -> None:
    items = [f"{nth}{'x' * length}" for nth, length in enumerate(lengths)]
    seen: list[str] = []
    page = 1
    while answer := fitted(page_of(items, page, page_size), budget):
        assert len(as_text(answer)) <= budget or len(answer["data"]) <= 1
        seen += answer["data"]
        following = answer.get("next", {"page": page + 1, "page_size": page_size})
        page, page_size = following["page"], following["page_size"]
        if (page - 1) * page_size >= len(items):
            break
    assert seen == items


@pytest.mark.parametrize(
    "answer", [{"id": "x" * 900}, ["x" * 900], {"data": ["x" * 900], "metadata": {}}, {"data": "x" * 900}]
)
def test_what_is_no_page_of_several_stays_as_it_is(answer: Any) -> None:
    assert fitted(answer, 600) is answer


def test_a_room_that_says_meta_is_cut_like_all_others() -> None:
    cut = fitted(page_of(["x" * 400] * 6, 2, 3, "meta"), SPARE + 600)
    assert (len(cut["data"]), cut["truncated"], cut["next"]) == (1, True, {"page": 5, "page_size": 1})
