"""Whom a caller could work with."""

from __future__ import annotations

from typing import LiteralString

from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.contract.peers import ListMyPeers, ListPeers, Peer
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rooms import seat
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.storage import Row, Tx, Value


def is_peer(tx: Tx, me: Principal, id: str) -> bool:
    """Whether the caller may bring this actor into a room."""
    where, args = _peers(me)
    return tx.one(f"SELECT id FROM actors WHERE {where} AND id = ?", *args, id) is not None


@handler
def list_peers(call: ListPeers, me: Principal, tx: Change) -> Page[Peer]:
    """Whom an agent may bring into a room. Raises `NotFound` for a room it is not in."""
    return _page(call, me, tx, None)


@handler
def list_my_peers(call: ListMyPeers, me: Principal, tx: Change) -> Page[Peer]:
    """Whom a person may bring into a room. Raises `NotFound` for a room they are not in."""
    return _page(call, me, tx, call.type)


def _page(call: ListPeers | ListMyPeers, me: Principal, tx: Change, type: str | None) -> Page[Peer]:
    where, args = _peers(me)
    if type:
        where, args = where + " AND type = ?", [*args, type]
    if call.not_in_chat:
        seat(tx, call.not_in_chat, me)
        where += " AND id NOT IN (SELECT actor_id FROM participants WHERE chat_id = ? AND status = 'active')"
        args = [*args, call.not_in_chat]
    # Agents before people: a published client takes the first entry for an agent.
    sql = f"SELECT * FROM actors WHERE {where} ORDER BY type, inserted_at, id LIMIT ? OFFSET ?"
    total = tx.one(f"SELECT count(*) AS n FROM actors WHERE {where}", *args)
    assert total is not None
    return Page(
        data=[_peer(row) for row in tx.all(sql, *args, *window(call))],
        metadata=PageInfo.of(call.page, call.page_size, total["n"]),
    )


def _peers(me: Principal) -> tuple[LiteralString, list[Value]]:
    """The condition that makes an actor a peer of the caller, never the caller itself."""
    if me.type == "Agent":
        where: LiteralString = "(id = ? OR owner_id = ? OR is_global = 1)"
        args: list[Value] = [me.owner_id, me.owner_id]
    else:
        where = "((type = 'User' AND organization_id = ?) OR owner_id = ? OR is_global = 1)"
        args = [me.organization_id, me.id]
    return where + " AND deleted_at IS NULL AND id <> ?", [*args, me.id]


def _peer(row: Row) -> Peer:
    extra = {
        "is_external": True if row["type"] == "Agent" else None,
        "is_contact": False,
        "source": "registry",
    }
    return Peer.model_validate({**row, **extra})
