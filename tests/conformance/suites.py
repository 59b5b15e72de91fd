"""The official conformance suites, run against a server, and what they found, by scenario."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.wire.foreign import environment, installed, node

PACKAGE = "@modelcontextprotocol/conformance"
PATIENCE = 120.0
"""Seconds for one suite; the longest took four."""

Found = Mapping[str, Counter[str]]
"""By scenario, how many checks ended in SUCCESS, FAILURE, WARNING, SKIPPED or INFO."""


@dataclass(frozen=True)
class Suite:
    """A version of the suite, and the revision of the protocol it is asked about; None is all it knows."""

    version: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.version}, {self.revision}" if self.revision else self.version

    def home(self, cache: Path) -> Path:
        """Where it is installed."""
        return installed(cache, f"{PACKAGE}@{self.version}") / "node_modules" / PACKAGE

    def required(self, cache: Path) -> set[str]:
        """The scenarios that its revision asks of a server."""
        text = (self.home(cache) / "requirements" / f"{self.revision}.yaml").read_text(encoding="utf-8")
        server = text.partition("\nserver:")[2].partition("\nclient:")[0]
        return set(re.findall(r"^  - ([\w-]+)$", server, re.MULTILINE))

    def run(self, url: str, cache: Path, out: Path) -> Found:
        """Run it against a server."""
        which = ["--requirements", self.revision] if self.revision else ["--suite", "all"]
        main = str(self.home(cache) / "dist/index.js")
        command = node(main, "server", "--url", url, *which, "--output-dir", str(out))
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment())
        found = {scenario(path): statuses(path) for path in out.glob("*/checks.json")}
        assert found, ran.stdout + ran.stderr
        return found


def scenario(path: Path) -> str:
    """Which scenario left this file; its folder is named after it and the time."""
    found = re.fullmatch(r"server-(.+?)-\d{4}-\d\d-\d\dT[\d-]+Z", path.parent.name)
    assert found, path
    return found[1]


def statuses(path: Path) -> Counter[str]:
    """How the checks of a scenario ended."""
    return Counter(check["status"] for check in json.loads(path.read_text(encoding="utf-8")))


def failed(found: Found) -> set[str]:
    """The scenarios with a check that failed."""
    return {name for name, ended in found.items() if ended["FAILURE"]}


def total(found: Found) -> Counter[str]:
    """How all checks ended."""
    return sum(found.values(), Counter[str]())


def table(found: Mapping[Suite, Found]) -> str:
    """What each suite found in each scenario: how many checks passed, and how many did not."""
    names = sorted({name for results in found.values() for name in results})
    rows = [
        ("Scenario", *map(str, found)),
        ("---",) * (1 + len(found)),
        *((f"`{name}`", *(cell(results.get(name)) for results in found.values())) for name in names),
        ("All", *(cell(total(results)) for results in found.values())),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(ended: Counter[str] | None) -> str:
    """What a table says of a scenario."""
    if ended is None:
        return ""
    lost = f", {ended['FAILURE']} failed" if ended["FAILURE"] else ""
    return f"{ended['SUCCESS']} passed{lost}"
