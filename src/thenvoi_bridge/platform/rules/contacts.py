"""What becomes of a contact request: pending, then whatever ends it, for good."""

from __future__ import annotations

from typing import Literal

from thenvoi_bridge.contract.contacts import Action, RequestStatus
from thenvoi_bridge.contract.errors import Conflict, Forbidden, NotFound

Role = Literal["requester", "recipient", "owner"]
"""What somebody is to a request. `owner`: of the agent it is addressed to."""

NOT_FOUND = "Contact request not found"
"""Said of a missing request and of one between others, so that nobody can tell them apart."""

MAY: dict[Action, frozenset[Role]] = {
    "approve": frozenset({"recipient", "owner"}),
    "reject": frozenset({"recipient", "owner"}),
    "cancel": frozenset({"requester"}),
}
"""Who may do what to a request."""

ENDS: dict[Action, RequestStatus] = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}
"""What a pending request becomes. Every other status is final; `expired` is one that nobody here gives."""


def roles(actor_id: str, requester_id: str, recipient_id: str, recipient_owner_id: str | None) -> set[Role]:
    """What an actor is to a request: nothing, one thing, or two, as when people ask their own agents."""
    held: dict[Role, str | None] = {
        "requester": requester_id,
        "recipient": recipient_id,
        "owner": recipient_owner_id,
    }
    return {role for role, id in held.items() if id == actor_id}


def outcome(status: RequestStatus, action: Action, held: set[Role]) -> RequestStatus:
    """What a request becomes when somebody who holds these roles acts on it.

    Raises `NotFound` for a stranger, `Forbidden` if it is theirs to see but not to do, and `Conflict` if the
    request has ended already.
    """
    if not held:
        raise NotFound(NOT_FOUND)
    if not held & MAY[action]:
        raise Forbidden(f"As {' and '.join(sorted(held))} of this request you may not {action} it")
    if status != "pending":
        raise Conflict(f"This request is {status} already")
    return ENDS[action]
