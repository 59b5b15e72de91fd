"""Two hosts on one inbox do whatever they like, and die: nothing is lost, overtaken or answered twice."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox.core import ATTEMPTS, HELD, LEASE, OPEN, SUSPECT, Item, State
from thenvoi_bridge.inbox.errors import AlreadyAnswered, LeaseLost, NotOpen, Underway
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

T = TypeVar("T")
ROOMS = ("tea", "coffee")
rooms = st.sampled_from(ROOMS)
hosts = st.integers(0, 1)
pauses = st.sampled_from([0.0, 0.0, LEASE / 2, LEASE])
picks = st.data()


class Host:
    """A process: its inbox, what it was handed, and the answers it is sending."""

    def __init__(self, owner: Owner, inbox: Inbox) -> None:
        self.owner = owner
        self.inbox = inbox
        self.hand: list[Item] = []
        self.sending: list[list[Item]] = []

    @classmethod
    async def start(cls, folder: Path) -> "Host":
        owner = Owner.start(folder)
        return cls(owner, await Inbox.open(folder, owner))

    async def die(self) -> None:
        self.owner.close()
        await self.inbox.close()


class AnyOrder(RuleBasedStateMachine):
    """Beside the inbox, what everybody saw happen: who holds what until when, and what has ended how."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.hosts = [self.run(Host.start(Path(self.folder.name))) for _ in range(2)]
        self.now = NOW
        self.orders: dict[str, tuple[str, str, str]] = {}
        self.arrived: list[str] = []
        self.holders: dict[str, tuple[str, float, State]] = {}
        self.closed: dict[str, State] = {}
        self.digests: dict[str, str] = {}
        self.attempts: Counter[str] = Counter()
        self.since, self.there = 0, set[str]()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        for host in self.hosts:
            self.run(host.die())
        self.runner.close()
        self.folder.cleanup()

    def living(self, id: str) -> bool:
        """Whether the process that holds a message, if any, lives."""
        return id in self.holders and self.holders[id][0] in {host.owner.id for host in self.hosts}

    def held(self, id: str) -> bool:
        return self.living(id) and self.holders[id][1] > self.now

    def open(self, room: str) -> list[str]:
        """What has not ended in a room, as the room has it."""
        ids = (id for id, order in self.orders.items() if order[0] == room and id not in self.closed)
        return sorted(ids, key=self.orders.__getitem__)

    def close(self, id: str, state: State) -> None:
        self.closed[id] = state
        self.holders.pop(id, None)

    # Coming in

    @rule(host=hosts, room=rooms, minutes=st.lists(st.integers(0, 59), min_size=1, max_size=3))
    def put(self, host: int, room: str, minutes: list[int]) -> None:
        first = len(self.arrived)
        messages = [mention(f"m{first + n}", room, minute) for n, minute in enumerate(minutes)]
        assert self.run(self.hosts[host].inbox.put(messages)) == len(minutes)
        for message in messages:
            self.orders[message.id] = (room, message.inserted_at, message.id)
            self.arrived.append(message.id)

    @precondition(lambda self: self.orders)
    @rule(host=hosts, pick=picks)
    def put_again(self, host: int, pick: st.DataObject) -> None:
        id = pick.draw(st.sampled_from(self.arrived))
        assert self.run(self.hosts[host].inbox.put([mention(id, self.orders[id][0])])) == 0

    @rule(host=hosts)
    def a_listing_begins(self, host: int) -> None:
        self.since, self.there = self.run(self.hosts[host].inbox.seq()), set(self.arrived)

    @rule(host=hosts, room=rooms, pick=picks, at_once=st.booleans())
    def sweep(self, host: int, room: str, pick: st.DataObject, at_once: bool) -> None:
        if at_once:
            self.a_listing_begins(host)
        here = [id for id in self.arrived if self.orders[id][0] == room]
        left_out = pick.draw(st.sets(st.sampled_from(here), max_size=2)) if here else set()
        listed = [id for id in here if id not in left_out]
        messages = [mention(id, room) for id in listed]
        assert self.run(self.hosts[host].inbox.sweep(room, messages, self.since)) == 0
        for id in set(self.open(room)) & self.there - set(listed):
            if not self.living(id):
                self.close(id, State.GONE)
        for id in listed:
            if self.closed.get(id) is State.GONE:
                del self.closed[id]
            elif self.closed.get(id) is State.DONE:
                self.closed[id] = State.ACKING

    @precondition(lambda self: len(self.arrived) > 5)  # or nothing would ever get far
    @rule(host=hosts, room=rooms)
    def drop_room(self, host: int, room: str) -> None:
        self.run(self.hosts[host].inbox.drop_room(room))
        for id in self.open(room):
            if not (self.living(id) and self.holders[id][2] is State.ANSWERING):
                self.close(id, State.GONE)

    # Going out

    @rule(host=hosts, room=st.none() | rooms, limit=st.integers(1, 3), pause=pauses, seen=st.booleans())
    def lease(self, host: int, room: str | None, limit: int, pause: float, seen: bool) -> None:
        self.now += pause
        self.hand_out(host, room, limit)
        if not seen:
            self.release(host)

    def hand_out(self, host: int, room: str | None, limit: int) -> None:
        """Whatever is handed out is exactly what should be, so nothing is forgotten either."""
        for id in [id for id in self.holders if not self.held(id) and self.attempts[id] >= ATTEMPTS]:
            self.close(id, State.DEAD)
        items = self.run(self.hosts[host].inbox.lease(room, limit, self.now))
        free = [each for each in ROOMS if self.open(each) and not any(map(self.held, self.open(each)))]
        free.sort(key=lambda each: (self.orders[self.open(each)[0]][1], each))
        next_room = next((each for each in free if room in (None, each)), "nowhere")
        due = self.open(next_room)
        many = 1 if due and self.attempts[due[0]] >= SUSPECT else limit
        assert [item.id for item in items] == due[:many]
        for item in items:
            self.attempts[item.id] += 1
            assert item.attempts == self.attempts[item.id]
            self.holders[item.id] = (self.hosts[host].owner.id, self.now + LEASE, State.LEASED)
        self.hosts[host].hand = items

    @rule(host=hosts)
    def release(self, host: int) -> None:
        at = self.hosts[host]
        held = {item.id: item for item in self.run(at.inbox.get(item.id for item in at.hand))}
        self.run(at.inbox.release(at.hand))
        for item in at.hand:
            if held[item.id] == item:
                del self.holders[item.id]
                self.attempts[item.id] -= 1

    @precondition(lambda self: self.orders)
    @rule(host=hosts, room=rooms, text=st.sampled_from("ab"), pick=picks)
    def begin(self, host: int, room: str, text: str, pick: st.DataObject) -> None:
        at = self.hosts[host]
        here = [id for id in self.arrived if self.orders[id][0] == room]
        if not here:
            return
        likely = self.open(room)[:2] or here
        which = pick.draw(st.sets(st.sampled_from(likely) | st.sampled_from(here), min_size=1, max_size=2))
        digest = f"{sorted(which)} {text}"
        try:
            items = self.run(at.inbox.begin_answer(which, digest, self.now))
        except AlreadyAnswered as error:
            self.said_again(which, error.answer)
        except NotOpen:
            assert which & self.closed.keys()
        except (LeaseLost, Underway):
            mine = (at.owner.id, State.LEASED)
            assert any(self.held(id) and self.holders[id][::2] != mine for id in which)
        else:
            assert not which & self.closed.keys()
            for id in which:
                assert not self.held(id) or self.holders[id][::2] == (at.owner.id, State.LEASED)
                self.holders[id] = (at.owner.id, self.now + LEASE, State.ANSWERING)
            at.sending.append(items)

    def said_again(self, which: set[str], answer: str) -> None:
        assert {self.digests[id] for id in which} == {answer}

    @precondition(lambda self: any(host.sending for host in self.hosts))
    @rule(pick=picks, arrives=st.booleans(), acks=st.booleans())
    def the_platform_answers(self, pick: st.DataObject, arrives: bool, acks: bool) -> None:
        at = pick.draw(st.sampled_from([host for host in self.hosts if host.sending]))
        sent = at.sending.pop(pick.draw(st.integers(0, len(at.sending) - 1)))
        try:
            if arrives:
                self.run(at.inbox.answered(sent, sent[0].digest or ""))
            else:
                self.run(at.inbox.unanswered(sent))
        except LeaseLost:
            current = self.run(at.inbox.get(item.id for item in sent))
            assert current != sent
            return
        for item in sent:
            assert item.id not in self.digests, "a message was answered twice"
            if arrives:
                self.digests[item.id] = item.digest or ""
                self.close(item.id, State.ACKING)
            else:
                self.holders[item.id] = (*self.holders[item.id][:2], State.LEASED)
        if acks:
            self.acknowledge_all(at)

    @precondition(lambda self: self.orders)
    @rule(host=hosts, failed=st.booleans(), pick=picks)
    def end(self, host: int, failed: bool, pick: st.DataObject) -> None:
        at, id = self.hosts[host], pick.draw(st.sampled_from(self.arrived))
        try:
            self.run(at.inbox.end([id], "failed" if failed else "processed", None, self.now))
        except NotOpen:
            assert id in self.closed
        except (LeaseLost, Underway):
            assert self.held(id)
            assert self.holders[id][::2] != (at.owner.id, State.LEASED)
        else:
            if id not in self.closed:
                self.close(id, State.ACKING)

    @rule(host=hosts)
    def acknowledge(self, host: int) -> None:
        self.acknowledge_all(self.hosts[host])

    def acknowledge_all(self, host: Host) -> None:
        for item in self.run(host.inbox.acking()):
            told = self.run(host.inbox.acked(item))
            assert self.closed[item.id] is State.ACKING
            self.closed[item.id] = told.state

    # What goes wrong

    @rule(host=hosts, times=st.sampled_from([0, 0, 1, ATTEMPTS + 1]))
    def crash(self, host: int, times: int) -> None:
        """Die as it is, or again and again with whatever is handed out."""
        self.restart(host)
        for _ in range(times):
            self.hand_out(host, None, 1)
            self.restart(host)

    def restart(self, host: int) -> None:
        self.run(self.hosts[host].die())
        self.hosts[host] = self.run(Host.start(Path(self.folder.name)))

    @invariant()
    def everything_is_where_it_should_be(self) -> None:
        inbox = self.hosts[0].inbox
        page = self.run(inbox.page(None, None, 10**6, set(State)))
        assert sorted(item.id for item in page.items) == sorted(self.arrived)
        for item in page.items:
            if item.id in self.closed:
                assert item.state is self.closed[item.id]
            else:
                assert item.state in OPEN
                assert (item.state in HELD) == (item.id in self.holders)
        unread = [item for item in page.items if item.state in (State.READY, State.LEASED)]
        assert page.unread == self.run(inbox.unread()) == len(unread)


TestInAnyOrder = AnyOrder.TestCase


class Longer(AnyOrder):
    """The same for minutes."""


TestInAnyOrderForLong = pytest.mark.timeout(1500)(pytest.mark.thorough(Longer.TestCase))
TestInAnyOrderForLong.settings = settings(max_examples=1000, deadline=None)
