"""The signs of life of one process on a Postgres that it shares with others, and what it hears of them.

However many inboxes it has open: one connection, a round every `TICK` seconds, and in every `BEAT` seconds
that of all its leases. A leader that could not renew in time stops before its lease is over for the others.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from uuid import uuid4

import anyio

from thenvoi_bridge.inbox import leases
from thenvoi_bridge.inbox.leases import LEASE, Change
from thenvoi_bridge.storage import Database, StorageError, Tx

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.schema import Schema
    from thenvoi_bridge.inbox.store import Inbox

BEAT = 2.0
"""Seconds between two renewals."""

TICK = 0.25
"""Seconds between two looks at what others have changed, and whether there is a lead to take."""

MARGIN = 1.0
"""Seconds before the end of its lease at which a leader that could not renew it stops."""

logger = logging.getLogger(__name__)


class Member:
    """What one inbox is told of this process's pulse: a `Life` and a `Lead`. Made by `Pulse.join`."""

    def __init__(self, pulse: Pulse, identity: str, id: str) -> None:
        self.identity, self.id = identity, id
        self.schema: Schema
        self._pulse = pulse
        self._heard, self._here = 0, threading.local()
        self._epoch: int | None = None
        self._until = 0.0
        self.wishes, self.gives = True, False

    def now(self) -> float:
        """Seconds by the clock of the database."""
        return time.monotonic() + self._pulse.offset

    wall = now

    def alive(self, other: str) -> bool:
        """Whether the owner with this id lived when this transaction began.

        Whoever was out of touch himself does not judge others until they have had time to come back, too.
        """
        living: frozenset[str] | None = getattr(self._here, "living", None)
        return other == self.id or living is None or other in living or not self._pulse.may_judge

    def note_living(self, living: frozenset[str]) -> None:
        """Know who lives, in the transaction that this thread is at."""
        self._here.living = living

    @property
    def version(self) -> int:
        """A number that grows when another owner has changed this inbox."""
        return self._heard + self._pulse.gaps

    def hear(self, change: Change) -> None:
        """Take note of a change."""
        if change.identity == self.identity and change.owner != self.id:
            self._heard = change.number

    @property
    def leads(self) -> bool:
        """Whether it may act as the one that leads."""
        return self._epoch is not None and time.monotonic() < self._until

    @property
    def has_led(self) -> bool:
        """Whether there is a lead that may be renewed."""
        return self._epoch is not None

    def note_lead(self, epoch: int | None, since: float) -> None:
        """Know whether it leads, by what was said to a question asked at `since` (monotonic)."""
        self._epoch, self._until = epoch, since + LEASE - MARGIN

    def take(self) -> bool:
        """As `Lead.take`: from the first call on it is tried to, until `give`."""
        self.wishes = True
        return self.leads

    def give(self) -> None:
        """As `Lead.give`."""
        self.gives, self.wishes, self._epoch = True, False, None

    async def hold(self, every: float) -> None:
        """As `Lead.hold`; it is the pulse that beats."""
        while self.leads:  # noqa: ASYNC110 - a lease ends without an event
            await anyio.sleep(min(TICK, max(0.0, self._until - time.monotonic())))

    def guarded(self, inbox: Inbox) -> Inbox:
        """As `Lead.guarded`."""
        return inbox.over(self.schema.guarded(self._epoch or 0))

    def silent(self) -> float:
        """As `Lead.silent`: one that hangs loses the lead."""
        return 0.0

    def stand_in(self) -> bool:
        """As `Lead.stand_in`."""
        return False


@dataclass(frozen=True, slots=True)
class _Round:
    """What was said in one."""

    offset: float
    changes: list[Change]
    epochs: dict[Member, int | None]


class Pulse:
    """That of this process. `db` is a connection of its own, on which no turns are taken. Let it `run`.

    `offset` is added to `time.monotonic` for the clock of the database; `gaps` counts how often it was out of
    touch.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._members: set[Member] = set()
        self._seen, self._beaten, self._judges_from = 0, -math.inf, -math.inf
        self.offset, self.gaps = 0.0, 0

    @property
    def may_judge(self) -> bool:
        """Whether it has been in touch for long enough to say that somebody else is dead."""
        now = time.monotonic()
        return now - self._beaten < LEASE and now >= self._judges_from

    async def join(self, identity: str) -> Member:
        """Live in the inbox of an identity, and lead if nobody does. Raises `StorageError`."""
        member, since = Member(self, identity, uuid4().hex), time.monotonic()
        epoch = await self._db.write(lambda tx: leases.begin(tx, identity, member.id))
        member.note_lead(epoch, since)
        self._members.add(member)
        return member

    async def leave(self, member: Member) -> None:
        """Be dead there at once; where that cannot be said, once the lease is over."""
        self._members.discard(member)
        try:
            await self._db.write(lambda tx: leases.end(tx, member.identity, member.id))
        except StorageError as exc:
            logger.info("the end could not be noted: %s", exc)

    async def run(self) -> NoReturn:
        """Round after round; a task."""
        in_touch = True
        while True:
            was, in_touch = in_touch, await self._try_to_beat(logging.WARNING if in_touch else logging.DEBUG)
            if in_touch and not was:
                logger.warning("in touch with the database again")
            await anyio.sleep(TICK)

    async def _try_to_beat(self, level: int) -> bool:
        try:
            await self.beat()
        except StorageError as exc:
            logger.log(level, "out of touch with the database: %s", exc)
            return False
        return True

    async def beat(self) -> None:
        """One round. Raises `StorageError`."""
        began, members, seen = time.monotonic(), [*self._members], self._seen
        due, giving = began - self._beaten >= BEAT, {member for member in members if member.gives}
        for member in giving:
            member.gives = False  # what is given from here on is for the next round
        try:
            said = await self._db.write(lambda tx: _round(tx, members, giving, seen, due=due))
        except BaseException:
            for member in giving:
                member.gives = True
            raise
        self.offset = said.offset
        for member, epoch in said.epochs.items():
            if not member.gives:
                member.note_lead(epoch, began)
        self._hear(said.changes)
        if due:
            self._note_beat(began)

    def _hear(self, changes: list[Change]) -> None:
        for change in changes:
            self._seen = change.number
            for member in self._members:
                member.hear(change)

    def _note_beat(self, began: float) -> None:
        if LEASE < began - self._beaten < math.inf:
            self.gaps += 1
            self._judges_from = time.monotonic() + LEASE
        self._beaten = began


def _round(tx: Tx, members: list[Member], giving: set[Member], seen: int, *, due: bool) -> _Round:
    offset = leases.offset(tx)
    epochs: dict[Member, int | None] = {}
    for member in giving:
        leases.give(tx, member.identity, member.id)
    for member in members if due else ():
        leases.live(tx, member.identity, member.id)
        if member.has_led:
            epochs[member] = leases.renew(tx, member.identity, member.id)
    wishing = [member for member in members if member.wishes and not member.has_led]
    free = leases.free(tx) if wishing else set()
    for member in wishing:
        if member.identity in free:
            epochs[member] = leases.take(tx, member.identity, member.id)
    return _Round(offset, leases.changed_since(tx, seen), epochs)
