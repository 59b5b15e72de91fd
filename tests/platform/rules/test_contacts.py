"""What becomes of a contact request, written out once more and independently."""

from itertools import chain, combinations
from typing import get_args

import pytest

from thenvoi_bridge.contract.contacts import Action, RequestStatus
from thenvoi_bridge.contract.errors import Conflict, Forbidden, NotFound
from thenvoi_bridge.platform.rules.contacts import Role, outcome, roles

STATUSES: tuple[RequestStatus, ...] = get_args(RequestStatus)
ACTIONS: tuple[Action, ...] = get_args(Action)
ROLES: tuple[Role, ...] = get_args(Role)

BECOMES: dict[tuple[Role, Action], RequestStatus] = {
    ("recipient", "approve"): "approved",
    ("recipient", "reject"): "rejected",
    ("owner", "approve"): "approved",
    ("owner", "reject"): "rejected",
    ("requester", "cancel"): "cancelled",
}
"""What a pending request becomes; whatever is not here is forbidden."""

ANY_ROLES = [set(some) for some in chain.from_iterable(combinations(ROLES, n) for n in range(4))]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("held", ANY_ROLES, ids=lambda held: "+".join(sorted(held)) or "stranger")
def test_every_action_of_everybody_in_every_status(
    status: RequestStatus, action: Action, held: set[Role]
) -> None:
    ends = {BECOMES[role, action] for role in held if (role, action) in BECOMES}
    if not held:
        with pytest.raises(NotFound):
            outcome(status, action, held)
    elif not ends:
        with pytest.raises(Forbidden, match=f"As .*{max(held)}.* you may not {action} it"):
            outcome(status, action, held)
    elif status != "pending":
        with pytest.raises(Conflict, match=status):
            outcome(status, action, held)
    else:
        assert {outcome(status, action, held)} == ends


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "pending"])
def test_what_has_ended_stays_as_it_is(status: RequestStatus) -> None:
    for action in ACTIONS:
        with pytest.raises(Conflict):
            outcome(status, action, set(ROLES))


@pytest.mark.parametrize(
    ("who", "held"),
    [
        ("alice", {"requester"}),
        ("bob/rover", {"recipient"}),
        ("bob", {"owner"}),
        ("alice/scout", set[Role]()),
        ("mallory", set[Role]()),
    ],
)
def test_a_request_to_an_agent_concerns_its_owner(who: str, held: set[Role]) -> None:
    assert roles(who, "alice", "bob/rover", "bob") == held


def test_a_request_to_a_person_concerns_the_two() -> None:
    assert roles("bob", "alice", "bob", None) == {"recipient"}
    assert roles("alice", "alice", "bob", None) == {"requester"}
    assert roles("mallory", "alice", "bob", None) == set()


def test_who_asks_an_agent_of_their_own_is_on_both_ends() -> None:
    held = roles("alice", "alice", "alice/scout", "alice")
    assert held == {"requester", "owner"}
    assert [outcome("pending", action, held) for action in ACTIONS] == ["approved", "rejected", "cancelled"]
