"""What a process and those it has started use, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NANO, TICK = 1e-9, 1 / os.sysconf("SC_CLK_TCK")
MEGA = 1024.0
"""Of kilobytes."""


def tree(pid: int) -> Iterator[int]:
    """A process and what it has started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


@dataclass(frozen=True)
class Used:
    """What a process and those it has started have used so far: to the nanosecond by thread, and in ticks."""

    threads: dict[str, int]
    ticks: int

    def since(self, before: Used) -> float:
        """Seconds of user and system time since then. A thread that has ended takes its nanoseconds along."""
        if before.threads.keys() <= self.threads.keys():
            return (sum(self.threads.values()) - sum(before.threads.values())) * NANO
        return (self.ticks - before.ticks) * TICK


def cpu(pid: int) -> Used:
    """What all of them have used."""
    threads: dict[str, int] = {}
    for each in tree(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            threads[task.name] = int((task / "schedstat").read_text().split()[0])
    return Used(threads, sum(map(_ticks, tree(pid))))


def memory(pid: int) -> dict[str, float]:
    """Megabytes of all of them: resident (RSS), and with what is shared divided among its users (PSS)."""
    sums = {"Rss": 0.0, "Pss": 0.0}
    for each in tree(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0]) / MEGA
    return sums


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))
