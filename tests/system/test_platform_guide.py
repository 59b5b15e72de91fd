"""What docs/platform.md tells people to do works as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "platform.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_every_command_of_an_administrator_does_what_it_says(tmp_path: Path) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines() if " serve " not in line]
    assert len(lines) == 8
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "thenvoi-bridge"
        done = subprocess.run(
            [sys.executable, "-m", "thenvoi_bridge", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        assert done.stdout, line


@pytest.mark.timeout(180)
def test_the_fixture_for_tests_of_ones_own_agents_passes_as_it_is(tmp_path: Path) -> None:
    (test,) = blocks("python")
    (tmp_path / "test_mine.py").write_text(test)
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *quiet, "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
