"""One process of a bridge: how it lives and dies, what it shares with others, how it goes about things."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from tests.inbox.simulation.clock import Clock, Rest, Steps
from tests.inbox.simulation.memory import Memory
from tests.inbox.simulation.platform import Platform
from tests.inbox.simulation.wire import Wire
from thenvoi_bridge.bridge.seat import HEAD
from thenvoi_bridge.inbox.core import OPEN, Caller, State
from thenvoi_bridge.inbox.rows import Rows

P = ParamSpec("P")
T = TypeVar("T")

TICK = 1.0
"""Seconds that pass at most between two steps that follow each other at once."""

EPOCH = 1.75e9
"""Unix time at which a simulation begins."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a process goes about its work. What is not the default is wrong: a simulation has to find it."""

    asks_for_the_head: bool = True
    """Before anything is handed out, it asks the platform what the room has."""
    leases_where_it_asked: bool = True
    """It hands out messages of that room, even if another one comes first by now."""
    leases_what_was_listed: bool = True
    """It hands out only what the platform has just listed, and nothing that has come in since."""
    looks_further: bool = True
    """Where nothing that was listed can be handed out, it asks for what comes then, and for other rooms."""
    looks_past_the_dead_only: bool = True
    """But only past what is dead, for that stays: of a list that shrinks, something slips between pages."""
    answers_in_turn: bool = True
    """It sends no answer while that to an older message of the room may still be on its way."""
    knows_when_it_lost: bool = True
    """What somebody else holds or has ended it does not answer."""
    sends_what_it_holds: bool = True
    """Stopped for a while between noting a try and making it, it does not make it any more."""
    keeps_keys: bool = True
    """Every try to send an answer has the same Idempotency-Key."""
    remembers_doubt: bool = True
    """A call that was repeated may have been applied, although the last request certainly was not."""
    settles: bool = True
    """Where keys are not honoured, it waits and looks before it sends something again."""
    tells_afterwards: bool = True
    """It says that a message is processed once the answer is out, not before."""
    reacknowledges: bool = True
    """What is done, but listed as unprocessed, it acknowledges again."""
    head: int = HEAD
    """How many messages it asks for at a time. Fewer are not wrong."""


@dataclass(frozen=True, slots=True)
class Accidents:
    """What happens to processes, as shares of steps at work; `hung` of answers, `cut` of looks at sockets."""

    killed: float = 0.005
    frozen: float = 0.0005
    hung: float = 0.02
    cut: float = 0.002


class Computer:
    """What the processes of one computer share: the inbox, who lives, who receives."""

    def __init__(self, clock: Clock, platform: Platform, wire: Wire, rows: Memory) -> None:
        self.clock, self.platform, self.wire, self.rows = clock, platform, wire, rows
        self.alive: set[str] = set()
        self.leader: str | None = None
        self.beat_at = 0.0
        self.standby = False
        self.honours_keys: bool | None = None

    @property
    def unended(self) -> list[str]:
        """What has not come to its end in the inbox: messages that came in, and ours."""
        return self.rows.of(*OPEN, State.ACKING) + [out.id for out in self.rows.unsent()]


class Process:
    """A process from its start until it is killed. `id` is its sign of life, never used again."""

    def __init__(self, computer: Computer, id: str, conduct: Conduct, accidents: Accidents) -> None:
        self.computer, self.id, self.conduct, self.accidents = computer, id, conduct, accidents
        self.clock, self.platform, self.wire = computer.clock, computer.platform, computer.wire
        self.rows = computer.rows
        self.alive = True
        self._killed: Callable[[], None] = lambda: None
        self._frozen_until = 0.0
        computer.alive.add(id)

    @property
    def by(self) -> Caller:
        """This process now."""
        return Caller(self.id, self.clock.now, self.computer.alive.__contains__)

    @property
    def wall(self) -> float:
        """The Unix time."""
        return EPOCH + self.clock.now

    def change(self, work: Callable[Concatenate[Rows, P], T], *args: P.args, **more: P.kwargs) -> Steps[T]:
        """One transaction on the inbox. Raises what it does."""
        result = self.rows.run(work, *args, **more)
        yield 0.0
        return result

    def run(self, works: Iterable[Steps[None]], killed: Callable[[], None]) -> None:
        """Do these things, all at the same time, until it is killed."""
        self._killed = killed
        for work in works:
            self._step(work)

    def _step(self, work: Steps[None]) -> None:
        if not self.alive:
            return
        pause = self._frozen_until - self.clock.now
        if pause <= 0:
            done = next(work, None)
            if done is None:
                return
            if not isinstance(done, Rest):
                self._meet(done, self.clock.rng.random())
            pause = done + self.clock.rng.random() * TICK
        self.clock.after(pause, partial(self._step, work))

    def _meet(self, pause: float, chance: float) -> None:
        """Have an accident, perhaps, in this pause."""
        if chance < self.accidents.killed:
            self.clock.after(self.clock.rng.random() * pause, self._kill)
        elif chance < self.accidents.killed + self.accidents.frozen:
            self.clock.tally["processes frozen"] += 1
            self._frozen_until = self.clock.now + self.clock.rng.uniform(10.0, 200.0)

    def _kill(self) -> None:
        if self.alive:
            self.clock.tally["kills"] += 1
            self.end()

    def end(self) -> None:
        """Be gone at once; what was its own is free."""
        self.alive = False
        self.computer.alive.discard(self.id)
        if self.computer.leader == self.id:
            self.computer.leader = None
            self.platform.disconnect(self.computer)
        self._killed()
