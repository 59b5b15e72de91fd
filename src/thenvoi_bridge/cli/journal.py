"""The log for programs: one JSON object a line, and nothing of what anybody wrote."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from thenvoi_bridge import tracing
from thenvoi_bridge.fields import Fields

LONGEST = 2000
"""Characters of a message; what is longer is cut."""


class Journal(logging.Formatter):
    """Of an error it keeps the kind and the place: its text may quote a message, a key or a path.

    Of a message it keeps the first line; libraries put errors on the others.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in the record: all but printable ASCII is escaped."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record).partition("\n")[0][:LONGEST],
            **(record.msg.values if isinstance(record.msg, Fields) else {}),
        }
        if (trace_id := tracing.trace_id()) is not None:
            said["trace_id"] = trace_id
        if record.exc_info and record.exc_info[0]:
            kind, _, where = record.exc_info
            said |= {"error": kind.__name__, "at": _places(where)}
        return json.dumps(said)


def _message(record: logging.LogRecord) -> str:
    if isinstance(record.msg, Fields):
        return record.msg.what
    if not isinstance(record.args, tuple) or not record.args:
        return record.getMessage()
    kinds = (type(value).__name__ if isinstance(value, BaseException) else value for value in record.args)
    return str(record.msg) % tuple(kinds)


def _places(where: TracebackType | None) -> list[str]:
    """Where it broke, innermost last: modules, lines and functions."""
    frames = (
        (frame.f_globals.get("__name__", "?"), line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(where)
    )
    return [f"{module}:{line} {function}" for module, line, function in frames]
