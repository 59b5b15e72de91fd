"""What docs/platform.md tells people to do works as it stands there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "platform.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULE = f"{shlex.quote(sys.executable)} -m thenvoi_bridge"


def blocks(language: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(120)
def test_the_readmes_platform_serves_a_person_who_registers_an_agent(tmp_path: Path) -> None:
    serve, add, curl = (
        shlex.split(block.replace("\\\n", "").replace("thenvoi-bridge", MODULE))
        for block in blocks("console", README.partition("## A platform of your own")[2])
    )
    with subprocess.Popen([*serve, "--port", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        try:
            (url,) = re.findall(r"Thenvoi platform on (http://\S+)", server.stderr.readline())
            new = json.loads(subprocess.check_output(add, cwd=tmp_path))
            registered = posted(curl, url, new["api_key"])
        finally:
            server.terminate()
    assert new.keys() == {"id", "handle", "api_key"}
    assert registered["agent"]["handle"] == "alice/scout"
    assert registered["credentials"]["api_key"].startswith("thnv_a_")


def posted(curl: list[str], url: str, key: str) -> dict[str, Any]:
    """What `curl` would be answered, were it there."""
    _, _, where, *parts = curl
    assert parts[::2] == ["-H", "-H", "-d"]
    headers = dict(header.replace("$KEY", key).split(": ") for header in parts[1:4:2])
    where = where.replace("http://127.0.0.1:4000", url)
    with urlopen(Request(where, parts[5].encode(), headers)) as answer:
        read: dict[str, Any] = json.load(answer)["data"]
        return read


def _is_run(line: str) -> bool:
    """Whether it is a command of ours that ends by itself."""
    return line.startswith("thenvoi-bridge ") and " serve " not in line


@pytest.mark.thorough
def test_every_command_of_an_administrator_does_what_it_says(tmp_path: Path) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines() if _is_run(line)]
    assert len(lines) == 10
    for line in lines:
        _, *arguments = shlex.split(line)
        done = subprocess.run(
            [sys.executable, "-m", "thenvoi_bridge", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        assert done.stdout, line


@pytest.mark.thorough
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
