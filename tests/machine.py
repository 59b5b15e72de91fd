"""What tests ask the machine for: a port that is free, the memory of a process."""

from __future__ import annotations

from pathlib import Path

from thenvoi_bridge.ports import bind


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with bind("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        return port


def megabytes(pid: int, what: str = "VmRSS") -> float:
    """What a process has in memory now, or had at most (`VmHWM`), by proc(5)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024
