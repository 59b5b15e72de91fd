"""Catching up on a room, after a restart or when the conversation was compacted; it takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from thenvoi_bridge.bridge import mail, transcript
from thenvoi_bridge.bridge.composites import Arguments, composite
from thenvoi_bridge.bridge.resources import ROOMS
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Beat, Said
from thenvoi_bridge.bridge.untrusted import visible
from thenvoi_bridge.contract.call import Id
from thenvoi_bridge.inbox.ladder import Rung

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat
    from thenvoi_bridge.inbox.core import Item


class CatchUp(Arguments):
    """Read where a room stands."""

    chat_id: Id = Field(description="Room id.")
    limit: int = Field(20, ge=1, le=50, description="Last messages to show, at most 50.")
    max_bytes: int = Field(12_000, ge=2_000, le=32_000, description="Long messages are cut to fit.")


async def state(session: Session, call: CatchUp) -> dict[str, Any]:
    """Where a room stands: who is there, what waits for an answer, and what was said last.

    Each of the first two has a quarter of the bytes at most, the third what is left. Raises `ThenvoiError`.
    """
    seat = await session.seat()
    people = [mail.somebody(person) for person in await seat.rooms.participants(call.chat_id)]
    roster = mail.first(people, call.max_bytes // 4)
    waiting = await _waiting(session, seat, call.chat_id, call.max_bytes // 4)
    left = call.max_bytes - mail.size(roster) - mail.size(waiting)
    return {
        "chat_id": call.chat_id,
        "me": {"id": seat.me.id, "handle": seat.me.handle},
        "participants": roster,
        "participant_count": len(people),
        "open": waiting,
        "open_count": len(await seat.inbox.open_ids(call.chat_id, "")),
        **await _said(seat, call, {view["id"] for view in waiting}, left),
        "transcript": f"{ROOMS}{call.chat_id}/messages",
        "connection": session.connection,
        "untrusted": {"title": visible(seat.rooms.titles.get(call.chat_id) or "")},
    }


async def _waiting(session: Session, seat: Seat, chat_id: str, most: int) -> list[dict[str, Any]]:
    """The oldest open mentions."""
    page = await seat.inbox.page(None, chat_id, max(1, most // transcript.LEAST))
    seat.noting.note(Rung.READ, session.name, page.items)
    return transcript.digest([_open(item) for item in page.items], most)


def _open(item: Item) -> dict[str, Any]:
    """One of them, less what is said of the room as a whole."""
    view = mail.shown(item)
    del view["chat_id"], view["untrusted"]["chat_title"]
    return view


async def _said(seat: Seat, call: CatchUp, elsewhere: set[str], most: int) -> dict[str, Any]:
    """What was said last, oldest first, less what is shown elsewhere; `older` counts what was said before."""
    messages, total = await transcript.newest(seat.client, call.chat_id, call.limit)
    views = [mail.said(message) for message in messages if message.id not in elsewhere]
    shown = transcript.digest(views, most)
    return {
        "messages": shown,
        "older": total - len(messages) + len(views) - len(shown),
        "truncated": transcript.is_cut(shown, views),
    }


async def catch_up(session: Session, call: CatchUp, _: Beat) -> Said:
    """Where a room stands, for a model."""
    found = await state(session, call)
    return Said(mail.as_text(found), found, foreign=True)


CATCHING_UP = {
    "catch_up": composite("catch_up", CatchUp, catch_up, "reads", group="messages", idempotent=True),
}
"""The tool of this module, by name."""
