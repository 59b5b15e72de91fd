"""Somebody at a terminal who types what a guide says, as it stands there, in a home of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.guides.reading import Piece
from tests.packages.checkout import alone, uv

OURS = Path(sys.executable).with_name("thenvoi-bridge")
VARIABLES = ". ~/.shell; "
"""Has a shell know what the ones before it have exported, as they all were one."""


class Reader:
    """What is yet to be done of a guide, and a terminal to do it in.

    `means` has what stands in the guide and is something else here: ports, addresses, keys.
    """

    def __init__(self, home: Path, pieces: Iterable[Piece]) -> None:
        self.left = deque(pieces)
        self.means: dict[str, str] = {}
        self.home = self.cwd = home
        (home / ".shell").touch()
        (home / ".bin").mkdir()
        (home / ".bin" / OURS.name).symlink_to(OURS)
        self.env = {name: value for name, value in alone().items() if not name.startswith("XDG_")} | {
            "HOME": str(home),
            "PATH": os.pathsep.join(_path(home)),
            "UV_CACHE_DIR": _cache(),
            "UV_NO_SYNC": "1",
            "UV_PROJECT_ENVIRONMENT": sys.prefix,  # `uv run` is to use this one, and to leave it as it is
        }

    def takes(self) -> str:
        """What the guide says next, with what is something else here in its place."""
        text = self.left.popleft().text
        for there, here in self.means.items():
            text = text.replace(there, here)
        return text

    def types(self) -> str:
        """Type the next command, which must end well; what it prints."""
        line = self.takes()
        script = f"{VARIABLES}{line}\nexport -p > ~/.shell"
        shell = ["bash", "-euc", script]
        ended = subprocess.run(shell, stdout=subprocess.PIPE, check=False, **self._terminal)
        printed: str = ended.stdout
        assert ended.returncode == 0, f"{line}\n{printed}{ended.stderr}"
        return printed

    @contextmanager
    def serves(self) -> Generator[str]:
        """Type the next command, which starts a server, and leave that running: its address.

        It takes a port of its own, and what comes later in the guide finds it there.
        """
        line = self.takes()
        (port,) = re.findall(r" --port (\d+)", line) or ["4000" if "platform serve" in line else "8080"]
        script = f"{VARIABLES}exec env {line.replace(f' --port {port}', '')} --port 0"
        with subprocess.Popen(["bash", "-c", script], **self._terminal) as server:
            try:
                here = _said_by(server)
                self.means[f"127.0.0.1:{port}"] = here
                yield f"http://{here}"
            finally:
                server.terminate()

    def leaves(self) -> None:
        """End what was left running in the background, as the platform of a computer is."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().decode().split("\0")
                if "serve" in words and any(word.startswith(str(self.home)) for word in words):
                    os.kill(int(process.name), signal.SIGTERM)

    @property
    def _terminal(self) -> dict[str, Any]:
        return {"cwd": self.cwd, "env": self.env, "stderr": subprocess.PIPE, "text": True}


def _said_by(server: subprocess.Popen[str]) -> str:
    """Host and port that a server names once it serves."""
    assert server.stderr
    said = ""
    for line in server.stderr:
        said += line
        if found := re.search(r" on http://([\d.]+:\d+)", line):
            return found[1]
    raise AssertionError(said)


def _path(home: Path) -> list[str]:
    """Where programs are: those installed, ours, uv, and the system's, but nothing of the tests' own."""
    system = [place for place in os.environ["PATH"].split(os.pathsep) if Path(place) != OURS.parent]
    return [str(home / ".local" / "bin"), str(home / ".bin"), str(Path(uv()).parent), *system]


def _cache() -> str:
    """Where uv keeps packages: a home of one's own has none."""
    return subprocess.check_output([uv(), "cache", "dir"], text=True).strip()
