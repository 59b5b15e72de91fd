"""A platform, a few computers, and people who write: what happens, and whether it came to a good end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
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

    `processes` are of each computer, each with its host, for which see `Host`. Somebody writes every `pace`
    seconds on average, and with a chance of `more` goes on in the same room. Of a share of messages,
    `unpushed`, no push tells.
    """

    messages: int = 200
    extended: bool = True
    computers: int = 1
    processes: int = 3
    rooms: int = 4
    groups: bool = True
    failing: float = 0.003
    cares: bool = True
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
        rng, asked, when, room = self._clock.rng, self._settings, 0.0, ""
        for _ in range(asked.messages):
            if room and self._clock.happens(asked.more):
                when += rng.random()
            else:
                when += rng.expovariate(1 / asked.pace)
                room = f"room-{rng.randrange(asked.rooms)}"
            self._clock.after(when, partial(self._post, room))
        for computer in self.computers:
            for _ in range(asked.processes):
                self._start(computer, Host(groups=asked.groups, failing=asked.failing, cares=asked.cares))
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
        return not self._wire.writing and not self._unended() and not any(self._unprocessed().values())

    def _unended(self) -> list[str]:
        """What has not come to its end in an inbox. The dead have, where nobody looks after them."""
        left = [id for computer in self.computers for id in computer.unended]
        return left + [id for id in self._dead() if self._settings.cares]

    def _unprocessed(self) -> Mapping[str, Sequence[str]]:
        """What has not come to its end on the platform. A failed message is an unprocessed one there."""
        open = self.platform.unprocessed
        return open if self._settings.cares else _without(open, self._dead())

    def _dead(self) -> list[str]:
        return [id for computer in self.computers for id in computer.rows.of(State.DEAD)]

    def _verdict(self) -> Verdict:
        steps: Counter[tuple[State, State]] = Counter()
        for computer in self.computers:
            steps += computer.rows.steps
        return Verdict(self._report(), self._unended(), self._clock.tally, steps)

    def _report(self) -> Report:
        """Where a message failed for good, the room went on without it, and it is answered late or never."""
        platform = self.platform
        aside = {id for computer in self.computers for id in computer.rows.ever_dead}
        others = _without(platform.rooms, aside)
        answers = {room: [a for a in said if a[0] not in aside] for room, said in platform.answers.items()}
        in_order = check(others, answers, {})
        whole = check(platform.rooms, platform.answers, self._unprocessed())
        lost = whole.lost if self._settings.cares else in_order.lost
        return replace(whole, lost=lost, inversions=in_order.inversions)


def _without(rooms: Mapping[str, Sequence[str]], ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    return {room: [id for id in those if id not in ids] for room, those in rooms.items()}
