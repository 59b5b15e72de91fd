"""Who is a peer of whom, by how the two are related (contract, peers; seed, contacts)."""

from __future__ import annotations

from typing import Literal

from thenvoi_bridge.contract.peers import PeerType

Relation = Literal["owner", "sibling", "own agent", "colleague", "global agent", "contact"]
"""A sibling has the same owner; a colleague is a person of the same organisation."""

Source = Literal["registry", "contact"]

SOURCES: dict[PeerType, dict[Relation, Source]] = {
    "Agent": {"owner": "registry", "sibling": "registry", "global agent": "registry", "contact": "contact"},
    "User": {
        "own agent": "registry",
        "colleague": "registry",
        "global agent": "registry",
        "contact": "contact",
    },
}
"""Kind of the caller -> relation -> where the peer comes from. What is not here makes nobody a peer.

Of somebody who is related in several ways the registry wins.
"""


def related(caller: PeerType, wanted: Source) -> list[Relation]:
    """The relations that make somebody a peer from this source."""
    return [relation for relation, found in SOURCES[caller].items() if found == wanted]
