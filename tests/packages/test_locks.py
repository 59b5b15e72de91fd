"""The locks of requirements: all that pyproject.toml wants, each at one version that its hashes name."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.packages.checkout import ROOT, copied, done, uv

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNS, BUILDS = "requirements.lock", "requirements-build.lock"
WANTED = {
    RUNS: [
        *PROJECT["project"]["dependencies"],
        *(one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra),
    ],
    BUILDS: PROJECT["build-system"]["requires"],
}


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """The version of each package, and how many hashes it has."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", "")
    found = re.findall(r"^([\w.-]+)==(\S+)(.*)$", text, re.M)
    assert len(found) == len({name for name, *_ in found})
    return {name: (version, rest.count("--hash=sha256:")) for name, version, rest in found}


@pytest.mark.parametrize("lock", [RUNS, BUILDS])
def test_a_lock_has_what_is_wanted_at_a_version_that_will_do(lock: str) -> None:
    pinned = pins(lock)
    for wanted in map(Requirement, WANTED[lock]):
        version, _ = pinned[wanted.name.lower()]
        assert wanted.specifier.contains(version), f"{wanted} is not satisfied: see CONTRIBUTING.md, Releases"


@pytest.mark.parametrize("lock", [RUNS, BUILDS])
def test_a_lock_has_hashes_for_everything_and_names_no_place(lock: str) -> None:
    assert all(hashes for _, hashes in pins(lock).values())
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--.*index|--find-links|--trusted)", text, re.M)


def test_what_builds_is_what_the_lock_is_made_of() -> None:
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_the_command_in_a_lock_makes_it_again(tmp_path: Path) -> None:
    copy = copied(tmp_path / "copy")
    for lock in (RUNS, BUILDS):
        before = (copy / lock).read_text(encoding="utf-8")
        program, *command = shlex.split(before.splitlines()[1].lstrip("# "))
        assert program == "uv"
        done([uv(), *command], copy)
        assert (copy / lock).read_text(encoding="utf-8") == before, (
            f"{lock} is stale: {before.splitlines()[1]}"
        )
