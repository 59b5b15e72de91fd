"""What goes to stderr: nothing in it steers a terminal, and nothing passes for a line of the log."""

import json
import logging
from typing import Any

import pytest

from thenvoi_bridge import tracing
from thenvoi_bridge.cli.journal import LONGEST, Journal
from thenvoi_bridge.cli.logs import Lines
from thenvoi_bridge.cli.options import visible
from thenvoi_bridge.fields import Fields

FORMAT = "%(levelname)s %(name)s: %(message)s"


def logged(message: str, error: Exception | None = None) -> str:
    info = (type(error), error, None) if error else None
    return Lines(FORMAT).format(logging.LogRecord("x", logging.INFO, "", 0, "%s", (message,), info))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain naïve 日本語", "plain naïve 日本語"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb", r"a\rb"),
        ("\u202etxt", r"\u202etxt"),
        ("\x9b2J", r"\x9b2J"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert logged(text) == f"INFO x: {shown}"


def test_a_second_line_is_indented() -> None:
    assert logged("one\nINFO x: two") == "INFO x: one\n    INFO x: two"


def test_the_text_of_an_error_is_no_line_of_the_log_either() -> None:
    lines = logged("broke", ValueError("bad\nINFO x: all is well\x1b[2J")).split("\n")
    assert lines[0] == "INFO x: broke"
    assert all(line.startswith("    ") for line in lines[1:])
    assert r"\x1b[2J" in lines[-1]


# For programs


def entry(message: object, *args: object, error: Exception | None = None) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    line = Journal().format(logging.LogRecord("x", logging.WARNING, "", 0, message, args, info))
    assert line.isascii()
    assert line.isprintable()
    said: dict[str, Any] = json.loads(line)
    return said


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as exc:
        return exc


@pytest.mark.parametrize(
    "text", ["plain", "\x1b[2J", 'a\n{"level": "info"}', "\u202etxt\u2028", "naïve", '"']
)
def test_an_entry_is_one_line_of_json_whatever_is_in_it(text: str) -> None:
    said = entry("%s and %s", text, text)
    assert said["message"] == f"{text} and {text}".split("\n")[0]
    assert (said["level"], said["logger"]) == ("warning", "x")
    assert said["time"].endswith("+00:00")


def test_an_entry_has_the_values_of_its_message_as_members() -> None:
    said = entry(Fields("request", call="send_message", status=201, ms=1.5, principal=None))
    assert said | {"time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "x",
        "message": "request",
        "call": "send_message",
        "status": 201,
        "ms": 1.5,
    }


def test_of_an_error_an_entry_has_the_kind_and_the_place_and_not_the_text() -> None:
    error = raised(ValueError("what somebody wrote"))
    for said in (entry("broke", error=error), entry("it was %s", error), entry("%s: %s", "it was", error)):
        assert "what somebody wrote" not in json.dumps(said)
        assert "ValueError" in json.dumps(said)
    (place,) = entry("broke", error=error)["at"]
    assert place.startswith(f"{__name__}:")
    assert place.endswith(" raised")


def test_an_entry_is_not_without_end_and_knows_its_trace() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with tracing.within({"traceparent": parent}):
        said = entry("x" * (LONGEST + 1))
    assert said["message"] == "x" * LONGEST
    assert said["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("agent:5f-0c", "agent:5f-0c"),
        ("a tool=x", '"a tool=x"'),
        ("a\nb", r'"a\nb"'),
        ("", '""'),
        ("é", r'"\u00e9"'),
    ],
)
def test_a_value_in_a_line_cannot_pass_for_another_one(value: str, shown: str) -> None:
    assert str(Fields("x", principal=value, tool=None, n=1)) == f"principal={shown} n=1"
