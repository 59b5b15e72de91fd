"""What everybody saw happen to an inbox, and so what may happen next; in other words than the inbox's own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.inbox.mentions import NOW
from thenvoi_bridge.inbox.core import ATTEMPTS, LEASE, LONGEST_LEASE, SUSPECT, TELLING, Item, State
from thenvoi_bridge.inbox.errors import InboxError, LeaseLost, NotOpen, Underway
from thenvoi_bridge.inbox.outgoing import SENDING, WINDOW, Outgoing, Phase

SOMETIMES = {
    "adopted from the dead",
    "adopted from the slow",
    "again, though another began it",
    "answered anew",
    "answered though dead",
    "buried",
    "came too late",
    "elsewhere, though another began it",
    "extended",
    "given back too late",
    "had to wait",
    "listed again, now acking",
    "listed again, now ready",
    "refused, though another began it",
    "retried",
    "said again",
    "sent, though another began it",
    "taken from the dead",
    "taken from the slow",
    "told instead of another",
    "told too late",
    "unknown, though another began it",
}
"""What has to happen now and then, or a long run has proved nothing of it."""


@dataclass
class Fate:
    """One message that came in. `holding` is what its holder has in hand: whatever else it has is stale."""

    room: str
    place: tuple[str, str]
    state: State = State.READY
    owner: str | None = None
    until: float = 0.0
    taken_at: float = 0.0
    attempts: int = 0
    outcome: str | None = None
    holding: Item | None = None


@dataclass
class Letter:
    """One message of ours, as its holder has it. `heard` is what had come from its room when it was made."""

    out: Outgoing
    answers: list[str]
    heard: int
    author: str
    owner: str | None
    until: float
    phase: Phase = Phase.SENDING


class Ledger:
    """All messages by id, the time, and who lives. `seen` counts what is worth having happened."""

    def __init__(self) -> None:
        self.now = NOW
        self.fates: dict[str, Fate] = {}
        self.letters: dict[str, Letter] = {}
        self.answered: dict[str, str] = {}
        self.living: set[str] = set()
        self.seen: Counter[str] = Counter()

    def is_free(self, what: Fate | Letter) -> bool:
        """Whether it is nobody's who lives, or was for too long."""
        return what.owner not in self.living or what.until <= self.now

    def may_take(self, id: str) -> bool:
        fate = self.fates[id]
        return fate.state is State.READY or (fate.state is State.LEASED and self.is_free(fate))

    def unheld(self, id: str) -> bool:
        """Whether no living process has it, however long ago it was handed out."""
        fate = self.fates[id]
        return fate.state is State.READY or (fate.state is State.LEASED and fate.owner not in self.living)

    def of(self, *states: State, room: str | None = None) -> list[str]:
        """Whatever is in one of these states, as the room has it."""
        found = (id for id, fate in self.fates.items() if fate.state in states and room in (None, fate.room))
        return sorted(found, key=lambda id: self.fates[id].place)

    def open(self, room: str | None = None) -> list[str]:
        return self.of(State.READY, State.LEASED, State.ANSWERING, room=room)

    def next_room(self, room: str | None) -> str | None:
        rooms = {self.fates[id].room for id in self.open() if room in (None, self.fates[id].room)}
        free = [each for each in rooms if all(map(self.may_take, self.open(each)))]
        return min(free, key=lambda each: (self.fates[self.open(each)[0]].place[0], each), default=None)

    def due(self, room: str | None, limit: int) -> list[str]:
        """What a host that asks is to be handed."""
        where = self.next_room(room)
        ids = self.open(where) if where else []
        return ids[: 1 if ids and self.fates[ids[0]].attempts >= SUSPECT else limit]

    def refusal(self, id: str, me: str, closed: Iterable[State]) -> type[InboxError] | None:
        """Why a process may not answer or end a message now."""
        fate = self.fates[id]
        if fate.state is State.ANSWERING:
            return Underway
        if fate.state is State.LEASED and fate.owner != me and not self.is_free(fate):
            return LeaseLost
        return NotOpen if fate.state in closed else None

    # What happens

    def move(self, id: str, state: State, owner: str | None = None, seconds: float = 0.0) -> None:
        fate = self.fates[id]
        fate.state, fate.owner, fate.holding = state, owner, None
        fate.until = self.now + seconds if owner else 0.0

    def bury_spent(self) -> None:
        for id in self.of(State.LEASED):
            if self.may_take(id) and self.fates[id].attempts >= ATTEMPTS:
                self.move(id, State.ACKING)
                self.fates[id].outcome = "failed"
                self.seen["buried"] += 1

    def take(self, item: Item, me: str) -> None:
        fate = self.fates[item.id]
        self.seen["taken from the dead"] += fate.owner is not None and fate.owner not in self.living
        self.seen["taken from the slow"] += fate.owner in self.living
        self.move(item.id, State.LEASED, me, LEASE)
        fate.attempts, fate.taken_at, fate.holding = fate.attempts + 1, self.now, item

    def release(self, id: str) -> None:
        self.move(id, State.READY)
        self.fates[id].attempts = max(0, self.fates[id].attempts - 1)

    def extend(self, me: str) -> None:
        for fate in self.fates.values():
            if fate.state is State.LEASED and fate.owner == me:
                until = min(self.now + LEASE, fate.taken_at + LONGEST_LEASE)
                self.seen["extended"] += until > fate.until
                fate.until = max(fate.until, until)

    def begin(self, out: Outgoing, ids: list[str], me: str) -> None:
        for id in ids:
            self.seen["answered though dead"] += self.fates[id].state is State.DEAD
            self.move(id, State.ANSWERING, me)
            self.fates[id].taken_at, self.fates[id].outcome = self.now, None
        self.seen["answered anew"] += out.id in self.letters
        self.record(out, ids, me)

    def record(self, out: Outgoing, ids: list[str], me: str) -> None:
        heard = sum(fate.room == out.chat_id for fate in self.fates.values())
        waits = any(letter.out.chat_id == out.chat_id for letter in self.unsent())
        self.seen["had to wait"] += waits
        self.letters[out.id] = Letter(
            out, ids, heard, me, owner=None if waits else me, until=0.0 if waits else self.now + SENDING
        )

    def said_before(self, digest: str) -> Letter | None:
        """The last order like that, unless it was refused."""
        same = [letter for letter in self.letters.values() if letter.out.digest == digest]
        last = max(same, key=lambda letter: letter.out.made_at, default=None)
        return last if last and last.phase is not Phase.REFUSED else None

    def said_just_now(self, digest: str, wall: float) -> Letter | None:
        """The same, where it counts as said twice by mistake."""
        letter = self.said_before(digest)
        if letter is None or wall - letter.out.made_at >= WINDOW:
            return None
        heard = sum(fate.room == letter.out.chat_id for fate in self.fates.values())
        return letter if heard == letter.heard else None

    def has(self, out: Outgoing) -> bool:
        """Whether a process that has this in hand is the one whose turn it is."""
        return self.letters[out.id].out is out and self.letters[out.id].phase is Phase.SENDING

    def hold(self, out: Outgoing, me: str) -> None:
        letter = self.letters[out.id]
        letter.out, letter.owner, letter.until = out, me, self.now + SENDING

    def adopt(self, out: Outgoing, me: str) -> None:
        self.seen["adopted from the dead"] += self.letters[out.id].author not in self.living
        self.seen["adopted from the slow"] += self.letters[out.id].author in self.living - {me}
        self.hold(out, me)

    def unsent(self) -> list[Letter]:
        """What is on its way, or waits for that, first made first."""
        found = [letter for letter in self.letters.values() if letter.phase is Phase.SENDING]
        return sorted(found, key=lambda letter: letter.out.made_at)

    def left_behind(self) -> list[str]:
        """What is to be taken on: of each room the first, unless somebody who lives is at it."""
        first = {letter.out.chat_id: letter for letter in reversed(self.unsent())}
        return [letter.out.id for letter in first.values() if self.is_free(letter)]

    def sent(self, letter: Letter, me: str) -> None:
        letter.phase = Phase.SENT
        for id in letter.answers:
            self.over(id, letter.out.digest, me)

    def over(self, id: str, answer: str, me: str) -> None:
        assert id not in self.answered, "a message was answered twice"
        self.answered[id] = answer
        self.move(id, State.ACKING, me, TELLING)
        self.fates[id].outcome = "processed"

    def refused(self, letter: Letter, me: str, *, elsewhere: bool) -> None:
        letter.phase = Phase.REFUSED
        for nth, id in enumerate(letter.answers):
            if elsewhere and nth == 0:
                self.over(id, "elsewhere", me)
            else:
                self.move(id, State.LEASED, self.fates[id].owner, LEASE)

    def tell(self, item: Item, me: str) -> None:
        self.seen["told instead of another"] += self.fates[item.id].owner not in (me, None)
        self.move(item.id, State.ACKING, me, TELLING)
        self.fates[item.id].holding = item

    def told(self, item: Item) -> None:
        fate = self.fates[item.id]
        if fate.holding is item:
            self.move(item.id, State.DEAD if fate.outcome == "failed" else State.DONE)
        else:
            self.seen["told too late"] += 1

    def listed(self, id: str) -> None:
        back = {State.DONE: State.ACKING, State.GONE: State.READY}.get(self.fates[id].state)
        if back:
            self.seen[f"listed again, now {back}"] += 1
            self.move(id, back)
