"""What hosts say when they run a hook, and what they are answered: each in its own words, and nothing heavy.

Sources: Claude Code, code.claude.com/docs/en/hooks; Cursor, cursor.com/docs/hooks; VS Code (preview),
code.visualstudio.com/docs/agents/reference/hooks-reference and `chatHookService.ts` of its chat extension.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FOLLOWUPS = 3
"""How often in a row Cursor is given a follow-up; each that it sends by itself it counts."""

LONGEST_SESSION = 100
"""Characters of a session's name that are kept."""


class Event(StrEnum):
    """The turns of a session at which a host runs a hook."""

    SESSION_START = "session-start"
    PROMPT = "prompt"
    STOP = "stop"
    POST_TOOL = "post-tool"


class Format(StrEnum):
    """Whose JSON it is."""

    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"


_NAMES = {
    Event.SESSION_START: "SessionStart",
    Event.PROMPT: "UserPromptSubmit",
    Event.STOP: "Stop",
    Event.POST_TOOL: "PostToolUse",
}


WAKING = (Event.SESSION_START, Event.STOP)
"""The turns after which a session is idle, so that it can be woken."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a host says of the turn: of which session it is, and whether something may be said at all."""

    event: Event
    format: Format
    session: str
    may_speak: bool


def turn(event: Event, given: bytes, format: Format | None) -> Turn:
    """Read what a host wrote. Whatever is missing or no JSON is as if it had not been said.

    Without a format it is Cursor's where Cursor says its version, as only Cursor does, else Claude Code's.
    """
    said = _read(given)
    is_cursor = isinstance(said.get("cursor_version"), str)
    format = format or (Format.CURSOR if is_cursor else Format.CLAUDE_CODE)
    names = (said.get(key) for key in ("session_id", "sessionId", "conversation_id"))
    session = next((name for name in names if isinstance(name, str) and name), str(format))
    return Turn(event, format, session[:LONGEST_SESSION], _may_speak(event, format, said))


def answer(turn: Turn, text: str | None) -> dict[str, Any]:
    """What is printed for the host: the text where it puts it before the model, or that there is nothing."""
    if text is None:
        return {"continue": True} if (turn.format, turn.event) == (Format.CURSOR, Event.PROMPT) else {}
    if turn.format is Format.CURSOR:
        return {"followup_message" if turn.event is Event.STOP else "additional_context": text}
    if turn.event is not Event.STOP:
        return {"hookSpecificOutput": {"hookEventName": _NAMES[turn.event], "additionalContext": text}}
    block = {"decision": "block", "reason": text}
    if turn.format is Format.VSCODE:
        return {"hookSpecificOutput": {"hookEventName": _NAMES[turn.event], **block}}
    return block


def _may_speak(event: Event, format: Format, said: Mapping[str, Any]) -> bool:
    """Whether the host has room for a word here. A turn that a hook has prolonged is not prolonged again."""
    if format is Format.CURSOR and event is Event.PROMPT:
        return False
    if event is not Event.STOP:
        return True
    if format is not Format.CURSOR:
        return said.get("stop_hook_active") is not True
    again = said.get("loop_count")
    return said.get("status", "completed") == "completed" and not (
        isinstance(again, int | float) and again >= FOLLOWUPS
    )


def _read(given: bytes) -> dict[str, Any]:
    try:
        said = json.loads(given)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
