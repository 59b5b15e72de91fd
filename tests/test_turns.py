"""What each host says when it runs a hook, and what it is answered in its own words."""

import json
from typing import Any

import pytest

from thenvoi_bridge.bridge.hosts import HOSTS
from thenvoi_bridge.cli.turns import FOLLOWUPS, LONGEST_SESSION, Event, Format, Turn, answer, turn

CLAUDE = {"session_id": "s1", "transcript_path": "/t.jsonl", "cwd": "/", "permission_mode": "default"}
CURSOR = {
    "conversation_id": "c1",
    "generation_id": "g1",
    "cursor_version": "3.20.17",
    "workspace_roots": ["/"],
}
VSCODE = {"timestamp": "2026-11-29T05:00:00Z", "sessionId": "v1", "hookEventName": "Stop", "cwd": "/"}


def read(event: Event, said: object, format: Format | None = None) -> Turn:
    return turn(event, json.dumps(said).encode(), format)


@pytest.mark.parametrize(
    ("format", "event", "expected"),
    [
        (
            Format.CLAUDE_CODE,
            Event.SESSION_START,
            {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "text"}},
        ),
        (
            Format.CLAUDE_CODE,
            Event.PROMPT,
            {"hookSpecificOutput": {"hookEventName": "UserPromptSubmit", "additionalContext": "text"}},
        ),
        (
            Format.CLAUDE_CODE,
            Event.POST_TOOL,
            {"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": "text"}},
        ),
        (Format.CLAUDE_CODE, Event.STOP, {"decision": "block", "reason": "text"}),
        (
            Format.VSCODE,
            Event.PROMPT,
            {"hookSpecificOutput": {"hookEventName": "UserPromptSubmit", "additionalContext": "text"}},
        ),
        (
            Format.VSCODE,
            Event.STOP,
            {"hookSpecificOutput": {"hookEventName": "Stop", "decision": "block", "reason": "text"}},
        ),
        (Format.CURSOR, Event.SESSION_START, {"additional_context": "text"}),
        (Format.CURSOR, Event.POST_TOOL, {"additional_context": "text"}),
        (Format.CURSOR, Event.STOP, {"followup_message": "text"}),
    ],
    ids=str,
)
def test_a_text_stands_where_the_host_puts_it_before_the_model(
    format: Format, event: Event, expected: dict[str, Any]
) -> None:
    assert answer(Turn(event, format, "s", True), "text") == expected


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("event", Event)
def test_where_there_is_nothing_the_host_goes_on(format: Format, event: Event) -> None:
    goes_on = {"continue": True} if (format, event) == (Format.CURSOR, Event.PROMPT) else {}
    assert answer(Turn(event, format, "s", True), None) == goes_on


@pytest.mark.parametrize(
    ("said", "format", "read_as", "session"),
    [
        (CLAUDE, None, Format.CLAUDE_CODE, "s1"),
        (CURSOR, None, Format.CURSOR, "c1"),
        (CURSOR, Format.CLAUDE_CODE, Format.CLAUDE_CODE, "c1"),
        (VSCODE, None, Format.CLAUDE_CODE, "v1"),
        (VSCODE, Format.VSCODE, Format.VSCODE, "v1"),
        ({"session_id": "x" * 999}, None, Format.CLAUDE_CODE, "x" * LONGEST_SESSION),
        ({"session_id": 7, "conversation_id": ""}, Format.CURSOR, Format.CURSOR, "cursor"),
        ({}, None, Format.CLAUDE_CODE, "claude-code"),
        ([1], None, Format.CLAUDE_CODE, "claude-code"),
    ],
    ids=["claude", "cursor", "forced", "vscode", "vscode said", "long", "no names", "empty", "a list"],
)
def test_the_host_and_its_session_are_told_by_what_it_says(
    said: object, format: Format | None, read_as: Format, session: str
) -> None:
    it = read(Event.STOP, said, format)
    assert (it.format, it.session, it.may_speak) == (read_as, session, True)


@pytest.mark.parametrize(
    "given", [b"", b"{", b"\xff\xfe", b"null", b"[" * 100_000, b'{"a":1}trailing'], ids=ascii
)
def test_what_is_no_json_is_as_if_nothing_had_been_said(given: bytes) -> None:
    assert turn(Event.STOP, given, None) == Turn(Event.STOP, Format.CLAUDE_CODE, "claude-code", True)


@pytest.mark.parametrize("format", [Format.CLAUDE_CODE, Format.VSCODE])
def test_a_turn_that_a_hook_has_prolonged_is_not_prolonged_again(format: Format) -> None:
    for active, may in ((True, False), (False, True), ("true", True), (None, True)):
        assert read(Event.STOP, {**CLAUDE, "stop_hook_active": active}, format).may_speak is may
    assert read(Event.PROMPT, {**CLAUDE, "stop_hook_active": True}, format).may_speak


@pytest.mark.parametrize(
    ("more", "may"),
    [
        ({}, True),
        ({"status": "completed", "loop_count": 0}, True),
        ({"status": "completed", "loop_count": FOLLOWUPS - 1}, True),
        ({"status": "completed", "loop_count": FOLLOWUPS}, False),
        ({"status": "aborted", "loop_count": 0}, False),
        ({"status": "error", "loop_count": 0}, False),
        ({"status": "completed", "loop_count": "many"}, True),
    ],
    ids=str,
)
def test_cursor_is_given_few_follow_ups_and_none_after_the_user_stopped_it(
    more: dict[str, Any], may: bool
) -> None:
    assert read(Event.STOP, {**CURSOR, **more}).may_speak is may


def test_cursor_takes_no_text_with_a_prompt() -> None:
    assert not read(Event.PROMPT, CURSOR).may_speak
    assert read(Event.SESSION_START, CURSOR).may_speak


def test_hosts_with_hooks_have_the_names_under_which_their_bridges_post() -> None:
    assert {*Format} <= {host.name for host in HOSTS}
