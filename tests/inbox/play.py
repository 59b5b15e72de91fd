"""Two hosts do things with one inbox, and whatever comes of it has to be what the ledger expects."""

import asyncio
from collections.abc import Coroutine, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

from tests.inbox.hosts import WALL, Host, ids, order
from tests.inbox.ledger import Fate, Ledger
from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox.core import TELLING, Item, Outcome, State
from thenvoi_bridge.inbox.errors import InboxError, LeaseLost, NotOpen, Underway
from thenvoi_bridge.inbox.outgoing import Order, Outgoing

T = TypeVar("T")
Hearing = Literal["sent", "refused", "elsewhere", "unknown", "again"]

OVER = (State.ACKING, State.DONE, State.GONE)


class Memory(Host):
    """A host, with what it was handed, is sending and telling; most of it is stale after a while."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.me = self.owner.id
        self.hand: list[Item] = []
        self.sending: list[Outgoing] = []
        self.telling: list[Item] = []


class Play:
    """The hosts, by number, and the ledger of what they did."""

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.book = Ledger()
        self.hosts = [self.start() for _ in range(2)]
        self.since, self.there = 0, set[str]()
        self.orders = 0

    def end_of_it(self) -> None:
        for host in self.hosts:
            self.run(host.die())
        self.runner.close()
        self.folder.cleanup()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def try_to(self, work: Coroutine[Any, Any, T]) -> tuple[T | None, type[InboxError] | None]:
        """What came of it, or as what it was refused."""
        try:
            return self.run(work), None
        except InboxError as refusal:
            return None, type(refusal)

    def start(self) -> Memory:
        host = self.run(Memory.start(Path(self.folder.name)))
        self.book.living.add(host.me)
        return host

    def restart(self, host: int) -> None:
        self.run(self.hosts[host].die())
        self.book.living.remove(self.hosts[host].me)
        self.hosts[host] = self.start()

    # Coming in

    def put(self, host: int, room: str, minutes: Iterable[int]) -> None:
        """Push new messages, and known ones again."""
        first = len(self.book.fates)
        new = [mention(f"m{first + n}", room, minute) for n, minute in enumerate(minutes)]
        known = [mention(id, fate.room) for id, fate in [*self.book.fates.items()][-3:]]
        assert self.run(self.hosts[host].inbox.put(new + known)) == len(new)
        for message in new:
            self.book.fates[message.id] = Fate(room, (message.inserted_at, message.id))

    def a_listing_begins(self, host: int) -> None:
        self.since, self.there = self.run(self.hosts[host].inbox.seq()), set(self.book.fates)

    def list_room(self, host: int, room: str, left_out: set[str], *, complete: bool) -> None:
        inbox = self.hosts[host].inbox
        here = (id for id, fate in self.book.fates.items() if fate.room == room)
        listed = [mention(id, room) for id in here if id not in left_out]
        work = inbox.sweep(room, listed, self.since) if complete else inbox.note_listed(listed)
        assert self.run(work) == 0
        for message in listed:
            self.book.listed(message.id)
        for id in left_out & self.there if complete else ():
            if self.book.unheld(id):
                self.book.move(id, State.GONE)

    def drop_room(self, host: int, room: str) -> None:
        going = self.book.of(State.READY, State.LEASED, room=room)
        assert self.run(self.hosts[host].inbox.drop_room(room)) == len(going)
        for id in going:
            self.book.move(id, State.GONE)

    # Handing out

    def hand_out(self, host: int, room: str | None, limit: int) -> list[Item]:
        """Whatever is handed out is exactly what should be, so nothing is forgotten either."""
        at = self.hosts[host]
        self.book.bury_spent()
        due = self.book.due(room, limit)
        items = self.run(at.inbox.lease(room, limit, self.book.now))
        assert ids(items) == due
        for item in items:
            self.book.take(item, at.me)
        at.hand += items
        return items

    def give_back(self, host: int, *, gone: bool) -> None:
        """Put back whatever the host has in hand, or find that it was handled elsewhere."""
        at = self.hosts[host]
        self.run(at.inbox.vanish(at.hand) if gone else at.inbox.release(at.hand))
        for item in at.hand:
            if self.book.fates[item.id].holding is not item:
                self.book.seen["given back too late"] += 1
            elif gone:
                self.book.move(item.id, State.GONE)
            else:
                self.book.release(item.id)
        at.hand = []

    def give_all_back(self, host: int) -> None:
        self.run(self.hosts[host].inbox.release_all())
        for id in self.book.of(State.LEASED):
            if self.book.fates[id].owner == self.hosts[host].me:
                self.book.release(id)

    def extend(self, host: int) -> None:
        self.run(self.hosts[host].inbox.extend(self.book.now))
        self.book.extend(self.hosts[host].me)

    # Saying something

    def order(self, host: int, text: str, room: str) -> Order:
        """Whoever orders the same again finds what became of it, and everybody knows what that is."""
        self.orders += 1
        what = order(text, room, wall=WALL + self.book.now - NOW + self.orders / 1000)
        known = self.run(self.hosts[host].outbox.before(what.digest))
        letter = self.book.said_before(what.digest)
        assert (known and known.id) == (letter and letter.out.id)
        return what

    def answer(self, host: int, which: set[str], text: str, hears: Hearing | None) -> None:
        at, room = self.hosts[host], {self.book.fates[id].room for id in which}.pop()
        what = self.order(host, f"{text} to {sorted(which)}", room)
        in_order = sorted(which, key=lambda id: self.book.fates[id].place)
        refusals = (self.book.refusal(id, at.me, OVER) for id in in_order)
        out, refusal = self.try_to(at.outbox.answer(which, what, self.book.now))
        assert refusal is next(filter(None, refusals), None)
        if out:
            self.book.begin(out, in_order, at.me)
            self.send(host, out, hears)

    def say(self, host: int, text: str, room: str, hears: Hearing | None) -> None:
        at, what = self.hosts[host], self.order(host, text, room)
        known = self.book.said_just_now(what.digest, what.wall)
        out, again = self.run(at.outbox.say(what, self.book.now))
        assert again == (known is not None)
        if known:
            self.book.seen["said again"] += 1
            assert out.id == known.out.id
        else:
            assert out.id not in self.book.letters
            self.book.record(out, [], at.me)
            self.send(host, out, hears)

    def send(self, host: int, out: Outgoing, hears: Hearing | None) -> None:
        """Begin a try, unless it has to wait for its turn, and perhaps hear at once what came of it."""
        if out.tries:
            self.hosts[host].sending.append(out)
            if hears:
                self.hear(host, -1, hears)

    def hear(self, host: int, nth: int, hears: Hearing) -> None:
        """Let the platform's answer to one of the messages on their way come in, or nothing at all."""
        at = self.hosts[host]
        out = at.sending.pop(nth)
        turn, author = self.book.has(out), self.book.letters[out.id].author
        _, refusal = self.try_to(self._hear(at, out, hears))
        assert refusal is (None if turn else LeaseLost)
        self.book.seen[f"{hears}, though another began it" if turn else "came too late"] += author != at.me

    async def _hear(self, at: Memory, out: Outgoing, hears: Hearing) -> None:
        book, letter = self.book, self.book.letters[out.id]
        match hears:
            case "sent":
                await at.outbox.sent(out, "{}", book.now)
                book.sent(letter, at.me)
            case "refused" | "elsewhere":
                elsewhere = hears == "elsewhere"
                await at.outbox.refused(out, "no", book.now, elsewhere=elsewhere)
                book.refused(letter, at.me, elsewhere=elsewhere)
            case "unknown":
                letter.out = await at.outbox.put_off(out, book.now + 30)
                letter.until = book.now + 30
                at.sending.insert(0, out)  # for an answer that comes after all, and too late
            case "again":
                tried = await at.outbox.attempt(out, book.now, WALL)
                assert tried.tries == out.tries + 1
                book.hold(tried, at.me)
                at.sending.append(tried)

    def adopt(self, host: int, hears: Hearing | None) -> None:
        at, left = self.hosts[host], self.book.left_behind()
        adopted = self.run(at.outbox.adopt(self.book.now))
        assert sorted(ids(adopted)) == sorted(left)
        for out in adopted:
            self.book.adopt(out, at.me)
            at.sending.append(out)
            if hears:
                self.hear(host, -1, hears)

    # Ending

    def end(self, host: int, id: str, outcome: Outcome) -> None:
        at, fate = self.hosts[host], self.book.fates[id]
        same = fate.outcome == outcome
        expected = None if same else self.book.refusal(id, at.me, OVER)
        _, refusal = self.try_to(at.inbox.end([id], outcome, None, self.book.now))
        assert refusal is expected
        if not same and not refusal:
            self.book.move(id, State.ACKING, at.me, TELLING)
            fate.outcome = outcome

    def begin_to_tell(self, host: int) -> None:
        at = self.hosts[host]
        acking = [(id, self.book.fates[id]) for id in self.book.of(State.ACKING)]
        due = [id for id, fate in acking if fate.owner == at.me or self.book.is_free(fate)]
        items = self.run(at.inbox.to_tell(self.book.now))
        assert sorted(ids(items)) == sorted(due)
        for item in items:
            assert item.outcome == self.book.fates[item.id].outcome
            self.book.tell(item, at.me)
        at.telling += items

    def have_told(self, host: int) -> None:
        at = self.hosts[host]
        for item in at.telling:
            now = self.run(at.inbox.told(item))
            self.book.told(item)
            assert now.state is self.book.fates[item.id].state
        at.telling = []

    def retry(self, host: int, id: str) -> None:
        fate = self.book.fates[id]
        expected = {State.DEAD: None, State.ANSWERING: Underway}.get(fate.state, NotOpen)
        _, refusal = self.try_to(self.hosts[host].inbox.retry([id]))
        assert refusal is expected
        if refusal is None:
            self.book.seen["retried"] += 1
            self.book.move(id, State.READY)
            fate.attempts, fate.outcome = 0, None
