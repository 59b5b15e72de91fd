"""When two agents that answer each other without end are stopped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from thenvoi_bridge.contract.errors import AgentLoop

WINDOW = 10 * 60
"""Seconds for which a text that two agents have exchanged counts."""


def seconds_to_wait(turns: Iterable[str], now: str, most: int) -> int | None:
    """How long two agents have to be silent, None if they need not be.

    `turns` are the times of the texts that they have sent each other since a person last spoke, in any order.
    `most` of them may be within the window; 0 for any number.
    """
    moment = datetime.fromisoformat(now)
    ends = (datetime.fromisoformat(turn) + timedelta(seconds=WINDOW) for turn in turns)
    counted = sorted(end for end in ends if end > moment)
    if not most or len(counted) < most:
        return None
    return math.ceil((counted[-most] - moment).total_seconds())


def check_turns(turns: Mapping[str, Iterable[str]], now: str, most: int) -> None:
    """Raise `AgentLoop` if an agent must be silent towards any of those it mentions.

    `turns` are those with each of them, by handle; `retry_after` is the longest of their waits.
    """
    waits = {handle: seconds_to_wait(times, now, most) for handle, times in turns.items()}
    over = {handle: wait for handle, wait in waits.items() if wait is not None}
    if over:
        raise _refused(over, most)


def _refused(over: Mapping[str, int], most: int) -> AgentLoop:
    wait = max(over.values())
    refused = AgentLoop(
        f"Not sent: you and {', '.join(over)} have sent each other {most} messages in {WINDOW // 60} minutes "
        "without a person writing in this room. A person's message here lets you go on at once; otherwise "
        f"wait {wait} seconds."
    )
    refused.retry_after = wait
    return refused
