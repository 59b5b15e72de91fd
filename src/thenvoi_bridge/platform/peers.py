"""Whom a caller could work with."""

from __future__ import annotations

from typing import LiteralString

from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.contract.peers import ListMyPeers, ListPeers, Peer, PeerType
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rooms import seat
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.peers import Relation, Source, related
from thenvoi_bridge.storage import Row, Tx, Value

_RELATED: dict[Relation, LiteralString] = {
    "owner": "id = ?",
    "sibling": "owner_id = ?",
    "own agent": "owner_id = ?",
    "colleague": "(type = 'User' AND organization_id = ?)",
    "global agent": "is_global = ?",
    "contact": "id IN (SELECT contact_id FROM contacts WHERE contacts.owner_id = ?)",
}
"""How a relation to the caller shows in an actor's row; the value comes from `_value`."""


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


def _page(call: ListPeers | ListMyPeers, me: Principal, tx: Change, type: PeerType | None) -> Page[Peer]:
    where, args = _peers(me)
    if type:
        where, args = where + " AND type = ?", [*args, type]
    if call.not_in_chat:
        seat(tx, call.not_in_chat, me)
        where += " AND id NOT IN (SELECT actor_id FROM participants WHERE chat_id = ? AND status = 'active')"
        args = [*args, call.not_in_chat]
    contact, of_contact = _from(me, "contact")
    registry, of_registry = _from(me, "registry")
    # Those of the registry come first, and agents before people: a published client takes the first entry
    # for an agent.
    sql = (
        f"SELECT *, CASE WHEN {contact} THEN 1 ELSE 0 END AS is_contact, "
        f"CASE WHEN {registry} THEN 'registry' ELSE 'contact' END AS source "
        f"FROM actors WHERE {where} ORDER BY source DESC, type, inserted_at, id LIMIT ? OFFSET ?"
    )
    rows = tx.all(sql, *of_contact, *of_registry, *args, *window(call))
    total = tx.one(f"SELECT count(*) AS n FROM actors WHERE {where}", *args)
    assert total is not None
    online = tx.site.presence.online(tx, [row["id"] for row in rows])
    return Page(
        data=[_peer(row, online) for row in rows],
        metadata=PageInfo.of(call.page, call.page_size, total["n"]),
    )


def _peers(me: Principal) -> tuple[LiteralString, list[Value]]:
    """The condition that makes an actor a peer of the caller, never the caller itself."""
    registry, of_registry = _from(me, "registry")
    contact, of_contact = _from(me, "contact")
    where = f"({registry} OR {contact}) AND deleted_at IS NULL AND id <> ?"
    return where, [*of_registry, *of_contact, me.id]


def _from(me: Principal, source: Source) -> tuple[LiteralString, list[Value]]:
    """The condition that makes an actor a peer from this source, as the rules have it."""
    relations = related(me.type, source)
    return f"({' OR '.join(_RELATED[one] for one in relations)})", [_value(me, one) for one in relations]


def _value(me: Principal, relation: Relation) -> Value:
    match relation:
        case "owner" | "sibling":
            return me.owner_id
        case "colleague":
            return me.organization_id
        case "global agent":
            return 1
        case "own agent" | "contact":
            return me.id


def _peer(row: Row, online: set[str]) -> Peer:
    extra = {
        "is_external": True if row["type"] == "Agent" else None,
        "online": row["id"] in online,
    }
    return Peer.model_validate({**row, **extra})
