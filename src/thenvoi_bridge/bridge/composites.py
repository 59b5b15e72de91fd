"""The tools of the inbox: wait for messages, look at them, end them without an answer.

Reading never consumes: a message stays open until it is answered (`reply`) or ended (`inbox_ack`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, Field

from thenvoi_bridge.bridge import mail, schema, wording
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Beat, Said, Tool, as_said
from thenvoi_bridge.contract.call import Effect, Id, Text
from thenvoi_bridge.inbox.core import HELD, OPEN, Item, State
from thenvoi_bridge.inbox.ladder import Rung

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

HAND_OUT = 10
"""Messages of one room that one wait hands out at most."""

SHOWN_HELD = 20
"""Ids of messages in hand that a wait in vain names at most."""

LONGEST_WAIT = 50.0
"""Seconds; hosts that name no limit cut tool calls at about a minute."""

BEAT = 5.0
"""Seconds between two signs of life while waiting."""


class Arguments(BaseModel):
    """What a tool takes that is more than one call."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InboxWait(Arguments):
    """Wait for mentions of me; returns at once when there are any, and quietly after timeout_s if not."""

    timeout_s: float = Field(25, ge=0, le=LONGEST_WAIT, description="Seconds to wait; 25 if left out.")
    chat_id: Id | None = Field(None, description="Only this room.")


class InboxRead(Arguments):
    """Look at the open mentions without taking them, or at those that failed for good (dead)."""

    chat_id: Id | None = Field(None, description="Only this room.")
    after: str | None = Field(None, description="next_cursor of an earlier answer.")
    limit: int = Field(20, ge=1, le=100)
    state: Literal["open", "dead"] = Field("open", description="dead: failed for good; reply still works.")


class InboxAck(Arguments):
    """End messages without an answer: processed, or failed with a reason."""

    message_ids: list[Id] = Field(min_length=1)
    outcome: Literal["processed", "failed"] = "processed"
    error: Text | None = Field(None, description="Why it failed.")


_STATES = {"open": OPEN, "dead": frozenset({State.DEAD})}


async def wait(session: Session, call: InboxWait, beat: Beat) -> Said:
    """Hand out the oldest open messages of one room as soon as there are any. Cancelled, it took nothing."""
    started = anyio.current_time()
    while True:
        bell = session.bell
        seat = await session.seat()  # each time, for the platform may have moved meanwhile
        if items := await seat.lease(call.chat_id, HAND_OUT):
            return await _handed_out(session, seat, items)
        waited = anyio.current_time() - started
        if waited >= call.timeout_s:
            return await _quiet(session)
        with anyio.move_on_after(min(BEAT, call.timeout_s - waited)) as pause:
            await bell.wait()
        if pause.cancelled_caught:
            await beat(anyio.current_time() - started, call.timeout_s, wording.WAITING)


async def read(session: Session, call: InboxRead, _: Beat) -> Said:
    """A page of what is open, by arrival."""
    seat = await session.seat()
    inbox = seat.inbox
    page = await mail.fitting_page(inbox, call.after, call.chat_id, call.limit, _STATES[call.state])
    seat.noting.note(Rung.READ, session.name, page.items)
    return as_said(
        mail.page(
            page.items,
            unread=page.unread,
            next_cursor=page.next_cursor,
            connection=session.connection,
            reset=page.reset,
            dead=await inbox.dead(),
        )
    )


async def ack(session: Session, call: InboxAck, _: Beat) -> Said:
    """End messages and tell the platform; what it cannot be told now it is told later."""
    seat = await session.seat()
    items = await seat.inbox.end(call.message_ids, call.outcome, call.error, time.monotonic())
    await seat.settler.settle_in_a_moment()
    said = {"message_ids": [item.id for item in items], "outcome": call.outcome}
    return Said(mail.as_text(said), said)


async def _handed_out(session: Session, seat: Seat, items: list[Item]) -> Said:
    """What was leased, for the model to see; if that does not come about, nothing was handed out."""
    try:
        shown = await _fitting(seat, items)
        page = await _page(session, shown)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await seat.inbox.release(items)
        raise
    seat.noting.note(Rung.WAIT, session.name, shown)
    return page


async def _fitting(seat: Seat, items: list[Item]) -> list[Item]:
    """As many as a model can be shown at once; the others go back, to come next."""
    many = mail.fitting(items)
    if items[many:]:
        await seat.inbox.release(items[many:])
    return items[:many]


async def _page(session: Session, items: list[Item]) -> Said:
    inbox = (await session.seat()).inbox
    unread, loops = await inbox.unread(), await inbox.outbox.loops(items, time.time())
    return as_said(
        mail.page(items, unread=unread, next_cursor=None, connection=session.connection, loops=loops)
    )


async def _quiet(session: Session) -> Said:
    """Nothing to hand out. If something is held, say what: its room is silent until that is answered."""
    held = await (await session.seat()).inbox.page(None, None, SHOWN_HELD, HELD)
    ids = [item.id for item in held.items]
    note = _note(session.connection, held=bool(ids))
    more = {"held": ids, "note": note}
    return as_said(mail.page([], unread=held.unread, next_cursor=None, connection=session.connection, **more))


def _note(connection: str, *, held: bool) -> str:
    if connection == "standby":
        return wording.STANDBY
    if connection not in ("live", "catching_up"):
        return wording.NOT_LIVE
    return wording.HELD if held else wording.QUIET


A = TypeVar("A", bound=Arguments)


def composite(
    name: str,
    kind: type[A],
    work: Callable[[Session, A, Beat], Awaitable[Said]],
    effect: Effect = "writes",
    *,
    group: str = "inbox",
    idempotent: bool = False,
) -> Tool:
    """A tool whose arguments are a class of their own."""

    async def run(session: Session, arguments: dict[str, Any], beat: Beat) -> Said:
        return await work(session, kind.model_validate(arguments), beat)

    shape = schema.of(kind, words={})
    description = wording.TOOLS.get(name) or kind.__doc__ or name
    return Tool(name, group, description, "agent", shape, run, effect, idempotent)


INBOX_TOOLS = {
    tool.name: tool
    for tool in (
        composite("inbox_wait", InboxWait, wait),
        composite("inbox_read", InboxRead, read, "reads", idempotent=True),
        composite("inbox_ack", InboxAck, ack, idempotent=True),
    )
}
"""The tools of this module, by name. Waiting is no reading: it hands messages out."""
