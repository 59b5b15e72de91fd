"""The agents a person owns."""

from __future__ import annotations

from thenvoi_bridge.contract.agents import (
    Credentials,
    ListMyAgents,
    MyAgent,
    RegisteredAgent,
    RegisterMyAgent,
    Registration,
)
from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.platform.auth import Keys
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.handles import agent_handle, free_handle
from thenvoi_bridge.storage import Row, Tx


@handler
def list_my_agents(call: ListMyAgents, me: Principal, tx: Change) -> Page[MyAgent]:
    """The agents the caller owns, newest first."""
    where = "FROM actors WHERE owner_id = ? AND deleted_at IS NULL"
    rows = tx.all(f"SELECT * {where} ORDER BY inserted_at DESC, id LIMIT ? OFFSET ?", me.id, *window(call))
    total = tx.one(f"SELECT count(*) AS n {where}", me.id)
    assert total is not None
    return Page(
        data=[MyAgent.model_validate({**row, "is_external": True}) for row in rows],
        metadata=PageInfo.of(call.page, call.page_size, total["n"]),
    )


def register(keys: Keys, call: RegisterMyAgent, me: Principal, tx: Change) -> Registration:
    """Make an agent of the caller's, and its key."""
    row = add_agent(tx, me, call.name, call.description)
    return Registration(
        agent=RegisteredAgent.model_validate(row),
        credentials=Credentials(api_key=keys.issue(tx, row["id"], "Agent")),
    )


def add_agent(tx: Change, owner: Principal, name: str, description: str) -> Row:
    """A new agent of `owner`, with a handle nobody has."""
    handle = free_handle(agent_handle(owner.handle, name), lambda wanted: handle_taken(tx, wanted))
    row = tx.one(
        "INSERT INTO actors (id, type, organization_id, owner_id, handle, name, description, inserted_at, "
        "updated_at) VALUES (?, 'Agent', ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        tx.new_id(), owner.organization_id, owner.id, handle, name, description, tx.now, tx.now,
    )  # fmt: skip
    assert row is not None
    return row


def handle_taken(tx: Tx, handle: str) -> bool:
    """Whether an actor, living or deleted, has this handle."""
    return tx.one("SELECT 1 AS yes FROM actors WHERE handle = ?", handle) is not None
