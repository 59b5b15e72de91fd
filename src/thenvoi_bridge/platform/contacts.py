"""Who knows whom. Requests to become contacts are handled in `contact_requests`."""

from __future__ import annotations

from thenvoi_bridge.contract.contacts import (
    AgentContact,
    Contact,
    ContactRemoved,
    ContactUser,
    ListContacts,
    ListMyContacts,
    RemoveContact,
    RemoveMyContact,
    ResolvedEntity,
    ResolveHandle,
)
from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.platform.contact_records import CONTACTS, drop, drop_all, record, record_of, records
from thenvoi_bridge.platform.contact_requests import cancel_all
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.identity import called
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import window
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.handles import normal_form
from thenvoi_bridge.storage import Row


@handler
def list_contacts(call: ListContacts, me: Principal, tx: Change) -> Page[AgentContact]:
    """An agent's contacts, newest first."""
    rows = records(tx, me.id, *window(call))
    online = _online(tx, rows)
    return Page(data=[_of_agent(row, online) for row in rows], metadata=_info(call, me, tx))


@handler
def list_my_contacts(call: ListMyContacts, me: Principal, tx: Change) -> Page[Contact]:
    """A person's contacts, newest first."""
    rows = records(tx, me.id, *window(call))
    online = _online(tx, rows)
    return Page(data=[_of_person(row, online) for row in rows], metadata=_info(call, me, tx))


@handler
def remove_contact(call: RemoveContact | RemoveMyContact, me: Principal, tx: Change) -> ContactRemoved:
    """Drop a contact of the caller's; the other side keeps its record unless settings say otherwise.

    Raises `NotFound`.
    """
    mine = _mine(call, me, tx)
    if mine is None:
        raise NotFound("Contact not found")
    drop(tx, mine)
    theirs = record_of(tx, mine["contact_id"], me.id)
    if theirs and tx.site.settings.remove_both_sides:
        drop(tx, theirs)
    return ContactRemoved()


@handler
def resolve_handle(call: ResolveHandle, me: Principal, tx: Change) -> ResolvedEntity:
    """Whose handle it is, on the whole platform. Raises `NotFound`."""
    row = called(tx, call.handle)
    if row is None:
        raise NotFound("Nobody has this handle")
    return ResolvedEntity.model_validate(row)


def forget_actor(tx: Change, actor_id: str) -> None:
    """Leave nobody in contact with, or waiting for, somebody who is being deleted. The others are told."""
    cancel_all(tx, actor_id)
    drop_all(tx, actor_id)


def _mine(call: RemoveContact | RemoveMyContact, me: Principal, tx: Change) -> Row | None:
    if call.contact_id:
        return record(tx, me.id, "contacts.id = ?", call.contact_id)
    return record(tx, me.id, "handle = ?", normal_form(call.handle or ""))


def _info(call: ListContacts | ListMyContacts, me: Principal, tx: Change) -> PageInfo:
    total = tx.one(f"SELECT count(*) AS n {CONTACTS}", me.id)
    assert total is not None
    return PageInfo.of(call.page, call.page_size, total["n"])


def _online(tx: Change, rows: list[Row]) -> set[str]:
    return tx.site.presence.online(tx, [row["contact_id"] for row in rows])


def _of_agent(row: Row, online: set[str]) -> AgentContact:
    return AgentContact.model_validate({**row, "online": row["contact_id"] in online})


def _of_person(row: Row, online: set[str]) -> Contact:
    user = ContactUser(id=row["contact_id"], name=row["name"], handle=row["handle"], email=row["email"])
    shown = {"contact_type": row["type"], "user": user, "online": row["contact_id"] in online}
    return Contact.model_validate({**row, **shown})
