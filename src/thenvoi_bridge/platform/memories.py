"""What agents remember: storing, finding, and putting away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import LiteralString

from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.memories import (
    MOST,
    ArchiveMemory,
    ArchiveMyMemory,
    DeleteMyMemory,
    GetMemory,
    GetMyMemory,
    ListMemories,
    ListMyMemories,
    MemoryInfo,
    MemoryList,
    RestoreMyMemory,
    StoreMemory,
    SupersedeMemory,
    SupersedeMyMemory,
    UserMemory,
    UserMemoryList,
)
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.messages import check_size
from thenvoi_bridge.platform.rooms import role_of
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.memories import (
    Order,
    Ties,
    after,
    check_change,
    check_subject,
    check_type,
    folded,
    may_see,
    words,
)
from thenvoi_bridge.storage import Row, Tx, Value

Condition = tuple[LiteralString, Sequence[Value]]
"""What memories must be like: SQL, and the values of its placeholders."""


@handler
def store_memory(call: StoreMemory, me: Principal, tx: Change) -> UserMemory:
    """Remember something for the agent's organisation. Raises `Unprocessable`.

    A subject is not looked up, which would tell who exists elsewhere; but the agent's own rooms are known.
    """
    check_type(call.system, call.type)
    check_subject(call.scope, call.subject_id)
    check_size(tx, call.content, "/memory/content")
    check_size(tx, call.thought, "/memory/thought")
    is_room = call.subject_id is not None and role_of(tx, call.subject_id, me.id) is not None
    row = tx.one(
        "INSERT INTO memories (id, organization_id, source_agent_id, subject_id, chat_id, system, type, "
        "segment, scope, status, content, content_folded, thought, metadata, inserted_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, ?, ?) RETURNING *",
        tx.new_id(), me.organization_id, me.id, call.subject_id, call.subject_id if is_room else None,
        call.system, call.type, call.segment, call.scope, call.content, folded(call.content), call.thought,
        None if call.metadata is None else json.dumps(call.metadata, ensure_ascii=False), tx.now, tx.now,
    )  # fmt: skip
    assert row is not None
    return _shown(row)


@handler
def list_memories(call: ListMemories, me: Principal, tx: Change) -> MemoryList:
    """What the agent's organisation remembers, newest first."""
    data, meta = _found(tx, call, me, _agents_slice(call, me))
    return MemoryList(data=[*data], meta=meta)


@handler
def list_my_memories(call: ListMyMemories, me: Principal, tx: Change) -> UserMemoryList:
    """What agents of their organisation remember that concerns a person, newest first."""
    data, meta = _found(tx, call, me, _persons_slice(call, me))
    return UserMemoryList(data=data, meta=meta)


@handler
def get_memory(call: GetMemory | GetMyMemory, me: Principal, tx: Change) -> UserMemory:
    """One memory. Raises `NotFound`."""
    return _shown(_visible(tx, call.memory_id, me))


@handler
def supersede_memory(call: SupersedeMemory | SupersedeMyMemory, me: Principal, tx: Change) -> UserMemory:
    """Mark a memory as no longer true. Raises `NotFound`, `Forbidden`."""
    return _order(tx, call.memory_id, me, "supersede")


@handler
def archive_memory(call: ArchiveMemory | ArchiveMyMemory, me: Principal, tx: Change) -> UserMemory:
    """Put a memory away. Raises `NotFound`, `Forbidden`."""
    return _order(tx, call.memory_id, me, "archive")


@handler
def restore_my_memory(call: RestoreMyMemory, me: Principal, tx: Change) -> UserMemory:
    """Bring an archived memory back. Raises `NotFound`, `Forbidden`, and `Unprocessable` for any other."""
    return _order(tx, call.memory_id, me, "restore")


@handler
def delete_my_memory(call: DeleteMyMemory, me: Principal, tx: Change) -> None:
    """Delete a memory for good. Raises `NotFound`, `Forbidden`."""
    row = _changeable(tx, call.memory_id, me)
    tx.run("DELETE FROM memories WHERE id = ?", row["id"])


def forget_author(tx: Tx, agent_id: str) -> None:
    """Delete all that an agent remembered; what others remember of it stays."""
    tx.run("DELETE FROM memories WHERE source_agent_id = ?", agent_id)


def _order(tx: Change, memory_id: str, me: Principal, order: Order) -> UserMemory:
    row = _changeable(tx, memory_id, me)
    status = after(row["status"], order)
    if status == row["status"]:
        return _shown(row)
    tx.run("UPDATE memories SET status = ?, updated_at = ? WHERE id = ?", status, tx.now, memory_id)
    return _shown({**row, "status": status, "updated_at": tx.now})


def _changeable(tx: Tx, memory_id: str, me: Principal) -> Row:
    row = _visible(tx, memory_id, me)
    check_change(me, _ties(row))
    return row


def _visible(tx: Tx, memory_id: str, me: Principal) -> Row:
    """The row of a memory. Raises `NotFound` alike for a missing one and for one that is not the caller's."""
    row = tx.one("SELECT * FROM memories WHERE id = ?", memory_id)
    if row is None or not may_see(me, _ties(row), in_room=_in_room(tx, row, me)):
        raise NotFound("Memory not found")
    return row


def _in_room(tx: Tx, row: Row, me: Principal) -> bool:
    return row["chat_id"] is not None and role_of(tx, row["chat_id"], me.id) is not None


def _ties(row: Row) -> Ties:
    return Ties(row["organization_id"], row["source_agent_id"], row["subject_id"], row["scope"])


def _shown(row: Row) -> UserMemory:
    """A memory as people see it; answers to agents have no room in their type, and so leave it out."""
    metadata = json.loads(row["metadata"]) if row["metadata"] else None
    return UserMemory.model_validate({**row, "metadata": metadata, "chat_room_id": row["chat_id"]})


def _found(
    tx: Tx, call: ListMemories | ListMyMemories, me: Principal, asked: list[Condition]
) -> tuple[list[UserMemory], MemoryInfo]:
    conditions = _filters(call, me) + asked
    where: LiteralString = " AND ".join(f"({sql})" for sql, _ in conditions)
    args = [value for _, values in conditions for value in values]
    size = min(max(call.page_size, 1), MOST)  # described, not enforced
    sql: LiteralString = f"SELECT * FROM memories WHERE {where} ORDER BY inserted_at DESC, id LIMIT ?"
    rows = tx.all(sql, *args, size)
    total = tx.one(f"SELECT count(*) AS n FROM memories WHERE {where}", *args)
    assert total is not None
    return [_shown(row) for row in rows], MemoryInfo(page_size=len(rows), total_count=total["n"])


def _filters(call: ListMemories | ListMyMemories, me: Principal) -> list[Condition]:
    """What both lists ask for, and the organisation, which nothing gets past."""
    equal: list[tuple[LiteralString, str | None]] = [
        ("organization_id = ?", me.organization_id),
        ("system = ?", call.system),
        ("type = ?", call.type),
        ("segment = ?", call.segment),
        ("status = ?", None if call.status == "all" else call.status),
    ]
    given: list[Condition] = [(sql, [value]) for sql, value in equal if value is not None]
    return given + [_containing(word) for word in words(call.content_query or "")]


def _containing(word: str) -> Condition:
    for wildcard in "!%_":
        word = word.replace(wildcard, f"!{wildcard}")
    return "content_folded LIKE ? ESCAPE '!'", [f"%{word}%"]


def _agents_slice(call: ListMemories, me: Principal) -> list[Condition]:
    if call.scope is None:
        return [("scope = 'organization' OR subject_id = ?", [call.subject_id])]  # nothing equals NULL
    scope: list[Condition] = [] if call.scope == "all" else [("scope = ?", [call.scope])]
    if call.subject_id is not None:
        return [*scope, ("subject_id = ?", [call.subject_id])]
    if call.scope == "subject":
        return [*scope, ("source_agent_id = ? OR subject_id = ?", [me.id, me.id])]
    return scope


_IN_ROOM: LiteralString = (
    "chat_id IN (SELECT chat_id FROM participants WHERE actor_id = ? AND status = 'active')"
)


def _persons_slice(call: ListMyMemories, me: Principal) -> list[Condition]:
    slices: dict[str | None, Condition] = {
        "about_me": ("subject_id = ?", [me.id]),
        "organization": ("scope = 'organization'", []),
        "room": (_IN_ROOM, [me.id]),
    }
    every: LiteralString = f"subject_id = ? OR scope = 'organization' OR {_IN_ROOM}"
    concerned = slices.get(call.scope, (every, [me.id, me.id]))
    if call.chat_room_id is None:
        return [concerned]
    return [concerned, (f"chat_id = ? AND {_IN_ROOM}", [call.chat_room_id, me.id])]
