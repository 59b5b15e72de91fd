"""The tools a host sees, and the way to run them.

A tool is read off a call of the contract, or is one of the few composites. Nothing here knows the SDK's
server; a tool is arguments in, a result out.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import anyio
import mcp_types as types
from pydantic import ValidationError

from thenvoi_bridge.bridge import advice, app, mail, problems, schema, wording
from thenvoi_bridge.bridge.addressing import resolved
from thenvoi_bridge.bridge.consent import NOBODY, Ask, Consent, Pending
from thenvoi_bridge.bridge.fitting import fitted
from thenvoi_bridge.bridge.people import NotFoundByName
from thenvoi_bridge.bridge.schema import Schema
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.unread import Unread
from thenvoi_bridge.bridge.untrusted import all_visible, apart, fenced
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Effect, Side
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.inbox.errors import InboxError
from thenvoi_bridge.inbox.trouble import found_in
from thenvoi_bridge.metering.table import TOOL_CALLS

BUDGET = 40_000
"""Characters of a result's text; what is longer is cut and says so."""

Beat = Callable[[float, float, str], Awaitable[None]]
"""Reports progress to the host: so far, in all, and a word on it."""

logger = logging.getLogger(__name__)


class Handed(Protocol):
    """What is handed out with what a tool says. One of its two methods is called, once."""

    def seen(self) -> None:
        """The host is told."""

    async def back(self) -> None:
        """The host has taken its call back, and is not told: it is as if nothing had been handed out."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool has to say. `structured` is given besides the text where code reads it.

    `foreign` says that others' words are in it, `handed` what is handed out with it.
    """

    text: str
    structured: dict[str, Any] | None = None
    foreign: bool = False
    handed: Handed | None = None

    def shown(self) -> str:
        """The text for a model: cut to the budget, others' words between marks, what is ours after them."""
        cut = self.text[:BUDGET]
        shown = fenced(cut) if self.foreign else cut
        return shown if cut == self.text else f"{shown}\n{wording.TRUNCATED}"


@dataclass(frozen=True)
class Tool:
    """One tool. `run` takes arguments as the host sent them; what it may raise is `problems.Problem`.

    `shape` makes its schema, once it is needed: a host is given few of all the tools there are. `room` is
    where it does its work, if a host is not asked for that.
    """

    name: str
    group: str
    description: str
    side: Side
    shape: Callable[[], Schema]
    run: Callable[[Session, dict[str, Any], Beat], Awaitable[Said]]
    effect: Effect = "writes"
    idempotent: bool = False
    room: str | None = None

    @cached_property
    def schema(self) -> Schema:
        """What its arguments are."""
        return self.shape()

    @property
    def has_room(self) -> bool:
        """Whether it is told in which room to do its work."""
        return "chat_id" in self.schema["properties"]

    @property
    def opens_room(self) -> bool:
        """Whether there is a room more after it."""
        return self.group == "chats" and not self.has_room and self.effect == "writes"

    def described(self, absent: Collection[str] = ()) -> types.Tool:
        """As `tools/list` has it, to a host that was not given the tools in `absent`."""
        return types.Tool(
            name=self.name,
            title=self.name.replace("_", " ").capitalize(),
            description=advice.fitting(self.description, absent),
            input_schema=self.schema,
            annotations=types.ToolAnnotations(
                read_only_hint=self.effect == "reads",
                destructive_hint=self.effect == "removes",
                idempotent_hint=self.idempotent,
                open_world_hint=True,
            ),
            _meta=_meta(self.name),
        )


def _meta(name: str) -> dict[str, Any] | None:
    always = {"anthropic/alwaysLoad": True} if name in wording.ALWAYS else {}
    return always | (app.LINK if name == app.TOOL else {}) or None


Watch = Callable[[Tool, Mapping[str, Any]], None]
"""Is told of every call that changes something, before it is made. Raises `ThenvoiError` to refuse it."""


class Tools:
    """The tools of one host. Nothing said to it names a tool in `absent`."""

    def __init__(
        self,
        session: Session,
        tools: Collection[Tool],
        absent: Collection[str] = (),
        consent: Consent | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._session, self._absent, self._consent, self._watch = session, absent, consent, watch
        self._unread = Unread(session, absent)
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self.listed = [tool.described(absent) for tool in tools]

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    async def run(
        self, name: str, arguments: dict[str, Any], beat: Beat, ask: Ask = NOBODY
    ) -> types.CallToolResult:
        """Run a tool there is. Whatever goes wrong becomes an `isError` result.

        Raises `Pending` where the user has to be asked first and the host brings his answer later.
        """
        outcome = "cancelled"
        try:
            result = await self._run(name, arguments, beat, ask)
            outcome = "error" if result.is_error else "ok"
            return result
        except Pending:
            outcome = "asked"
            raise
        finally:
            self._session.meter.add(TOOL_CALLS, name, outcome)

    async def _run(self, name: str, arguments: dict[str, Any], beat: Beat, ask: Ask) -> types.CallToolResult:
        tool = self._tools[name]
        if name != "inbox_wait" and (seat := self._session.seat_now):
            seat.works()  # whoever only waits shows no sign of being at work on what it was handed
        if _changes(tool):
            self._session.patience.in_vain = 0
        try:
            said = await tool.run(self._session, await self._permitted(tool, arguments, ask), beat)
        except Pending:
            raise
        except (ThenvoiError, InboxError, NotFoundByName, ValidationError) as problem:
            return await self._unread.told(self._refusal(problem, tool))
        except Exception as exc:
            logger.exception("tool %s failed", name)
            return self._refusal(found_in(exc) or ThenvoiError(wording.BROKEN), tool)
        if self._consent:
            self._consent.note(said.structured)
        return await self._told(said)

    async def _told(self, said: Said) -> types.CallToolResult:
        """What the host is told. If it takes the call back meanwhile, it is as if nothing had been said."""
        block = types.TextContent(type="text", text=said.shown())
        result = types.CallToolResult(content=[block], structured_content=said.structured)
        try:
            result = await self._unread.told(result)
        except BaseException:
            if said.handed:
                with anyio.CancelScope(shield=True):
                    await said.handed.back()
            raise
        if said.handed:
            said.handed.seen()
        return result

    async def _permitted(self, tool: Tool, arguments: dict[str, Any], ask: Ask) -> dict[str, Any]:
        """The arguments as they were meant, if the user permits this."""
        meant = schema.lenient(arguments, tool.schema)
        self._session.allowed.check(meant, opens_room=tool.opens_room)
        if tool.room:
            meant["chat_id"] = tool.room
        if self._consent:
            await self._consent.obtain(tool, meant, ask)
        if self._watch and _changes(tool):
            self._watch(tool, meant)
        return meant

    def _refusal(self, problem: problems.Problem, tool: Tool) -> types.CallToolResult:
        return problems.result(problem, tool.schema, tool.group, self._absent)


def _changes(tool: Tool) -> bool:
    return tool.effect != "reads" and tool.name != "inbox_wait"


def tool_name(call: type[Call[Any]]) -> str:
    """`SendMessage` is `send_message`."""
    return call.snake_name()


def call_tool(call: type[Call[Any]]) -> Tool:
    """The tool that makes one call."""
    reads = call.route.does == "reads"

    async def run(session: Session, arguments: dict[str, Any], _: Beat) -> Said:
        made = call.model_validate(await resolved(session, call, arguments))
        answer = await session.ask(made)
        _note(session, made)
        return _read(answer) if reads else _done(answer)

    name = tool_name(call)
    return Tool(
        name,
        call.group(),
        wording.TOOLS.get(name) or call.__doc__ or name,
        call.route.side,
        partial(schema.of, call, group=call.group()),
        run,
        call.route.does,
        call.route.may_repeat,
    )


CALL_TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in map(call_tool, CALLS)}
"""A tool for every call of the contract, by name."""


def _read(answer: Any) -> Said:
    """What others wrote is fenced."""
    if answer is None:
        return Said("{}")
    return Said(mail.as_text(fitted(all_visible(mail.plain(answer)), BUDGET)), foreign=True)


def _done(answer: Any) -> Said:
    """The receipt of what the model did itself is given to code, too; names that others chose stand apart."""
    receipt = mail.receipt(answer)
    shown = apart(receipt)
    return Said(mail.as_text(shown), shown, foreign=shown != receipt)


def _note(session: Session, made: Call[Any]) -> None:
    """Forget who is in a room that this call may have changed."""
    if session.seat_now and made.group() == "participants" and made.route.method != "GET":
        session.seat_now.rooms.changed(str(getattr(made, "chat_id", "")))


def as_said(page: dict[str, Any]) -> Said:
    """A page of the inbox, as structure and as fenced text."""
    return Said(mail.as_text(page), page, foreign=bool(page["messages"]))
