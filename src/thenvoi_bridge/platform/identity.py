"""Who the caller is."""

from __future__ import annotations

from thenvoi_bridge.contract.identity import AgentMe, GetMe, GetMyProfile, UpdateMyProfile, UserDetails
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.handles import normal_form
from thenvoi_bridge.storage import Row, Tx


def actor(tx: Tx, id: str) -> Row:
    """The row of an actor that is known to exist."""
    row = tx.one("SELECT * FROM actors WHERE id = ?", id)
    assert row is not None
    return row


def called(tx: Tx, handle: str) -> Row | None:
    """The row of the living actor whose handle this is, however it is written."""
    return tx.one("SELECT * FROM actors WHERE handle = ? AND deleted_at IS NULL", normal_form(handle))


@handler
def get_me(_: GetMe, me: Principal, tx: Change) -> AgentMe:
    """The calling agent."""
    row = actor(tx, me.id)
    return AgentMe.model_validate({**row, "owner_uuid": row["owner_id"], "feature_flags": {}})


@handler
def get_my_profile(_: GetMyProfile, me: Principal, tx: Change) -> UserDetails:
    """The calling person."""
    return UserDetails.model_validate(actor(tx, me.id))


@handler
def update_my_profile(call: UpdateMyProfile, me: Principal, tx: Change) -> UserDetails:
    """Change the caller's name; messages sent before keep the old one."""
    row = actor(tx, me.id)
    first, last = call.first_name or row["first_name"], call.last_name or row["last_name"]
    name = " ".join(part for part in (first, last) if part)
    sql = "UPDATE actors SET first_name = ?, last_name = ?, name = ?, updated_at = ? WHERE id = ?"
    tx.run(sql, first, last, name or row["name"], tx.now, me.id)
    return UserDetails.model_validate(actor(tx, me.id))
