"""How fast somebody does the same thing again and again, and what that costs a process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median, quantiles

import anyio

from bench.processes import cpu

MEDIAN, P99, RATE, CPU = "median", "p99", "a second", "CPU"


async def paced(
    do: Callable[[], Awaitable[object]], times: int, at_once: int, pid: int | None = None
) -> Mapping[str, float]:
    """Do it so often, so many at once: seconds each takes, how many a second, CPU of a process for each."""
    took: list[float] = []
    left = iter(range(times))

    async def work() -> None:
        for _ in left:
            begun = time.perf_counter()
            await do()
            took.append(time.perf_counter() - begun)

    used, begun = cpu(pid) if pid else None, time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(at_once):
            tasks.start_soon(work)
    passed = time.perf_counter() - begun
    spent = cpu(pid).since(used) if pid and used else 0.0
    slow = quantiles(took, n=100)[-1] if len(took) > 1 else took[0]
    return {MEDIAN: median(took), P99: slow, RATE: times / passed, CPU: spent / times}
