"""`python -m tests.planted [NAME...]`: plant each bug in a copy, and see that the tests notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).parents[2]
PARTS = (
    "src",
    "tests",
    "docs",
    "pyproject.toml",
    "README.md",
    "manifest.json",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
)


def planted(bug: Bug, copy: Path) -> None:
    """Change the copy of the project. Raises ValueError if the good code is not there, or not just once."""
    file = copy / "src" / "thenvoi_bridge" / bug.file
    text = file.read_text()
    if text.count(bug.good) != 1:
        raise ValueError(f"{bug.name}: {bug.file} does not have the good code once")
    file.write_text(text.replace(bug.good, bug.bad))


def noticed(bug: Bug | None, tests: tuple[str, ...]) -> bool:
    """Whether the tests fail in a copy of the project with the bug, or without any."""
    with TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder)
        for part in PARTS:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        if bug:
            planted(bug, copy)
        return _fail(copy, tests)


def _fail(copy: Path, tests: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]
    environ = {**os.environ, "PYTHONPATH": str(copy / "src")}
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the tests did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def main() -> None:
    """Plant the bugs that are named, or all, and tell which were noticed."""
    chosen = [bug for bug in BUGS if not sys.argv[1:] or bug.name in sys.argv[1:]]
    unnoticed = []
    for bug in chosen:
        seen = noticed(bug, bug.tests)
        print(f"{'noticed' if seen else 'NOT NOTICED':12} {bug.name}", flush=True)
        unnoticed += [] if seen else [bug.name]
    print(f"{len(chosen) - len(unnoticed)} of {len(chosen)} noticed")
    raise SystemExit(bool(unnoticed))


if __name__ == "__main__":
    main()
