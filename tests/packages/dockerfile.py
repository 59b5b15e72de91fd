"""The Dockerfile, read: its stages, and the instructions of each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.packages.checkout import ROOT


@dataclass
class Stage:
    """From what it is made, and how: pairs of an instruction and what it is given."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def given(self, instruction: str) -> list[str]:
        return [words for name, words in self.steps if name == instruction]

    def command(self, instruction: str) -> list[str]:
        """The words of a command in the form that no shell stands in between."""
        (words,) = self.given(instruction)
        command: list[str] = json.loads(words[words.index("[") :])
        return command


def stages() -> tuple[str, list[Stage]]:
    """The image that all begins with, and the stages."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    (first, argument), *rest = lines
    assert (first, argument.partition("=")[0]) == ("ARG", "PYTHON")
    found: list[Stage] = []
    for instruction, words in rest:
        if instruction == "FROM":
            found.append(Stage(words))
        else:
            found[-1].steps.append((instruction, words))
    return re.sub("^PYTHON=", "", argument), found
