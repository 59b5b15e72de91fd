"""What a host can read without calling a tool. Reading changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import mcp_types as types
from pydantic import BaseModel, ConfigDict, Field

from thenvoi_bridge import __version__
from thenvoi_bridge.bridge import mail
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.untrusted import all_visible
from thenvoi_bridge.contract.call import Id

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

INBOX, STATUS = "thenvoi://inbox", "thenvoi://status"

LISTED = [
    types.Resource(
        uri=INBOX,
        name="inbox",
        title="Open mentions",
        description="Messages that mention me and wait for an answer, oldest first.",
        mime_type="application/json",
        annotations=types.Annotations(audience=["assistant"], priority=1.0),
    ),
    types.Resource(
        uri=STATUS,
        name="status",
        title="Connection",
        description="Who I am, which platform this is, and whether messages arrive.",
        mime_type="application/json",
        annotations=types.Annotations(audience=["user", "assistant"], priority=0.5),
    ),
]

TEMPLATES = [
    types.ResourceTemplate(
        uri_template=INBOX + "{?after,limit,chat_id}",
        name="inbox_page",
        title="Open mentions, a page",
        mime_type="application/json",
    )
]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")
    after: str | None = None
    limit: int = Field(20, ge=1, le=100)
    chat_id: Id | None = None


async def read(session: Session, uri: str) -> str | None:
    """The JSON text of a resource, None if there is no such resource. Raises `ValidationError`."""
    name, _, query = uri.partition("?")
    view = _VIEWS.get(name)
    if view is None:
        return None
    asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    return mail.as_text(all_visible(await view(session, _Query.model_validate(asked))))


async def _inbox(session: Session, query: _Query) -> dict[str, Any]:
    as_of = datetime.now(UTC).isoformat(timespec="seconds")
    seat = session.seat_now
    if seat is None:
        nothing = mail.page([], unread=0, next_cursor=None, connection=session.connection)
        return nothing | {"as_of": as_of}
    page = await mail.fitting_page(seat.inbox, query.after, query.chat_id, query.limit)
    shown = mail.page(
        page.items, unread=page.unread, next_cursor=page.next_cursor, connection=session.connection
    )
    return shown | {"as_of": as_of, "reset": page.reset}


async def _status(session: Session, _: _Query) -> dict[str, Any]:
    endpoint, seat = session.endpoint, session.seat_now
    return {
        "bridge": __version__,
        "platform": endpoint.base_url if endpoint else None,
        "local": endpoint.local if endpoint else None,
        "connection": session.connection,
        "trouble": session.trouble.ours if session.trouble else None,
        "agent": {"id": seat.me.id, "handle": seat.me.handle, "name": seat.me.name} if seat else None,
        "person": session.profile.model_dump(include={"id", "handle", "email"}) if session.profile else None,
        "socket": _socket(seat) if seat else None,
        "unread": await seat.inbox.unread() if seat else None,
        "held_back": await seat.inbox.held_back() if seat else None,
        "dead": await seat.inbox.dead() if seat else None,
        "rooms": len(seat.rooms.titles) if seat else None,
        "contact_requests": seat.reception.requests if seat else None,
    }


def _socket(seat: Seat) -> dict[str, Any]:
    state = seat.reception
    return {
        "here": seat.receives,
        "state": state.word,
        "reason": state.reason,
        "since": _iso(state.since),
        "attempts": state.attempts,
        "last_heard": _iso(state.heard_at),
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


_VIEWS: dict[str, Callable[[Session, _Query], Awaitable[dict[str, Any]]]] = {INBOX: _inbox, STATUS: _status}
