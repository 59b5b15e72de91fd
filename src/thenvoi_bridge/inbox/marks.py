"""Marks on the folders of inboxes, by which the settings of a bridge tell which one is meant.

A key does not say whose it is, and hooks and shells do not ask the platform. So each bridge leaves a digest
there of what its settings say: the agent's key, or the agent's name on the platform of this computer.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_PREFIX, _SUFFIX = "settings-", ".mark"


def mark(known_as: str) -> str:
    """The mark of a key or a name. It does not lead back to a key."""
    return _PREFIX + hashlib.sha256(known_as.encode()).hexdigest()[:16]


def is_mark(name: str) -> bool:
    """Whether it is one, and not the name of an agent."""
    return name.startswith(_PREFIX)


def put(folder: Path, mark: str) -> None:
    """Mark a folder, and no other one beside it: settings mean one agent. Raises `OSError`."""
    (folder / f"{mark}{_SUFFIX}").touch(mode=0o600)
    for other in folder.parent.glob(f"*/{mark}{_SUFFIX}"):
        if other.parent != folder:
            other.unlink(missing_ok=True)


def found(folder: Path) -> set[str]:
    """The marks of a folder."""
    return {path.stem for path in folder.glob(f"*{_SUFFIX}")}
