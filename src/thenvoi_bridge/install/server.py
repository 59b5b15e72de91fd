"""What a host is told to start: this installation by its absolute path, and the settings it is given."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from thenvoi_bridge.install.targets import Target

HIDDEN = "<your key>"
"""What is shown in the place of a key."""


@dataclass(frozen=True, slots=True)
class Server:
    """Our entry in a host's table. `secrets` are variables whose values nobody is shown."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def entry(self, target: Target) -> dict[str, Any]:
        """As this host wants it."""
        return self._entry(target, self.secrets)

    def shown(self, target: Target) -> dict[str, Any]:
        """The same, for people to see."""
        return self._entry(target, dict.fromkeys(self.secrets, HIDDEN))

    def _entry(self, target: Target, secrets: Mapping[str, str]) -> dict[str, Any]:
        typed = {"type": "stdio"} if target.typed else {}
        env = {**self.env, **secrets}
        command, *args = self.command
        return typed | {"command": command, "args": args} | ({"env": env} if env else {})


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether a host's entry starts the bridge, this installation or another, in whatever way."""
    words = [entry.get("command"), *(entry["args"] if isinstance(entry.get("args"), list) else ())]
    names = {PurePath(str(word).replace("\\", "/")).name.removesuffix(".exe") for word in words}
    return not names.isdisjoint({"thenvoi-bridge", "thenvoi_bridge"})


def this_command(python: str = sys.executable) -> tuple[str, ...]:
    """How this installation is started from anywhere: hosts know little of anybody's PATH."""
    # Not resolved: the interpreter of an environment is a link to one that knows nothing of it.
    folder = Path(python).absolute().parent
    for script in (folder / "thenvoi-bridge", folder / "thenvoi-bridge.exe"):
        if script.is_file():
            return (str(script),)
    return (str(Path(python).absolute()), "-m", "thenvoi_bridge")


def is_passing(prefix: str = sys.prefix) -> bool:
    """Whether this installation lies in a cache, from where it may vanish any day, as that of `uvx` does."""
    return any((folder / "CACHEDIR.TAG").is_file() for folder in Path(prefix).absolute().parents)
