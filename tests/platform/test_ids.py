"""Ids: UUIDs that sort by the time they were made."""

import time
from uuid import RFC_4122, UUID

import pytest

from thenvoi_bridge.platform import ids
from thenvoi_bridge.platform.ids import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    for id in (new_id() for _ in range(100)):
        known = UUID(id)
        assert (str(known), known.version, known.variant) == (id, 7, RFC_4122)


def test_ids_are_all_different() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_a_later_id_sorts_behind_an_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((0, 999_999, 10**9, 2 * 10**9, 1_800_000_000 * 10**9, 2**48 * 10**6 - 1))
    monkeypatch.setattr(ids, "time_ns", lambda: next(moments))
    made = [new_id() for _ in range(6)]
    assert [UUID(id).int >> 80 for id in made] == [0, 0, 1000, 2000, 1_800_000_000_000, 2**48 - 1]
    assert made[2:] == sorted(made[2:])


def test_an_id_tells_the_millisecond_it_was_made_in() -> None:
    before, made, after = time.time(), UUID(new_id()), time.time()
    assert int(before * 1000) <= made.int >> 80 <= after * 1000
