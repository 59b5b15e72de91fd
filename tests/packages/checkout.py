"""Copies of this checkout, to build from, and the programs of others that look at what comes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.wire.foreign import STARTING, environment, python

ROOT = Path(__file__).parents[2]
MADE = (".venv", ".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "dist", "secrets")
"""What lies in a checkout after work in it, and is no part of it."""


def copied(folder: Path) -> Path:
    """A copy of the checkout, with times of its own."""
    shutil.copytree(ROOT, folder, ignore=_made, copy_function=shutil.copyfile)
    return folder


def _made(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or (name in MADE and Path(folder) == ROOT)}


def program(package: str, name: str) -> list[str]:
    """The command that runs a program which somebody packed into a Python package."""
    return [*python(package)[:-1], name]


def done(command: Iterable[str | Path], cwd: Path = ROOT, **env: str) -> str:
    """What a command prints that ends well."""
    words, given = [*map(str, command)], alone(**env)
    ran = subprocess.run(
        words, cwd=cwd, env=given, capture_output=True, text=True, timeout=STARTING, check=False
    )
    assert ran.returncode == 0, f"{ran.args}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def alone(**more: str) -> dict[str, str]:
    """Our environment without what would lead a program back to the one that the tests run in."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    return {n: v for n, v in environment(**more).items() if n not in ours and not n.startswith("THENVOI_")}


def uv() -> str:
    """The program that the README's test command brings."""
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "this test needs uv, as the README's test command brings it"
    return found
