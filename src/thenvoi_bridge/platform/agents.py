"""The agents a person owns."""

from __future__ import annotations

from thenvoi_bridge.contract.agents import (
    AgentPage,
    AgentPageInfo,
    Credentials,
    DeletedAgent,
    DeleteMyAgent,
    ListMyAgents,
    MyAgent,
    RegisteredAgent,
    RegisterMyAgent,
    Registration,
)
from thenvoi_bridge.contract.errors import NotFound, Unprocessable
from thenvoi_bridge.contract.page import PageInfo
from thenvoi_bridge.platform import contacts, memories, participants
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.identity import actor
from thenvoi_bridge.platform.limits import check_quota
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.message_records import delivery_of
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.handles import agent_handle, free_handle
from thenvoi_bridge.storage import Row, Tx


@handler
def list_my_agents(call: ListMyAgents, me: Principal, tx: Change) -> AgentPage:
    """The agents the caller owns, newest first."""
    where = "FROM actors WHERE owner_id = ? AND deleted_at IS NULL"
    rows = tx.all(f"SELECT * {where} ORDER BY inserted_at DESC, id LIMIT ? OFFSET ?", me.id, *window(call))
    total = tx.one(f"SELECT count(*) AS n {where}", me.id)
    assert total is not None
    info = PageInfo.of(call.page, call.page_size, total["n"]).model_dump()
    return AgentPage(
        data=[MyAgent.model_validate({**row, "is_external": True}) for row in rows],
        metadata=AgentPageInfo.model_validate(info),
    )


@handler
def register(call: RegisterMyAgent, me: Principal, tx: Change) -> Registration:
    """Make an agent of the caller's, and its key. Raises `Forbidden` (`limit_reached`)."""
    if limit := tx.site.settings.max_agents:
        sql = "SELECT count(*) AS n FROM actors WHERE owner_id = ? AND deleted_at IS NULL"
        check_quota("agents", limit, tx.one(sql, me.id))
    row = add_agent(tx, actor(tx, me.id), call.name, call.description)
    key = tx.site.keys.issue(tx, tx.now, row["id"], "Agent").key
    return Registration(agent=RegisteredAgent.model_validate(row), credentials=Credentials(api_key=key))


@handler
def delete_my_agent(call: DeleteMyAgent, me: Principal, tx: Change) -> DeletedAgent:
    """Delete an agent of the caller's. What it said stays, and so does its handle, which nobody gets again.

    Raises `NotFound`, and `Unprocessable` (`execution_history_exists`) for one that has worked on messages,
    unless forced.
    """
    sql = "SELECT * FROM actors WHERE id = ? AND owner_id = ? AND deleted_at IS NULL"
    row = tx.one(sql, call.agent_id, me.id)
    if row is None:
        raise NotFound("Agent not found")
    executions = _executions(tx, call.agent_id)
    if executions and not call.force:
        why = {"/force": [f"is needed to delete {executions} attempts at messages, too"]}
        raise Unprocessable("This agent has worked on messages", why, code="execution_history_exists")
    _remove(tx, call.agent_id)
    return DeletedAgent.model_validate({**row, "executions_deleted": executions})


def add_agent(tx: Change, owner: Row, name: str, description: str) -> Row:
    """A new agent of `owner`, the row of a person, with a handle nobody has."""
    handle = free_handle(agent_handle(owner["handle"], name), lambda wanted: handle_taken(tx, wanted))
    row = tx.one(
        "INSERT INTO actors (id, type, organization_id, owner_id, handle, name, description, inserted_at, "
        "updated_at) VALUES (?, 'Agent', ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        tx.new_id(), owner["organization_id"], owner["id"], handle, name, description, tx.now, tx.now,
    )  # fmt: skip
    assert row is not None
    return row


def handle_taken(tx: Tx, handle: str) -> bool:
    """Whether an actor, living or deleted, has this handle."""
    return tx.one("SELECT 1 AS yes FROM actors WHERE handle = ?", handle) is not None


def _executions(tx: Tx, agent_id: str) -> int:
    """How many attempts at messages an agent has made."""
    rows = tx.all("SELECT * FROM deliveries WHERE recipient_id = ? AND attempts <> '[]'", agent_id)
    return sum(len(delivery_of(row).attempts) for row in rows)


def _remove(tx: Change, agent_id: str) -> None:
    """Take an agent out of everything it is part of, and end its keys. What is about it stays."""
    rooms = "FROM chats JOIN participants ON chat_id = chats.id WHERE actor_id = ? AND status = 'active'"
    for chat in tx.all(f"SELECT chats.*, role {rooms}", agent_id):
        participants.leave(tx, chat, agent_id, chat["role"])
        participants.pass_on(tx, chat["id"])
    tx.run("DELETE FROM deliveries WHERE recipient_id = ?", agent_id)
    memories.forget_author(tx, agent_id)
    contacts.forget_actor(tx, agent_id)
    tx.run("UPDATE keys SET revoked_at = ? WHERE actor_id = ? AND revoked_at IS NULL", tx.now, agent_id)
    tx.run("UPDATE actors SET deleted_at = ?, updated_at = ? WHERE id = ?", tx.now, tx.now, agent_id)
