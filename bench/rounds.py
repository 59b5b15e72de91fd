"""Rounds: everybody is measured in each, one after the other, so that all have the same weather."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench.figures import Effort, Gathered

Measure = Callable[[], Awaitable[Mapping[str, float]]]
"""Measures somebody once: a value for each thing that is looked at."""


async def interleaved(effort: Effort, contenders: Mapping[str, Measure]) -> Gathered:
    """What all rounds have found. Every second round goes backwards."""
    gathered = Gathered()
    for number in range(-effort.warm, effort.rounds):
        for who in list(contenders)[:: 1 if number % 2 == 0 else -1]:
            found = await contenders[who]()
            if number >= 0:
                gathered.add(who, found)
    return gathered
