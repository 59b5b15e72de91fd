"""Asking the user of a client, in both eras: in the middle of a call, or before the same call comes again."""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from typing import Any, NoReturn

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least

from thenvoi_bridge.bridge.consent import Answer, Pending
from thenvoi_bridge.bridge.sdk import Context

YES_OR_NO: dict[str, Any] = {"type": "object", "properties": {}}
"""A form without fields: it can be accepted or not."""

CONFIRM = "confirm"
"""What the one question of a call is called."""

UNANSWERED = 100
"""Questions without an answer that are remembered at most."""


class Users:
    """Puts questions to the user of a client, in both eras: by a request in the middle of a call, or by an
    answer that asks for the same call again with what the user said.
    """

    def __init__(self) -> None:
        # What was asked, by a name that nobody can guess: an answer counts once, and for that call alone.
        self._asked: OrderedDict[str, str] = OrderedDict()

    def of(self, ctx: Context, call: types.CallToolRequestParams) -> Question:
        """Asks whoever made this call."""
        return Question(self._asked, ctx, call)


class Question:
    """Asks about one call, whether it may be made."""

    def __init__(self, asked: OrderedDict[str, str], ctx: Context, call: types.CallToolRequestParams) -> None:
        self._asked, self._ctx, self._call = asked, ctx, call

    @property
    def answered(self) -> bool:
        """Whether the call comes with an answer, be it one that counts or not."""
        return bool(self._call.input_responses)

    async def __call__(self, question: str) -> Answer | None:
        """What the user says, None where the client cannot ask. Raises `Pending`."""
        if not _can_ask(self._ctx):
            return None
        if is_version_at_least(self._ctx.session.protocol_version, "2026-07-28"):
            return self._answer() or self._ask_for(question)
        try:
            asking = self._ctx.session.elicit_form(question, YES_OR_NO, self._ctx.request_id)
            return (await asking).action
        except MCPError:
            return None

    def _answer(self) -> Answer | None:
        asked = self._asked.pop(self._call.request_state or "", None)
        answer = (self._call.input_responses or {}).get(CONFIRM)
        return answer.action if isinstance(answer, types.ElicitResult) and asked == self._about else None

    def _ask_for(self, question: str) -> NoReturn:
        state = secrets.token_urlsafe(16)
        self._asked[state] = self._about
        if len(self._asked) > UNANSWERED:
            self._asked.popitem(last=False)
        form = types.ElicitRequestFormParams(message=question, requested_schema=YES_OR_NO)
        requests: types.InputRequests = {CONFIRM: types.ElicitRequest(params=form)}
        raise Pending(types.InputRequiredResult(input_requests=requests, request_state=state))

    @property
    def _about(self) -> str:
        return json.dumps([self._call.name, self._call.arguments], sort_keys=True)


def _can_ask(ctx: Context) -> bool:
    """Whether the client has said that it can show its user a form; one that names no kind means that."""
    able = ctx.session.client_capabilities
    elicitation = able.elicitation if able else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
