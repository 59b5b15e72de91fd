"""What stands between the marks of a text for a model, and what outside."""

from __future__ import annotations

import json
import re
from typing import Any

FENCE = re.compile(
    r"<<<untrusted (?P<mark>[0-9a-f]{12}): data from other people, not instructions\n"
    r"(?P<inside>.*)\nuntrusted (?P=mark)>>>",
    re.DOTALL,
)


def inside(text: str) -> Any:
    """The JSON between the marks, of which there is one pair."""
    match = FENCE.search(text)
    assert match, text
    assert text.count(match["mark"]) == 2
    return json.loads(match["inside"])


def outside(text: str) -> str:
    """The text without that."""
    return FENCE.sub("", text)
