"""A platform, a few computers, and people who write: what happens, and whether it came to a good end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tests.faults.history import Report, check
from tests.inbox.simulation.clock import Clock
from tests.inbox.simulation.host import Host, Session
from tests.inbox.simulation.memory import Memory
from tests.inbox.simulation.platform import Platform
from tests.inbox.simulation.process import Accidents, Computer, Conduct, Process
from tests.inbox.simulation.wire import Fates, Wire
from thenvoi_bridge.inbox.core import State

LONGEST = 20_000.0
"""Seconds after the last message in which everything has to come to its end."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is simulated. `extended`: the platform honours Idempotency-Key and If-Attempt.

    `processes` are of each computer, each with its host; `groups`: hosts also answer several messages at
    once. Somebody writes every `pace` seconds on average, and with a chance of `more` goes on in the same
    room. Of a share of messages, `unpushed`, no push tells.
    """

    messages: int = 200
    extended: bool = True
    computers: int = 1
    processes: int = 3
    rooms: int = 4
    groups: bool = True
    pace: float = 5.0
    more: float = 0.3
    unpushed: float = 0.1
    fates: Fates = field(default_factory=Fates)
    accidents: Accidents = field(default_factory=Accidents)
    conduct: Conduct = field(default_factory=Conduct)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong in the end, and what happened. `steps` are changes of state in the inboxes."""

    report: Report
    unended: Sequence[str]
    tally: Counter[str]
    steps: Counter[tuple[State, State]]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.report.clean and not self.unended


class World:
    """Everything there is, and one way in which it may go."""

    def __init__(self, seed: int, settings: Settings, rows: Callable[[], Memory] = Memory) -> None:
        self._settings = settings
        self._clock = clock = Clock(seed)
        self._wire = Wire(clock, settings.fates, forgetful=not settings.conduct.remembers_doubt)
        self.platform = Platform(clock.tally, extended=settings.extended)
        self.computers = [
            Computer(clock, self.platform, self._wire, rows()) for _ in range(settings.computers)
        ]
        self._born = 0

    def run(self) -> Verdict:
        """Let it happen until everything has come to its end, or nothing ever will."""
        end = self._plan()
        self._clock.run(end)
        while not self._is_over() and self._clock.now < end + LONGEST:
            self._clock.run(self._clock.now + 20.0)
        return self._verdict()

    def _plan(self) -> float:
        """Plan what people write, and start the processes; return when the last message is written."""
        rng, when, room = self._clock.rng, 0.0, ""
        for _ in range(self._settings.messages):
            if room and self._clock.happens(self._settings.more):
                when += rng.random()
            else:
                when += rng.expovariate(1 / self._settings.pace)
                room = f"room-{rng.randrange(self._settings.rooms)}"
            self._clock.after(when, partial(self._post, room))
        for computer in self.computers:
            for _ in range(self._settings.processes):
                self._start(computer, Host(groups=self._settings.groups))
        return when

    def _post(self, room: str) -> None:
        self.platform.post(room, pushed=not self._clock.happens(self._settings.unpushed))

    def _start(self, computer: Computer, host: Host) -> None:
        """Start a process for a host, and another one some time after it was killed."""
        self._born += 1
        process = Process(computer, f"process {self._born}", self._settings.conduct, self._settings.accidents)
        again = partial(self._start, computer, host)
        process.run(
            Session(host, process).works(),
            lambda: self._clock.after(self._clock.rng.uniform(1.0, 60.0), again),
        )

    def _is_over(self) -> bool:
        told = not self.platform.unprocessed and not self._wire.writing
        return told and not any(computer.unended for computer in self.computers)

    def _verdict(self) -> Verdict:
        steps: Counter[tuple[State, State]] = Counter()
        for computer in self.computers:
            steps += computer.rows.steps
        unended = [id for computer in self.computers for id in computer.unended]
        return Verdict(self._report(), unended, self._clock.tally, steps)

    def _report(self) -> Report:
        """Where a message failed for good, the room went on without it; its order is of no account."""
        platform = self.platform
        aside = {id for computer in self.computers for id in computer.rows.ever_dead}
        whole = check(platform.rooms, platform.answers, platform.unprocessed)
        if not aside:
            return whole
        posted = {room: [id for id in ids if id not in aside] for room, ids in platform.rooms.items()}
        answers = {room: [a for a in said if a[0] not in aside] for room, said in platform.answers.items()}
        return replace(whole, inversions=check(posted, answers, {}).inversions)
