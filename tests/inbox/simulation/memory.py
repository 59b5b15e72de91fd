"""The rows of an inbox in memory: what `table.Table` has in SQLite, quick enough for a million messages."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Concatenate, ParamSpec, TypeVar

from tests.inbox.mentions import as_kept
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.core import HELD, OPEN, Item, State
from thenvoi_bridge.inbox.errors import InboxError, Unknown
from thenvoi_bridge.inbox.outgoing import Outgoing, Phase
from thenvoi_bridge.inbox.times import sent_at

P = ParamSpec("P")
T = TypeVar("T")


class Memory:
    """The inbox of one computer. `changes` counts everything that changed, `steps` how messages went on."""

    def __init__(self) -> None:
        self.changes = 0
        self.ever_dead: set[str] = set()
        self.steps: Counter[tuple[State, State]] = Counter()
        self._number = self._seq = self._last_number = 0
        self._items: dict[str, Item] = {}
        self._by_state: dict[State, dict[str, None]] = {state: {} for state in State}
        self._open: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._answered: defaultdict[str, set[str]] = defaultdict(set)
        self._arrived: defaultdict[str, list[Item]] = defaultdict(list)
        self._outgoing: dict[str, Outgoing] = {}
        self._by_order: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._by_room: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._unsent: dict[str, None] = {}

    def run(self, work: Callable[Concatenate[Memory, P], T], *args: P.args, **more: P.kwargs) -> T:
        """A transaction. Whoever raises must not have changed anything, for here nothing is rolled back."""
        before = self.changes
        try:
            return work(self, *args, **more)
        except InboxError:
            assert self.changes == before, "raised after something was changed"
            raise

    # For those who look on

    def of(self, *states: State) -> list[str]:
        """The ids of the messages in these states."""
        return [id for state in states for id in self._by_state[state]]

    def said(self, chat_id: str, since: float) -> list[Outgoing]:
        """What of ours was made in a room since that time and not refused, last made first."""
        return [out for out in self._said(chat_id) if out.made_at >= since]

    # What the protocol needs

    def insert(self, message: ChatMessage, title: str | None) -> bool:
        self._number += 1  # as SQLite does it, a number is spent on what is there already, too
        if message.id in self._items:
            return False
        self.changes += 1
        room, at = message.chat_room_id, sent_at(message)
        item = Item(self._number, message.id, room, at, as_kept(message), title)
        self._items[item.id], self._seq = item, item.seq
        self._by_state[item.state][item.id] = None
        self._arrived[room].append(item)
        insort(self._open[room], item.order)
        return True

    def update(self, old: Item, new: Item) -> Item:
        assert self._items[old.id] is old, "changed from what it no longer is"
        if new is not old:
            self.changes += 1
            self._items[new.id] = new
            if old.outgoing_id != new.outgoing_id:
                self._relate(old, new)
            self.steps[old.state, new.state] += 1
            if old.state is not new.state:
                self._move(old, new)
        return new

    def find(self, ids: Iterable[str]) -> list[Item]:
        return [self._items[id] for id in dict.fromkeys(ids) if id in self._items]

    def get(self, ids: Collection[str]) -> list[Item]:
        if missing := tuple(id for id in dict.fromkeys(ids) if id not in self._items):
            raise Unknown(missing)
        return sorted(self.find(ids), key=lambda item: item.order)

    def rooms(self) -> list[str]:
        return sorted((room for room, waiting in self._open.items() if waiting), key=self._oldest)

    def held(self) -> list[Item]:
        return [self._items[id] for state in sorted(HELD) for id in self._by_state[state]]

    def oldest(self, chat_id: str, limit: int) -> list[Item]:
        return [self._items[id] for _, id in self._open[chat_id][:limit]]

    def waiting(self, chat_id: str, until_seq: int) -> list[Item]:
        waiting = [self._items[id] for _, id in self._open[chat_id]]
        return [item for item in waiting if item.seq <= until_seq]

    def acking(self) -> list[Item]:
        return sorted((self._items[id] for id in self._by_state[State.ACKING]), key=lambda item: item.seq)

    def answered_by(self, outgoing_id: str) -> list[Item]:
        return self.get(self._answered[outgoing_id])

    def seq(self) -> int:
        return self._seq

    def since(self, chat_id: str) -> str:
        return max((item.sent_at for item in self._arrived[chat_id]), default="")

    def heard(self, chat_id: str, seq: int) -> bool:
        return any(item.seq > seq for item in self._arrived[chat_id][-1:])

    def last_person(self, chat_id: str) -> int:
        arrived = reversed(self._arrived[chat_id])
        return next((item.seq for item in arrived if item.message.sender_type == "User"), 0)

    def came_from(self, chat_id: str, sender_id: str, seq: int) -> int:
        arrived = self._arrived[chat_id]
        later = arrived[bisect_right(arrived, seq, key=lambda item: item.seq) :]
        senders = ((item.message.sender_id, item.message.sender_type) for item in later)
        return sum(sender == (sender_id, "Agent") for sender in senders)

    def said_since(self, chat_id: str, seq: int, limit: int) -> list[Outgoing]:
        return [*islice((out for out in self._said(chat_id) if out.seq >= seq), limit)]

    def last_number(self) -> int:
        return self._last_number

    def put_outgoing(self, out: Outgoing) -> Outgoing:
        self.changes += 1
        old = self._outgoing.get(out.id)
        self._outgoing[out.id] = out
        self._last_number = max(self._last_number, out.number)
        if old is None or (old.digest, old.number) != (out.digest, out.number):
            self._file(old, out)
        if out.phase is Phase.SENDING:
            self._unsent[out.id] = None
        else:
            self._unsent.pop(out.id, None)
        return out

    def outgoing(self, id: str) -> Outgoing | None:
        return self._outgoing.get(id)

    def ordered(self, digest: str) -> Outgoing | None:
        return max(map(self._outgoing.__getitem__, self._by_order[digest]), key=_number, default=None)

    def unsent(self) -> list[Outgoing]:
        return sorted(map(self._outgoing.__getitem__, self._unsent), key=_number)

    # Order in the shelves

    def _said(self, chat_id: str) -> Iterable[Outgoing]:
        made = (self._outgoing[id] for id in reversed(self._by_room[chat_id]))
        return (out for out in made if out.phase is not Phase.REFUSED)

    def _oldest(self, room: str) -> tuple[str, str]:
        return self._open[room][0][0], room

    def _move(self, old: Item, new: Item) -> None:
        del self._by_state[old.state][old.id]
        self._by_state[new.state][new.id] = None
        if new.state is State.DEAD:
            self.ever_dead.add(new.id)
        if old.state in OPEN and new.state not in OPEN:
            self._open[old.chat_id].remove(old.order)
        elif old.state not in OPEN and new.state in OPEN:
            insort(self._open[new.chat_id], new.order)

    def _relate(self, old: Item, new: Item) -> None:
        if old.outgoing_id:
            self._answered[old.outgoing_id].discard(old.id)
        if new.outgoing_id:
            self._answered[new.outgoing_id].add(new.id)

    def _file(self, old: Outgoing | None, out: Outgoing) -> None:
        """Keep what is made last at the end: a message of ours that was refused may be made again."""
        if old:
            self._by_order[old.digest].pop(old.id)
            self._by_room[old.chat_id].pop(old.id)
        self._by_order[out.digest][out.id] = None
        self._by_room[out.chat_id][out.id] = None


def _number(out: Outgoing) -> int:
    return out.number
