"""What goes to stderr: nothing in it steers a terminal, and nothing passes for a line of the log."""

import logging

import pytest

from thenvoi_bridge.cli.options import Lines, visible

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
