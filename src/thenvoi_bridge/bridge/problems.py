"""What went wrong, as a tool result that a model can act on. Never raw exception text."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import mcp_types as types
from pydantic import ValidationError

from thenvoi_bridge.bridge import advice, mail, wording
from thenvoi_bridge.bridge.keeping import in_words
from thenvoi_bridge.bridge.people import NotFoundByName
from thenvoi_bridge.bridge.untrusted import UNTRUSTED, all_visible, fenced, visible
from thenvoi_bridge.contract.errors import RateLimited, ThenvoiError
from thenvoi_bridge.inbox import errors as inbox
from thenvoi_bridge.inbox.trouble import Trouble

LONGEST_VALUE = 60
"""Characters of a bad value that are shown back."""

_INBOX_CODES: dict[type[inbox.InboxError], str] = {
    inbox.LeaseLost: "lease_lost",
    inbox.Underway: "underway",
    inbox.NotOpen: "not_open",
    inbox.LoopSuspected: "loop_suspected",
    inbox.Unknown: "unknown_message",
    inbox.SeveralRooms: "several_rooms",
}

Problem = ThenvoiError | inbox.InboxError | NotFoundByName | ValidationError
"""Everything a tool may raise that the model can do something about."""


def result(
    problem: Problem, schema: dict[str, Any], group: str = "", absent: Collection[str] = ()
) -> types.CallToolResult:
    """The `isError` result for a problem. Schema and group are those of the tool: what would have been
    allowed, and what to do next, without the tools that are `absent`.

    Others' words stand under `untrusted`, and in a text of their own between marks.
    """
    described = _described(problem, schema, group)
    described["next_step"] = advice.fitting(described["next_step"], absent)
    error = {name: value for name, value in described.items() if value}
    foreign = all_visible(error.pop(UNTRUSTED, None))
    texts = [mail.as_text({"error": error}), *([fenced(mail.as_text(foreign))] if foreign else [])]
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text) for text in texts],
        structured_content={"error": error | ({UNTRUSTED: foreign} if foreign else {})},
        is_error=True,
    )


def _described(problem: Problem, schema: dict[str, Any], group: str) -> dict[str, Any]:
    match problem:
        case ThenvoiError():
            return _from_platform(problem, group)
        case Trouble():
            return _from_platform(in_words(problem), group)
        case inbox.InboxError():
            code = _INBOX_CODES[type(problem)]
            return {"code": code, "message": str(problem), "next_step": wording.NEXT[code]}
        case NotFoundByName():
            return _nobody(problem)
        case _:
            return _bad_arguments(problem, schema)


def _from_platform(problem: ThenvoiError, group: str) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.ours,
        UNTRUSTED: {"message": problem.message, "details": problem.details} if problem.foreign else None,
        "retry_after_s": problem.retry_after if isinstance(problem, RateLimited) else None,
        "next_step": advice.next_step(problem, group),
        "request_id": problem.request_id,
    }


def _nobody(problem: NotFoundByName) -> dict[str, Any]:
    """What was written may be somebody's name, copied."""
    found = "More than one answers to" if problem.several else "Nobody here answers to"
    written = {"written": _cut(problem.written)}
    return {
        "code": "ambiguous" if problem.several else "nobody",
        "message": f"{found} what is `written`",
        UNTRUSTED: written | ({"choices": [*problem.choices]} if problem.choices else {}),
        "next_step": wording.NEXT["nobody"],
    }


def _bad_arguments(problem: ValidationError, schema: dict[str, Any]) -> dict[str, Any]:
    fields = [_field(error, schema) for error in problem.errors(include_url=False, include_context=False)]
    return {
        "code": "bad_arguments",
        "message": "; ".join(f"{f['field']}: {f['problem']}" for f in fields),
        "fields": fields,
        "next_step": wording.NEXT["bad_arguments"],
    }


def _field(error: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """Which field, what came, and what is allowed."""
    name = _cut(visible(".".join(str(part) for part in error["loc"]))) or "arguments"
    known = schema.get("properties", {})
    allowed = known.get(str(error["loc"][0]) if error["loc"] else "")
    came = {} if error["type"] == "missing" else {"came": _cut(visible(_as_json(error["input"])))}
    return {
        "field": name,
        "problem": error["msg"],
        **came,
        "allowed": {k: v for k, v in allowed.items() if k != "description"} if allowed else sorted(known),
    }


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
