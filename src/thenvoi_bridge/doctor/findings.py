"""What the doctor finds: how bad it is, a sentence, and what helps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `about` is for programs; `more` has values for them besides."""

    level: Level
    about: str
    said: str
    cure: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON values. The names are for programs to rely on."""
        known = {"level": self.level, "about": self.about, "said": self.said, "cure": self.cure}
        return known | self.more


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is an error."""
    return all(finding.level != "error" for finding in findings)
