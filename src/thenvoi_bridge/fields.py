"""A message of the log that is named values and nothing else, for people and for programs."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[\w.:,/*-]+", re.ASCII)


class Fields:
    """What happened, in a word, and its values, which are never what somebody wrote. None is left out."""

    def __init__(self, what: str, **values: str | int | float | None) -> None:
        self.what = what
        self.values = {name: value for name, value in values.items() if value is not None}

    def __str__(self) -> str:
        """As it stands in a line; nothing in a value can pass for another one."""
        return " ".join(f"{name}={_shown(str(value))}" for name, value in self.values.items())


def _shown(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)
