"""The tools of the inbox that need no waiting: look at messages, end them without an answer.

Reading never consumes: a message stays open until it is answered (`reply`) or ended (`inbox_ack`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from thenvoi_bridge.bridge import mail, schema, wording
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Beat, Said, Tool, as_said
from thenvoi_bridge.contract.call import Effect, Id, Text
from thenvoi_bridge.inbox.core import OPEN, State
from thenvoi_bridge.inbox.ladder import Rung

if TYPE_CHECKING:
    pass


class Arguments(BaseModel):
    """What a tool takes that is more than one call."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    items = await seat.inbox.end(call.message_ids, call.outcome, call.error, seat.inbox.now())
    await seat.settler.settle_in_a_moment()
    said = {"message_ids": [item.id for item in items], "outcome": call.outcome}
    return Said(mail.as_text(said), said)


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

    shape = partial(schema.of, kind, words={})
    description = wording.TOOLS.get(name) or kind.__doc__ or name
    return Tool(name, group, description, "agent", shape, run, effect, idempotent)


INBOX_TOOLS = {
    tool.name: tool
    for tool in (
        composite("inbox_read", InboxRead, read, "reads", idempotent=True),
        composite("inbox_ack", InboxAck, ack, idempotent=True),
    )
}
"""The tools of this module, by name."""
