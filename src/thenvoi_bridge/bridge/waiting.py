"""The tool that waits: it hands messages out, for as long as the host stands it and no longer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import Field

from thenvoi_bridge.bridge import mail, wording
from thenvoi_bridge.bridge.composites import Arguments, composite
from thenvoi_bridge.bridge.patience import Patience
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Beat, Said, as_said
from thenvoi_bridge.contract.call import Id
from thenvoi_bridge.inbox.core import HELD, Item
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.metering.table import WAITS

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

HAND_OUT = 10
"""Messages of one room that one wait hands out at most."""

SHOWN_HELD = 20
"""Ids of messages in hand that a wait in vain names at most."""

BEAT = 5.0
"""Seconds between two signs of life while waiting."""


class InboxWait(Arguments):
    """Wait for mentions of me; returns at once when there are any, and quietly after timeout_s if not."""

    timeout_s: float | None = Field(None, ge=0, description="Seconds; as long as fits if left out.")
    chat_id: Id | None = Field(None, description="Only this room.")


async def wait(session: Session, call: InboxWait, beat: Beat) -> Said:
    """Hand out the oldest open messages of one room as soon as there are any. Cancelled, it took nothing.

    Raises `Conflict` (`already_waiting`) while the same session waits already.
    """
    longest = session.patience.longest
    seconds = longest if call.timeout_s is None else min(call.timeout_s, longest)
    async with session.patience.wait():
        session.waiting += 1
        try:
            return await _wait(session, call.chat_id, seconds, beat)
        finally:
            session.waiting -= 1


async def _wait(session: Session, chat_id: str | None, seconds: float, beat: Beat) -> Said:
    started = anyio.current_time()
    while True:
        bell = session.bell
        seat = await session.seat()  # each time, for the platform may have moved meanwhile
        if items := await seat.lease(chat_id, HAND_OUT):
            return await _handed_out(session, seat, items)
        waited = anyio.current_time() - started
        if waited >= seconds or session.waits_end:
            return await _quiet(session)
        with anyio.move_on_after(min(BEAT, seconds - waited)) as pause:
            await bell.wait()
        if pause.cancelled_caught:
            await beat(anyio.current_time() - started, seconds, wording.WAITING)


@dataclass(frozen=True, slots=True)
class _HandOut:
    """Messages that a host was handed."""

    session: Session
    seat: Seat
    items: list[Item]

    def seen(self) -> None:
        self.session.patience.in_vain = 0
        self.session.meter.add(WAITS, "messages")
        self.seat.noting.note(Rung.WAIT, self.session.name, self.items)

    async def back(self) -> None:
        await self.seat.inbox.release(self.items)


async def _handed_out(session: Session, seat: Seat, items: list[Item]) -> Said:
    """What was leased, for the model to see; if that does not come about, nothing was handed out."""
    try:
        shown = await _fitting(seat, items)
        page = await _page(session, shown)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await seat.inbox.release(items)
        raise
    return replace(page, handed=_HandOut(session, seat, shown))


async def _fitting(seat: Seat, items: list[Item]) -> list[Item]:
    """As many as a model can be shown at once; the others go back, to come next."""
    many = mail.fitting(items)
    if items[many:]:
        await seat.inbox.release(items[many:])
    return items[:many]


async def _page(session: Session, items: list[Item]) -> Said:
    inbox = (await session.seat()).inbox
    unread, loops = await inbox.beside(items, inbox.wall())
    return as_said(
        mail.page(items, unread=unread, next_cursor=None, connection=session.connection, loops=loops)
    )


async def _quiet(session: Session) -> Said:
    """Nothing to hand out. If something is held, say what: its room is silent until that is answered."""
    held = await (await session.seat()).inbox.page(None, None, SHOWN_HELD, HELD)
    ids, patience = [item.id for item in held.items], session.patience
    patience.in_vain += 1
    session.meter.add(WAITS, "nothing")
    more: dict[str, Any] = {
        "held": ids,
        "quiet_ticks": patience.in_vain,
        "advice": "stop" if patience.is_spent else "again",
        "note": _note(session.connection, patience, held=bool(ids)),
    }
    return as_said(mail.page([], unread=held.unread, next_cursor=None, connection=session.connection, **more))


def _note(connection: str, patience: Patience, *, held: bool) -> str:
    if connection == "standby":
        return wording.STANDBY
    if held:
        return wording.HELD
    if patience.is_spent:
        return wording.STOP_WAITING
    return wording.QUIET if connection in ("live", "catching_up") else wording.NOT_LIVE


WAITING_TOOLS = {"inbox_wait": composite("inbox_wait", InboxWait, wait)}
"""The tool of this module, by name. Waiting is no reading: it hands messages out."""
