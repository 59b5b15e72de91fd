"""What each resource has: the inbox, the state of things, rooms. Looking changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from thenvoi_bridge import __version__
from thenvoi_bridge.bridge import mail, transcript
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.untrusted import visible
from thenvoi_bridge.contract.call import Id
from thenvoi_bridge.contract.chats import GetChat, GetMyChat
from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.contract.messages import GetContext, ListMyMessages
from thenvoi_bridge.contract.page import MetaPage
from thenvoi_bridge.contract.participants import ListMyParticipants, ListParticipants, ParticipantList
from thenvoi_bridge.inbox.core import OPEN, State
from thenvoi_bridge.inbox.ladder import Rung

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

KEPT = OPEN | {State.ACKING, State.DEAD}
"""States in which the inbox has the whole text of a message."""


class Query(BaseModel):
    """What may stand behind the question mark of an address."""

    model_config = ConfigDict(extra="forbid")


class InboxQuery(Query):
    """Which part of the inbox."""

    after: str | None = None
    limit: int = Field(20, ge=1, le=100)
    chat_id: Id | None = None


class PageQuery(Query):
    """Which part of what was said."""

    page: int = Field(1, ge=1)
    limit: int = Field(50, ge=1, le=100)


async def inbox(session: Session, query: InboxQuery) -> dict[str, Any]:
    """The open mentions; none, as long as there is no seat."""
    as_of = datetime.now(UTC).isoformat(timespec="seconds")
    seat = session.seat_now
    if seat is None:
        nothing = mail.page([], unread=0, next_cursor=None, connection=session.connection)
        return nothing | {"as_of": as_of}
    page = await mail.fitting_page(seat.inbox, query.after, query.chat_id, query.limit)
    seat.noting.note(Rung.READ, session.name, page.items)
    shown = mail.page(
        page.items, unread=page.unread, next_cursor=page.next_cursor, connection=session.connection
    )
    return shown | {"as_of": as_of, "reset": page.reset}


async def status(session: Session, _: Query) -> dict[str, Any]:
    """Who this is, where, and how it goes."""
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
        "dead": await seat.inbox.dead() if seat else None,
        "rooms": len(seat.rooms.titles) if seat else None,
        "contact_requests": seat.reception.requests if seat else None,
    }


async def room(session: Session, _: Query, chat_id: str) -> dict[str, Any]:
    """What a room is. `unread` is the agent's. Raises `ThenvoiError`."""
    facts = await session.ask_either(GetChat(chat_id=chat_id), GetMyChat(chat_id=chat_id))
    unread = await seat.inbox.unread_by_room() if (seat := session.seat_now) else {}
    return {
        **facts.model_dump(exclude={"title"}, exclude_none=True),
        "unread": unread.get(chat_id, 0),
        "untrusted": {"title": visible(facts.title or "")},
    }


async def messages(session: Session, query: PageQuery, chat_id: str) -> dict[str, Any]:
    """A page of what was said in a room, as far as whoever looks may see it. Raises `ThenvoiError`."""
    answer = await session.ask_either(
        GetContext(chat_id=chat_id, page=query.page, page_size=query.limit),
        ListMyMessages(chat_id=chat_id, page=query.page, page_size=query.limit),
    )
    views = [mail.said(message) for message in answer.data]
    shown = transcript.digest(views, mail.LONGEST_PAGE)
    place = answer.meta if isinstance(answer, MetaPage) else answer.metadata
    return {
        "messages": shown,
        "order": "oldest first" if isinstance(answer, MetaPage) else "newest first",
        "truncated": transcript.is_cut(shown, views),
        **place.model_dump(include={"page", "total_pages", "total_count"}),
    }


async def message(session: Session, _: Query, chat_id: str, message_id: str) -> dict[str, Any]:
    """One message: from the inbox where that has it, else from the platform. Raises `ThenvoiError`."""
    if seat := session.seat_now:
        for item in await seat.inbox.get([message_id]):
            if item.chat_id == chat_id and item.state in KEPT:
                seat.noting.note(Rung.READ, session.name, [item])
                return mail.shown(item) | {"state": item.state}
    found = await transcript.find(session, chat_id, message_id)
    if found is None:
        raise NotFound
    return {"chat_id": chat_id, **mail.said(found)}


async def participants(session: Session, _: Query, chat_id: str) -> dict[str, Any]:
    """Who is in a room at this moment, as many as there is room for. Raises `ThenvoiError`."""
    answer = await session.ask_either(ListParticipants(chat_id=chat_id), ListMyParticipants(chat_id=chat_id))
    people = answer.data if isinstance(answer, ParticipantList) else answer
    shown = mail.first([mail.somebody(person) for person in people], mail.LONGEST_PAGE)
    return {"participants": shown, "total_count": len(people), "truncated": len(shown) < len(people)}


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
