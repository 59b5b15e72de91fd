"""Where programs of this account keep their settings, read off the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """Where programs of this account keep their settings: MCP hosts, above all.

    `config` is where desktop programs do, `dotted` where those do that follow XDG except on Windows.
    """

    system: str
    home: Path
    config: Path
    dotted: Path
    local: Path
    codex: Path
    claude: Path

    @classmethod
    def read(
        cls, environ: Mapping[str, str] = os.environ, system: str = sys.platform, home: Path | None = None
    ) -> Folders:
        """Those of this account, or of one on another system."""
        home = home or Path.home()

        def at(name: str, usual: Path) -> Path:
            return Path(environ.get(name) or usual)

        roaming, dotted = at("APPDATA", home / "AppData" / "Roaming"), at("XDG_CONFIG_HOME", home / ".config")
        return cls(
            system=system,
            home=home,
            config={"win32": roaming, "darwin": home / "Library" / "Application Support"}.get(system, dotted),
            dotted=roaming if system == "win32" else dotted,
            local=at("LOCALAPPDATA", home / "AppData" / "Local"),
            codex=at("CODEX_HOME", home / ".codex"),
            claude=at("CLAUDE_CONFIG_DIR", home),
        )
