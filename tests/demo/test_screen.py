"""The screen: colour and a spinner on a terminal, plain lines elsewhere, and only what the encoding has."""

import io
import os
import re
import sys

import pytest

from thenvoi_bridge.demo.screen import Screen
from thenvoi_bridge.demo.steps import Done, Failed, Outcome

ASK = Done("Alice asks", "REST", None, 0.5, 0.0123, ("a line",))
HEAR = Done("Scout hears", "WebSocket → inbox", "Alice asks", 0.6, 1.25, ())
LOST = Failed("Scout answers", "REST", 2.0, "Step 3 of 3, “Scout answers”, failed.")


def told(outcome: Outcome) -> None:
    """Everything a screen is told, in the order of a demo."""
    steps: list[Done | Failed] = [*outcome.done, *filter(None, [outcome.failed])]
    with Screen() as screen:
        for step in steps:
            screen.working(step.what)
            screen.show(step)
    screen.ending(outcome, {"scout": ["it hurts “here”"]})


def redirected(monkeypatch: pytest.MonkeyPatch, encoding: str) -> tuple[io.BytesIO, io.BytesIO]:
    """Both streams, as pipes of an encoding."""
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding, write_through=True))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding, write_through=True))
    return out, err


def test_a_story_that_ends_well_has_a_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = redirected(monkeypatch, "utf-8")
    told(Outcome(2, [ASK, HEAR], seconds=3.21))
    lines = out.getvalue().decode().splitlines()
    assert "✓  0.50 s    12 ms  Alice asks                    REST" in lines
    assert "                    a line" in lines
    assert "✓  0.60 s    1.2 s  Scout hears                   WebSocket → inbox" in lines
    assert "All 2 steps were observed in 3.2 s." in lines
    assert "    1.2 s  Alice asks → Scout hears" in lines
    assert err.getvalue() == b""


def test_a_story_that_fails_has_its_reason_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = redirected(monkeypatch, "utf-8")
    told(Outcome(3, [ASK, HEAR], LOST))
    assert out.getvalue().decode().endswith("✗  2.00 s           Scout answers                 REST\n")
    reason = f"\n{LOST.sentence}\n\nThe last lines of scout's log:\n  it hurts “here”\n"
    assert err.getvalue().decode() == reason


def test_an_encoding_without_arrows_gets_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = redirected(monkeypatch, "ascii")
    told(Outcome(3, [ASK, HEAR], LOST))
    assert b"+  0.60 s    1.2 s  Scout hears                   WebSocket -> inbox\n" in out.getvalue()
    assert b'it hurts "here"' in err.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
def test_a_terminal_gets_colour_and_a_spinner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        told(Outcome(2, [ASK], seconds=1.0))
    shown = _read(ours)
    assert "\x1b[32m✓ \x1b[0m" in shown
    assert re.search(r"[⠀-⣿].*Alice asks", shown)
    assert shown.endswith("thenvoi-bridge platform serve --data DIR\x1b[0m\r\n")


def _read(terminal: int) -> str:
    """What was written to a pseudo-terminal whose other end is closed."""
    chunks = []
    try:
        while chunk := os.read(terminal, 65536):
            chunks.append(chunk)
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(terminal)
    return b"".join(chunks).decode()
