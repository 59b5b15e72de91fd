"""Asking the user before a host writes anywhere but where the messages came from that it works on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from thenvoi_bridge.bridge import mail, wording
from thenvoi_bridge.bridge.untrusted import visible
from thenvoi_bridge.contract.errors import Forbidden

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.session import Session
    from thenvoi_bridge.bridge.tools import Tool

RECENT = 300.0
"""Seconds for which what was handed out, and has ended since, still counts as what a host works on."""

LONGEST_SHOWN = 600
"""Characters of the arguments that the user is shown."""

HARMLESS = frozenset({"inbox_wait", "inbox_ack"})
"""Tools that change something, but say nothing to anybody."""

Answer = Literal["accept", "decline", "cancel"]


class Ask(Protocol):
    """Puts a question to the user of the host. `answered`: the host brings an answer with the call."""

    @property
    def answered(self) -> bool: ...

    async def __call__(self, question: str) -> Answer | None:
        """What the user says, None where the host cannot ask. Raises `Pending`."""


class Pending(Exception):
    """The user is being asked, and the host will make the same call again, with the answer.

    `result` is what it has to be told until then, as the SDK has it.
    """

    def __init__(self, result: Any) -> None:
        super().__init__("the user is being asked")
        self.result = result


class Nobody:
    """Whom a host asks that cannot ask anybody."""

    @property
    def answered(self) -> bool:
        """Never."""
        return False

    async def __call__(self, question: str) -> Answer | None:
        """No answer."""
        return None


NOBODY = Nobody()


class Consent:
    """Knows in which rooms one host is at work, and has it ask before it leaves them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown: dict[str, float] = {}

    def note(self, page: Mapping[str, Any] | None) -> None:
        """Note which rooms' messages the host was shown, if this is a page of them."""
        for message in (page or {}).get("messages", ()):
            self._shown[message["chat_id"]] = time.monotonic()

    async def obtain(self, tool: Tool, arguments: Mapping[str, Any], ask: Ask) -> None:
        """Have the user asked, if this call goes elsewhere.

        Raises `Forbidden` (`declined`, or `needs_confirmation` where the host cannot ask), and `Pending`.
        """
        at_work = await self._rooms_at_work()
        if not (ask.answered or await self._leaves(at_work, tool, arguments)):
            return
        match await ask(_question(tool, arguments, at_work)):
            case "accept":
                return
            case None:
                raise Forbidden(wording.NEEDS_CONFIRMATION, code="needs_confirmation")
            case _:
                raise Forbidden(wording.DECLINED, code="declined")

    async def _rooms_at_work(self) -> set[str]:
        since = time.monotonic() - RECENT
        recent = {room for room, at in self._shown.items() if at > since}
        seat = self._session.seat_now
        return recent | (await seat.inbox.in_hand() if seat else set())

    async def _leaves(self, at_work: set[str], tool: Tool, arguments: Mapping[str, Any]) -> bool:
        """Whether it writes to another room than those, or to none."""
        if not at_work or tool.effect == "reads" or tool.name in HARMLESS:
            return False
        rooms = await self._rooms_of(arguments)
        return not rooms or not rooms <= at_work

    async def _rooms_of(self, arguments: Mapping[str, Any]) -> set[str]:
        if chat_id := arguments.get("chat_id"):
            return {str(chat_id)}
        ids, seat = arguments.get("message_ids"), self._session.seat_now
        if not (seat and isinstance(ids, list)):
            return set()
        return {item.chat_id for item in await seat.inbox.get(map(str, ids))}


def _question(tool: Tool, arguments: Mapping[str, Any], at_work: set[str]) -> str:
    shown = visible(mail.as_text(dict(arguments)))
    cut = shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"
    return wording.CONFIRM.format(tool=tool.name, rooms=", ".join(sorted(at_work)), arguments=cut)
