"""Who knows whom: contacts, and the requests that lead to them (seed, contacts)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Envelope, Handle, Id, Record, Route
from thenvoi_bridge.contract.page import Page, PageNumber, PageSize
from thenvoi_bridge.contract.peers import PeerType

RequestStatus = Literal["pending", "approved", "rejected", "cancelled", "expired"]
SentFilter = Literal["pending", "approved", "rejected", "cancelled", "all"]
Action = Literal["approve", "reject", "cancel"]


class AgentContact(Record):
    """A contact of an agent. `id` is that of the record; the other party is known by its handle."""

    id: str
    handle: str
    name: str | None = None
    type: PeerType
    description: str | None = None
    is_external: bool | None = None
    online: bool | None = None
    inserted_at: str


class ContactUser(Record):
    """The other party of a contact, as its contacts may see it. `email` is for people only."""

    id: str
    name: str
    handle: str | None = None
    email: str | None = None


class Contact(Record):
    """A contact of a person. `id` is that of the record, `contact_id` that of the other party."""

    id: str
    contact_id: str
    contact_type: PeerType
    status: Literal["active"] = "active"
    source: str | None = "request"
    user: ContactUser | None = None
    online: bool | None = None
    inserted_at: str


class Party(Record):
    """One of the two of a request."""

    id: str
    handle: str | None = None
    name: str | None = None


class ContactRequest(Record):
    """A request as people see it."""

    id: str
    requester_id: str
    requester_type: PeerType | None = None
    requester: Party | None = None
    recipient_id: str
    recipient_type: PeerType | None = None
    recipient: Party | None = None
    status: RequestStatus
    message: str | None = None
    responded_at: str | None = None
    inserted_at: str


class ReceivedRequest(Record):
    """A request that waits for an agent's answer."""

    id: str
    from_handle: str | None = None
    from_name: str | None = None
    message: str | None = None
    status: RequestStatus
    inserted_at: str


class SentRequest(Record):
    """A request of an agent's."""

    id: str
    to_handle: str | None = None
    to_name: str | None = None
    message: str | None = None
    status: RequestStatus
    inserted_at: str


class Requests(Record):
    """Both directions."""

    received: list[ReceivedRequest]
    sent: list[SentRequest]


class Totals(Record):
    """How many there are of one direction. `total_pages` of nothing is 1."""

    total: int
    total_pages: int


class RequestsInfo(Record):
    """Pages are of each direction by itself, so a page has up to twice `page_size` items."""

    page: int
    page_size: int
    received: Totals
    sent: Totals


class RequestsPage(Envelope):
    """A page of requests in both directions."""

    data: Requests
    metadata: RequestsInfo


class RequestOutcome(Record):
    """What became of a request. A request to somebody who had asked already is approved at once."""

    id: str
    status: RequestStatus


class ContactRemoved(Record):
    """The contact is no more."""

    status: Literal["removed"] = "removed"


class ResolvedEntity(Record):
    """Whose handle it is."""

    id: str
    type: PeerType
    handle: str | None = None
    name: str | None = None


Note = Field(None, max_length=500, description="A word to go with it.")
ByHandle = Field(None, description="Handle of the other party.")


class ListContacts(Call[Page[AgentContact]]):
    """List my contacts, newest first."""

    route = Route("GET", "/agent/contacts")
    page: PageNumber = 1
    page_size: PageSize = 20


class AddContact(Call[RequestOutcome]):
    """Ask somebody to become a contact of mine. If they had asked me already, we are contacts at once."""

    route = Route("POST", "/agent/contacts/add", status=201, errors=(404, 409))
    handle: Handle
    message: str | None = Note


class RemoveContact(Call[ContactRemoved]):
    """Drop a contact of mine."""

    route = Route("POST", "/agent/contacts/remove", errors=(404,), effect="removes")
    either: ClassVar = ("contact_id", "handle")
    handle: Handle | None = ByHandle
    contact_id: Id | None = Field(None, description="Id of the contact record, from list_contacts.")


class ListContactRequests(Call[RequestsPage]):
    """List contact requests: those that wait for my answer, and those I sent."""

    route = Route("GET", "/agent/contacts/requests")
    page: PageNumber = 1
    page_size: PageSize = 20
    sent_status: SentFilter = Field("pending", description="Which of those I sent.")


class AnswerContactRequest(Call[RequestOutcome]):
    """Approve or reject a request to me, or cancel one of mine."""

    route = Route("POST", "/agent/contacts/requests/respond", errors=(404, 409))
    either: ClassVar = ("request_id", "handle")
    action: Action
    handle: Handle | None = ByHandle
    request_id: Id | None = Field(None, description="Id of the request, from list_contact_requests.")


class ListMyContacts(Call[Page[Contact]]):
    """List my contacts, newest first."""

    route = Route("GET", "/me/contacts")
    page: PageNumber = 1
    page_size: PageSize = 20


class RemoveMyContact(Call[ContactRemoved]):
    """Drop a contact of mine."""

    route = Route(
        "POST",
        "/me/contacts/remove",
        errors=(404,),
        effect="removes",
        also=(Route("DELETE", "/me/contacts/{contact_id}"),),
    )
    either: ClassVar = ("contact_id", "handle")
    handle: Handle | None = ByHandle
    contact_id: Id | None = Field(None, description="Id of the contact record, from list_my_contacts.")


class ResolveHandle(Call[ResolvedEntity]):
    """Find out whose handle it is."""

    route = Route("POST", "/me/contacts/resolve", errors=(404,), repeatable=True, effect="reads")
    handle: Handle


class ListMyContactRequests(Call[Page[ContactRequest]]):
    """List the contact requests that wait for my answer, newest first."""

    route = Route("GET", "/me/contacts/requests", also=(Route("GET", "/me/contacts/requests/received"),))
    page: PageNumber = 1
    page_size: PageSize = 20


class AddMyContact(Call[ContactRequest]):
    """Ask somebody to become a contact of mine. If they had asked me already, we are contacts at once."""

    route = Route("POST", "/me/contacts/requests", wrap="contact_request", status=201, errors=(404, 409))
    recipient_handle: Handle
    message: str | None = Note


class ListMySentRequests(Call[Page[ContactRequest]]):
    """List the contact requests I sent, newest first."""

    route = Route("GET", "/me/contacts/requests/sent")
    status: SentFilter = Field("all", description="Only these.")
    page: PageNumber = 1
    page_size: PageSize = 20


class ApproveMyContact(Call[RequestOutcome]):
    """Approve a contact request to me: we become contacts."""

    route = Route("POST", "/me/contacts/requests/{request_id}/approve", errors=(409,))
    request_id: Id


class RejectMyContact(Call[RequestOutcome]):
    """Reject a contact request to me."""

    route = Route("POST", "/me/contacts/requests/{request_id}/reject", errors=(409,))
    request_id: Id


class CancelMyContact(Call[RequestOutcome]):
    """Take back a contact request of mine."""

    route = Route(
        "DELETE",
        "/me/contacts/requests/{request_id}",
        errors=(409,),
        effect="writes",  # it can be made again
        also=(Route("POST", "/me/contacts/requests/{request_id}/cancel"),),
    )
    request_id: Id
