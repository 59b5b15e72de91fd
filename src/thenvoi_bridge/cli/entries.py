"""How a message of the inbox looks in a shell: a row of a table, everything there is about it, and JSON.

What people or agents wrote is shown so that it can neither steer a terminal nor pass for anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from thenvoi_bridge.cli.options import visible
from thenvoi_bridge.inbox.core import Item, State
from thenvoi_bridge.inbox.records import record

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.found import Found
    from thenvoi_bridge.inbox.ladder import Shown
    from thenvoi_bridge.inbox.outgoing import Outgoing

LONGEST_NAME = 24
"""Characters of a name or title in a row."""

LONGEST_TEXT = 60
"""Characters of a text in a row."""

MEANING = {
    State.READY: "waits to be handed out",
    State.LEASED: "was handed to a host",
    State.ANSWERING: "an answer is being sent",
    State.ACKING: "has ended, and the platform is yet to be told",
    State.DONE: "has ended, and the platform knows",
    State.DEAD: "failed for good",
    State.GONE: "was handled elsewhere, or its room is closed",
}
"""What the states are, for people."""

_HEADER = ("id", "room", "sender", "sent (UTC)", "state", "attempts", "text")


def table(items: Iterable[Item]) -> list[str]:
    """A header and a row for each message, or "nothing"."""
    rows = [_HEADER, *map(_row, items)]
    if len(rows) == 1:
        return ["nothing"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def whose(found: Found) -> str:
    """Whose inbox it is, in a line."""
    return visible(f"{found.name} on {found.platform or 'a platform that nobody has noted'}")


def full_record(found: Found, item: Item, out: Outgoing | None, shown: Iterable[Shown]) -> dict[str, Any]:
    """Everything about a message as JSON values; `out` is its answer, `shown` where it was shown."""
    more = {
        "held": found.is_held(item),
        "platform_attempt": item.attempt,
        "answer": _answer(out) if out else None,
        "shown": [{"rung": str(s.rung), "session": s.session, "at": _iso(s.at)} for s in shown],
    }
    return record(found.identity, item) | more


def description(found: Found, item: Item, out: Outgoing | None, shown: Iterable[Shown]) -> list[str]:
    """Everything about a message, in lines. Nothing in its text can pass for one of them: it is indented."""
    facts = {
        "id": item.id,
        "inbox of": whose(found),
        "room": f"{item.chat_title or 'without a title'} ({item.chat_id})",
        "sender": f"{_sender(item)} ({item.message.sender_type} {item.message.sender_id})",
        "sent": item.sent_at,
        "state": _state(found, item),
        "attempts": str(item.attempts),
        "outcome": ": ".join(filter(None, (item.outcome, item.error))),
        "answer": _answer_in_words(out) if out else "",
        "shown": "; ".join(f"{s.rung} to {s.session} at {_iso(s.at)}" for s in shown),
    }
    lines = [f"{name + ':':<10} {visible(fact)}" for name, fact in facts.items() if fact]
    lines += ["text:", *_indented(item.message.readable)]
    said = _answer(out)["content"] if out else None
    return lines + (["answer's text:", *_indented(said)] if said else [])


def _row(item: Item) -> Sequence[str]:
    return (
        _cell(item.id),
        _cell(item.chat_title or item.chat_id, LONGEST_NAME if item.chat_title else None),
        _cell(_sender(item), LONGEST_NAME),
        _cell(item.sent_at[: len("2026-03-01T10:00:00")].replace("T", " ")),
        str(item.state),
        str(item.attempts),
        _cell(item.message.readable, LONGEST_TEXT),
    )


def _sender(item: Item) -> str:
    return item.message.sender_name or item.message.sender_id


def _state(found: Found, item: Item) -> str:
    free = item.state is State.LEASED and not found.is_held(item)
    return f"{item.state} ({MEANING[item.state]}{', and is free again' if free else ''})"


def _answer(out: Outgoing) -> dict[str, Any]:
    """Its key, how far it is, and what it says; an older version has not kept that."""
    return {
        "id": out.id,
        "state": str(out.phase),
        "tries": out.tries,
        "tried_at": _iso(out.tried_at) if out.tried_at else None,
        "error": out.error,
        "content": json.loads(out.body).get("content"),
    }


def _answer_in_words(out: Outgoing) -> str:
    tried_at = _answer(out)["tried_at"]
    tries = (
        f", {out.tries} {'try' if out.tries == 1 else 'tries'}, the last at {tried_at}" if tried_at else ""
    )
    return f"{out.phase}{tries}" + (f": {out.error}" if out.error else "")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _indented(text: str) -> list[str]:
    return [f"    {visible(line)}".rstrip() for line in text.replace("\r\n", "\n").expandtabs(4).split("\n")]


def _cell(text: str, most: int | None = None) -> str:
    """The text on one line, and of that the beginning where it is too long."""
    line = visible(" ".join(text.split()))
    return line if most is None or len(line) <= most else line[: most - 1] + "…"
