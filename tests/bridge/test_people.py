"""Whoever is meant is found by id, handle or name, and nobody can take another one's place."""

from dataclasses import dataclass

import pytest

from thenvoi_bridge.bridge.people import NotFoundByName, find


@dataclass(frozen=True)
class Member:
    id: str
    name: str | None = None
    handle: str | None = None


ALICE = Member("id-alice", "Alice Doe", "alice.doe")
SCOUT = Member("id-scout", "Scout", "alice.doe/scout")
ROOM = [ALICE, SCOUT]


@pytest.mark.parametrize(
    "written",
    ["id-scout", "alice.doe/scout", "@alice.doe/scout", "Alice.Doe/SCOUT", "Scout", "@scout", "SCOUT"],
)
def test_an_id_a_handle_and_a_name_all_mean_the_same_one(written: str) -> None:
    assert find(written, ROOM) is SCOUT


def test_letters_beyond_ascii_are_compared_without_regard_to_case() -> None:
    strasse = Member("1", "Straße", "s")
    assert find("STRASSE", [strasse]) is strasse


def test_an_id_is_compared_to_the_letter() -> None:
    with pytest.raises(NotFoundByName):
        find("ID-SCOUT", ROOM)


def test_an_id_wins_over_a_handle_and_a_handle_over_a_name() -> None:
    calls_himself_by_an_id = Member("id-1", "id-alice", "id-alice")
    assert find("id-alice", [calls_himself_by_an_id, ALICE]) is ALICE
    calls_himself_by_a_handle = Member("id-2", "alice.doe", "mallory")
    assert find("@alice.doe", [calls_himself_by_a_handle, ALICE]) is ALICE


def test_of_two_with_one_name_none_is_taken_and_both_handles_are_offered() -> None:
    twins = [Member("1", "Sam", "sam"), Member("2", "sam", "sam.two"), ALICE]
    with pytest.raises(NotFoundByName) as caught:
        find("Sam Doe", twins)
    assert not caught.value.several
    assert find("@sam", twins).id == "1"  # a handle, which is nobody else's
    twins[0] = Member("1", "Sam", "sam.one")
    with pytest.raises(NotFoundByName) as caught:
        find("SAM", twins)
    assert caught.value.several
    assert caught.value.choices == ["@sam.one", "@sam.two"]


def test_where_nobody_answers_everybody_is_offered_by_handle_or_else_by_id() -> None:
    with pytest.raises(NotFoundByName) as caught:
        find("Nemo", [*ROOM, Member("id-3", "No Handle")])
    assert caught.value.written == "Nemo"
    assert not caught.value.several
    assert caught.value.choices == ["@alice.doe", "@alice.doe/scout", "id-3"]


@pytest.mark.parametrize("nothing", ["", "@", " "])
def test_nothing_means_nobody_not_even_one_without_a_name(nothing: str) -> None:
    with pytest.raises(NotFoundByName):
        find(nothing, [Member("id-3"), Member("id-4", "", "")])
