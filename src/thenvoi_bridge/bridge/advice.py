"""What a model is told about tools and errors, as far as it fits the tools it was given."""

from __future__ import annotations

import re
from collections.abc import Collection

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.contract.errors import ThenvoiError


def fitting(text: str, absent: Collection[str]) -> str:
    """The text less the sentences that name a tool which is not there, and the lines that leaves empty."""
    lines = ((line, _fitting(line, absent)) for line in text.split("\n"))
    return "\n".join(kept for line, kept in lines if kept or not line)


def next_step(problem: ThenvoiError, group: str) -> str:
    """What to do next: by code, else by kind of error; in this group of tools, else anywhere."""
    codes = (problem.code, type(problem).code)
    keys = [key for code in codes for key in (f"{group}.{code}", code)]
    return next((wording.NEXT[key] for key in keys if key in wording.NEXT), wording.OTHERWISE)


def _fitting(line: str, absent: Collection[str]) -> str:
    sentences = re.split(r"(?<=\.) ", line)
    return " ".join(each for each in sentences if not set(re.findall(r"\w+", each)) & set(absent))
