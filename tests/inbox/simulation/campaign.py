"""Many worlds, one seed each, and what came of them all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.inbox.simulation.wire import Fates
from tests.inbox.simulation.world import Settings, Verdict, World
from thenvoi_bridge.inbox.core import State

KEYS = Settings()
"""A platform that honours Idempotency-Key and If-Attempt, as ours does; a request may be very late."""

NO_KEYS = Settings(extended=False, fates=Fates(latest=15.0))
"""Any other platform. A request arrives within 15 s after it was given up, or never: less than is waited."""

COMPUTERS = Settings(computers=2, groups=False)
"""An agent on two computers that know nothing of each other, and take its seat from each other in turn.

Where one of them answers several messages at once, the other may answer some of them once more: a key stands
for the oldest message only. So here every message has an answer of its own.
"""

KINDS = ("lost", "answered_twice", "unasked", "inversions", "unprocessed", "unended")
"""Ways in which messages can be wrong in the end."""


@dataclass(slots=True)
class Outcome:
    """What came of a number of messages. `wrong` has the seeds of the worlds that did not end well."""

    messages: int = 0
    seconds: float = 0.0
    wrong: dict[int, Verdict] = field(default_factory=dict)
    tally: Counter[str] = field(default_factory=Counter)
    steps: Counter[tuple[State, State]] = field(default_factory=Counter)

    def add(self, seed: int, settings: Settings, verdict: Verdict) -> None:
        """Add what came of one world."""
        self.messages += settings.messages
        self.tally += verdict.tally
        self.steps += verdict.steps
        if not verdict.clean:
            self.wrong[seed] = verdict

    def violations(self, kind: str) -> int:
        """How many messages are wrong in one of these ways."""
        return sum(len(getattr(verdict.report, kind, verdict.unended)) for verdict in self.wrong.values())

    def complaint(self) -> str:
        """What is wrong, world by world; with its seed each can be seen again."""
        return "\n".join(f"seed {seed}: {v.report}, not ended {v.unended}" for seed, v in self.wrong.items())


def verdicts(messages: int, seed: int, settings: Settings) -> Iterator[tuple[int, Verdict]]:
    """World after world until there were so many messages: its seed, and what came of it."""
    for nth in range(-(-messages // settings.messages)):
        yield seed + nth, World(seed + nth, settings).run()


def campaign(messages: int, seed: int, settings: Settings) -> Outcome:
    """All these worlds together. `seconds` are of the processor."""
    outcome, began = Outcome(), time.process_time()
    for world, verdict in verdicts(messages, seed, settings):
        outcome.add(world, settings, verdict)
    outcome.seconds = time.process_time() - began
    return outcome
