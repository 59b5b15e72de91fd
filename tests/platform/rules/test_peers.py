"""Which relations make somebody a peer: the contract's table, every cell of it."""

from typing import get_args

import pytest

from thenvoi_bridge.contract.peers import PeerType
from thenvoi_bridge.platform.rules.peers import Relation, related

TABLE = {
    "owner": ("registry", None),
    "sibling": ("registry", None),
    "own agent": (None, "registry"),
    "colleague": (None, "registry"),
    "global agent": ("registry", "registry"),
    "contact": ("contact", "contact"),
}
"""Relation -> where an agent's and where a person's peer comes from; None is no peer."""


@pytest.mark.parametrize("nth", [0, 1], ids=["Agent", "User"])
@pytest.mark.parametrize("relation", TABLE)
def test_a_relation_makes_a_peer_from_one_source_or_none(nth: int, relation: Relation) -> None:
    caller: PeerType = ("Agent", "User")[nth]
    found = [source for source in ("registry", "contact") if relation in related(caller, source)]
    assert found == [source for source in (TABLE[relation][nth],) if source]


def test_the_table_has_every_relation() -> None:
    assert TABLE.keys() == set(get_args(Relation))
