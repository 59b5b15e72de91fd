"""Requests to become contacts: asking, answering, taking back."""

from __future__ import annotations

from typing import Any, LiteralString

from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.contacts import (
    Action,
    AddContact,
    AddMyContact,
    AnswerContactRequest,
    ApproveMyContact,
    CancelMyContact,
    ContactRequest,
    ListContactRequests,
    ListMyContactRequests,
    ListMySentRequests,
    Party,
    ReceivedRequest,
    RejectMyContact,
    RequestOutcome,
    Requests,
    RequestsInfo,
    RequestsPage,
    RequestStatus,
    SentFilter,
    SentRequest,
    Totals,
)
from thenvoi_bridge.contract.errors import BadRequest, Conflict, NotFound, Unprocessable
from thenvoi_bridge.contract.feed import (
    ContactRequestReceived,
    ContactRequestUpdated,
    MyContactRequestReceived,
)
from thenvoi_bridge.contract.page import Page, PageInfo
from thenvoi_bridge.platform.contact_records import connect, contacts_topic, record_of
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.identity import called
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.paging import Paged, window
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.contacts import NOT_FOUND, outcome, roles
from thenvoi_bridge.storage import Row, Tx, Value

_REQUESTS: LiteralString = (
    "SELECT contact_requests.*, requester.type AS requester_type, requester.handle AS requester_handle, "
    "requester.name AS requester_name, recipient.type AS recipient_type, "
    "recipient.handle AS recipient_handle, recipient.name AS recipient_name, "
    "recipient.owner_id AS recipient_owner_id FROM contact_requests "
    "JOIN actors AS requester ON requester.id = requester_id "
    "JOIN actors AS recipient ON recipient.id = recipient_id"
)
_WAITING: LiteralString = "recipient_id = ? AND status = 'pending'"

_ACTIONS: dict[type[Call[Any]], Action] = {
    ApproveMyContact: "approve",
    RejectMyContact: "reject",
    CancelMyContact: "cancel",
}


@handler
def add_contact(call: AddContact, me: Principal, tx: Change) -> RequestOutcome:
    """Ask for an agent. Raises `NotFound`, `Conflict`, and `BadRequest` for itself."""
    recipient_id = _recipient(tx, call.handle)
    if recipient_id == me.id:
        raise BadRequest("You cannot be a contact of your own")
    request = _ask(tx, me, recipient_id, call.message)
    return RequestOutcome(id=request["id"], status=request["status"])


@handler
def add_my_contact(call: AddMyContact, me: Principal, tx: Change) -> ContactRequest:
    """Ask for a person. Raises `NotFound`, `Conflict`, and `Unprocessable` for oneself."""
    recipient_id = _recipient(tx, call.recipient_handle)
    if recipient_id == me.id:
        details = {"/contact_request/recipient_handle": ["is your own"]}
        raise Unprocessable("You cannot be a contact of your own", details)
    return _shown(_ask(tx, me, recipient_id, call.message))


@handler
def list_contact_requests(call: ListContactRequests, me: Principal, tx: Change) -> RequestsPage:
    """What waits for an agent's answer and what it sent, each paged by itself, newest first."""
    received, waiting = _page(tx, call, _WAITING, me.id)
    sent, asked = _page(tx, call, *_sent_by(me, call.sent_status))
    return RequestsPage(
        data=Requests(
            received=[ReceivedRequest.model_validate(_flat(row)) for row in received],
            sent=[_sent(row) for row in sent],
        ),
        metadata=RequestsInfo(
            page=call.page,
            page_size=call.page_size,
            received=Totals(total=waiting.total_count, total_pages=waiting.total_pages),
            sent=Totals(total=asked.total_count, total_pages=asked.total_pages),
        ),
    )


@handler
def list_my_contact_requests(call: ListMyContactRequests, me: Principal, tx: Change) -> Page[ContactRequest]:
    """What waits for a person's answer, newest first."""
    rows, info = _page(tx, call, _WAITING, me.id)
    return Page(data=[_shown(row) for row in rows], metadata=info)


@handler
def list_my_sent_requests(call: ListMySentRequests, me: Principal, tx: Change) -> Page[ContactRequest]:
    """What a person sent, newest first."""
    rows, info = _page(tx, call, *_sent_by(me, call.status))
    return Page(data=[_shown(row) for row in rows], metadata=info)


@handler
def answer_contact_request(call: AnswerContactRequest, me: Principal, tx: Change) -> RequestOutcome:
    """Approve, reject or cancel for an agent. Raises `NotFound`, `Forbidden`, `Conflict`."""
    if call.request_id:
        return _act(tx, me, call.action, _request(tx, call.request_id))
    other = called(tx, call.handle or "")
    if other is None:
        raise NotFound(NOT_FOUND)
    pair = (me.id, other["id"]) if call.action == "cancel" else (other["id"], me.id)
    return _act(tx, me, call.action, _latest(tx, *pair))


@handler
def answer_my_contact_request(
    call: ApproveMyContact | RejectMyContact | CancelMyContact, me: Principal, tx: Change
) -> RequestOutcome:
    """The same for a person, also where one of their agents was asked."""
    return _act(tx, me, _ACTIONS[type(call)], _request(tx, call.request_id))


def cancel_all(tx: Change, actor_id: str) -> None:
    """Take back what waits for somebody's answer and what they asked; both parties are told."""
    sql = f"{_REQUESTS} WHERE status = 'pending' AND (requester_id = ? OR recipient_id = ?)"
    for request in tx.all(sql, actor_id, actor_id):
        _end(tx, request, "cancelled")


def _recipient(tx: Tx, handle: str) -> str:
    row = called(tx, handle)
    if row is None:
        raise NotFound("Nobody has this handle")
    return str(row["id"])


def _ask(tx: Change, me: Principal, recipient_id: str, message: str | None) -> Row:
    """The caller's new request; or the recipient's own, approved, if they had asked first.

    Raises `Conflict` for a contact, and where a request of the caller's is pending.
    """
    theirs = _latest(tx, recipient_id, me.id)
    if theirs and theirs["status"] == "pending":
        _end(tx, theirs, "approved")
        return _known(tx, theirs["id"])
    if record_of(tx, me.id, recipient_id):
        raise Conflict("You are contacts already")
    new = tx.one(
        "INSERT INTO contact_requests (id, requester_id, recipient_id, status, message, inserted_at) "
        "VALUES (?, ?, ?, 'pending', ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        tx.new_id(), me.id, recipient_id, message, tx.now,
    )  # fmt: skip
    if new is None:
        raise Conflict("A request is pending already")
    request = _known(tx, new["id"])
    _tell_recipient(tx, request)
    return request


def _act(tx: Change, me: Principal, action: Action, request: Row | None) -> RequestOutcome:
    if request is None:
        raise NotFound(NOT_FOUND)
    held = roles(me.id, request["requester_id"], request["recipient_id"], request["recipient_owner_id"])
    return _end(tx, request, outcome(request["status"], action, held))


def _end(tx: Change, request: Row, status: RequestStatus) -> RequestOutcome:
    """Give a pending request its last status, tell both parties, and connect them if it was approved."""
    answered = None if status == "cancelled" else tx.now
    sql = "UPDATE contact_requests SET status = ?, responded_at = ? WHERE id = ?"
    tx.run(sql, status, answered, request["id"])
    told = ContactRequestUpdated(id=request["id"], status=status)
    for side in ("requester", "recipient"):
        tx.tell(contacts_topic(request[f"{side}_type"], request[f"{side}_id"]), told)
    if status == "approved":
        connect(tx, request["requester_id"], request["recipient_id"])
    return RequestOutcome(id=request["id"], status=status)


def _tell_recipient(tx: Change, request: Row) -> None:
    """Agents are told flat, people of the requester as a party of its own."""
    topic = contacts_topic(request["recipient_type"], request["recipient_id"])
    if request["recipient_type"] == "Agent":
        tx.tell(topic, ContactRequestReceived.model_validate(_flat(request)))
    else:
        told = {**request, "requester": _party(request, "requester")}
        tx.tell(topic, MyContactRequestReceived.model_validate(told))


def _request(tx: Tx, id: str) -> Row | None:
    return tx.one(f"{_REQUESTS} WHERE contact_requests.id = ?", id)


def _known(tx: Tx, id: str) -> Row:
    row = _request(tx, id)
    assert row is not None
    return row


def _latest(tx: Tx, requester_id: str, recipient_id: str) -> Row | None:
    """The pending request of one to the other, else the newest."""
    sql: LiteralString = (
        f"{_REQUESTS} WHERE requester_id = ? AND recipient_id = ? "
        "ORDER BY CASE status WHEN 'pending' THEN 0 ELSE 1 END, contact_requests.inserted_at DESC LIMIT 1"
    )
    return tx.one(sql, requester_id, recipient_id)


def _sent_by(me: Principal, status: SentFilter) -> tuple[LiteralString, *tuple[Value, ...]]:
    """The condition and its values for the requests of the caller."""
    if status == "all":
        return "requester_id = ?", me.id
    return "requester_id = ? AND status = ?", me.id, status


def _page(tx: Tx, call: Paged, where: LiteralString, *args: Value) -> tuple[list[Row], PageInfo]:
    newest_first = "ORDER BY contact_requests.inserted_at DESC, contact_requests.id LIMIT ? OFFSET ?"
    rows = tx.all(f"{_REQUESTS} WHERE {where} {newest_first}", *args, *window(call))
    total = tx.one(f"SELECT count(*) AS n FROM contact_requests WHERE {where}", *args)
    assert total is not None
    return rows, PageInfo.of(call.page, call.page_size, total["n"])


def _flat(row: Row) -> Row:
    """A request as the agent it waits for is told of it."""
    return {**row, "from_handle": row["requester_handle"], "from_name": row["requester_name"]}


def _sent(row: Row) -> SentRequest:
    who = {"to_handle": row["recipient_handle"], "to_name": row["recipient_name"]}
    return SentRequest.model_validate({**row, **who})


def _shown(row: Row) -> ContactRequest:
    parties = {side: _party(row, side) for side in ("requester", "recipient")}
    return ContactRequest.model_validate({**row, **parties})


def _party(row: Row, side: str) -> Party:
    return Party(id=row[f"{side}_id"], handle=row[f"{side}_handle"], name=row[f"{side}_name"])
