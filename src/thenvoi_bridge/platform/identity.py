"""Who the caller is."""

from __future__ import annotations

from thenvoi_bridge.contract.identity import AgentMe, GetMe, GetMyProfile, UserDetails
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.storage import Row, Tx


def actor(tx: Tx, id: str) -> Row:
    """The row of an actor that is known to exist."""
    row = tx.one("SELECT * FROM actors WHERE id = ?", id)
    assert row is not None
    return row


@handler
def get_me(_: GetMe, me: Principal, tx: Change) -> AgentMe:
    """The calling agent."""
    row = actor(tx, me.id)
    return AgentMe.model_validate({**row, "owner_uuid": row["owner_id"]})


@handler
def get_my_profile(_: GetMyProfile, me: Principal, tx: Change) -> UserDetails:
    """The calling person."""
    return UserDetails.model_validate(actor(tx, me.id))
