"""What a process and those it has started use, as Linux counts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

NANO = 1e-9
MEGA = 1024.0
"""Of kilobytes."""


def tree(pid: int) -> Iterator[int]:
    """A process and what it has started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


def cpu(pid: int) -> float:
    """Seconds of user and system time of all of them, in threads that still run."""
    return sum(_spent(each) for each in tree(pid)) * NANO


def memory(pid: int) -> dict[str, float]:
    """Megabytes of all of them: resident (RSS), and with what is shared divided among its users (PSS)."""
    sums = {"Rss": 0.0, "Pss": 0.0}
    for each in tree(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0]) / MEGA
    return sums


def _spent(pid: int) -> int:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
