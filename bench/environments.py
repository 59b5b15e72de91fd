"""Environments of their own for the programs that are measured: as their users have them, and compiled.

They are made with uv in the folder for caches, once for each set of packages, and for each state of this
project.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

ROOT = Path(__file__).parents[1]
CACHE = user_cache_path("thenvoi-bridge-bench")
BAND = "band-mcp==2.2.7"
SDK = ("mcp>=2.3,<3", "httpx2>=2.10")


@cache
def ours() -> Path:
    """The programs of this project, as it stands here."""
    return _made("bridge", _contents(), "--reinstall-package", "thenvoi-bridge", str(ROOT))


@cache
def band() -> Path:
    """The programs of band-mcp."""
    return _made("band", BAND, BAND)


@cache
def sdk() -> Path:
    """The programs of an environment that has the MCP SDK and an HTTP client."""
    return _made("sdk", "".join(SDK), *SDK)


def version(programs: Path, package: str) -> str:
    """Which version of a package is there."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    asked = [str(programs / "python"), "-c", code]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def clean(**more: str) -> dict[str, str]:
    """Our environment, as a program that is measured gets it: nothing set for Python or for a bridge."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **more}


_OURS = ("PYTHON", "THENVOI_", "BAND_", "VIRTUAL_ENV", "UV_")


def _contents() -> str:
    files = [
        ROOT / "pyproject.toml",
        *sorted((ROOT / "src").rglob("*.py")),
        *sorted((ROOT / "src").rglob("*.sql")),
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _made(name: str, contents: str, *packages: str) -> Path:
    known = hashlib.sha256(f"{sys.version} {contents}".encode()).hexdigest()[:8]
    folder = CACHE / f"{name}-{known}"
    if not (folder / "complete").exists():
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        into = ("--compile-bytecode", "--python", str(folder / "bin/python"))
        _uv("pip", "install", "--quiet", *into, *packages)
        (folder / "complete").touch()
    return folder / "bin"


def _uv(*arguments: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise SystemExit("The measurements need uv, as `pip install uv` brings it")
    subprocess.run([uv, *arguments], check=True)
