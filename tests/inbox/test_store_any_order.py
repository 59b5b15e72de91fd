"""Two hosts on one inbox do whatever they like, and die: nothing is lost, overtaken, said or told twice."""

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.inbox.hosts import ids
from tests.inbox.ledger import SOMETIMES
from tests.inbox.play import Hearing, Play
from thenvoi_bridge.inbox.core import ATTEMPTS, LEASE, LONGEST_LEASE, TELLING, Outcome, State
from thenvoi_bridge.inbox.outgoing import SENDING, Phase

ROOMS = ("tea", "coffee")
rooms = st.sampled_from(ROOMS)
minutes = st.lists(st.integers(0, 59), min_size=1, max_size=3)
hosts = st.integers(0, 1)
pauses = st.sampled_from([0.0, 0.0, TELLING, SENDING, LEASE / 2, LEASE])
sequels = st.sampled_from(["", "", "it was not seen", "the other ends it", "the other answers it"])
texts = st.sampled_from("ab")
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["processed", "failed"])
hearings: st.SearchStrategy[Hearing] = st.sampled_from(["sent", "refused", "elsewhere", "unknown", "again"])
picks = st.data()


class AnyOrder(RuleBasedStateMachine):
    """What the hosts do; much of it comes in one go, or long stories would hardly ever come to an end."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        self.book = self.play.book

    def teardown(self) -> None:
        self.play.end_of_it()
        type(self).seen += self.book.seen

    def some(self, pick: st.DataObject, host: int) -> set[str]:
        """One or two messages of a room: what the host has in hand, what is open, or whatever there is."""
        room = pick.draw(rooms)
        here = [id for id, fate in self.book.fates.items() if fate.room == room]
        open = self.book.open(room)[:2] or here
        mine = [id for id in open if self.book.fates[id].owner == self.play.hosts[host].me] or open
        which = pick.draw(st.sampled_from([mine, mine, open, here]))
        return pick.draw(st.sets(st.sampled_from(which), min_size=1, max_size=2))

    # Coming in

    @initialize(count=st.integers(1, 3))
    def there_is_something_to_begin_with(self, count: int) -> None:
        for room in ROOMS:
            self.play.put(0, room, range(count))

    @rule(host=hosts, room=rooms, minutes=minutes, listing=st.booleans())
    def messages_come(self, host: int, room: str, minutes: list[int], listing: bool) -> None:
        if listing:
            self.play.a_listing_begins(host)
        self.play.put(host, room, minutes)

    @rule(host=hosts, room=rooms, pick=picks, at_once=st.booleans(), complete=st.booleans())
    def a_room_is_listed(
        self, host: int, room: str, pick: st.DataObject, at_once: bool, complete: bool
    ) -> None:
        """By a listing that began just now or long ago; some messages the platform knows to be processed."""
        if at_once:
            self.play.a_listing_begins(host)
        here = [id for id, fate in self.book.fates.items() if fate.room == room]
        left_out = pick.draw(st.sets(st.sampled_from(here), max_size=2))
        self.play.list_room(host, room, left_out, complete=complete)

    @precondition(lambda self: len(self.book.fates) > 8)  # or nothing would ever get far
    @rule(host=hosts, room=rooms)
    def a_room_is_left(self, host: int, room: str) -> None:
        self.play.drop_room(host, room)

    # Going out

    @rule(host=hosts, room=st.none() | rooms, limit=st.integers(1, 3), pause=pauses, then=sequels)
    def lease(self, host: int, room: str | None, limit: int, pause: float, then: str) -> None:
        self.book.now += pause
        items = self.play.hand_out(host, room, limit)
        if then == "it was not seen":
            self.play.give_back(host, gone=False)
        elif items and then == "the other ends it":
            self.play.end(1 - host, items[-1].id, "processed")
        elif items and then == "the other answers it":
            self.play.answer(1 - host, {items[-1].id}, "a", None)

    @rule(host=hosts, pause=pauses, text=texts, hears=hearings, tells=st.booleans())
    def lease_and_answer(self, host: int, pause: float, text: str, hears: Hearing, tells: bool) -> None:
        self.book.now += pause
        if items := self.play.hand_out(host, None, 2):
            self.play.answer(host, {*ids(items)}, text, hears)
        if tells:
            self.play.begin_to_tell(host)
            self.play.have_told(host)

    @precondition(lambda self: any(host.hand for host in self.play.hosts))
    @rule(host=hosts, gone=st.booleans())
    def give_back(self, host: int, gone: bool) -> None:
        self.play.give_back(host, gone=gone)

    @precondition(lambda self: self.book.of(State.LEASED))
    @rule(host=hosts, pause=pauses | st.just(LONGEST_LEASE))
    def extend(self, host: int, pause: float) -> None:
        self.book.now += pause
        self.play.extend(host)

    @rule(host=hosts, text=texts, pick=picks, hears=st.none() | hearings)
    def answer(self, host: int, text: str, pick: st.DataObject, hears: Hearing | None) -> None:
        self.play.answer(host, self.some(pick, host), text, hears)

    @rule(host=hosts, room=rooms, text=texts, pause=pauses, hears=st.none() | hearings)
    def say(self, host: int, room: str, text: str, pause: float, hears: Hearing | None) -> None:
        self.book.now += pause
        self.play.say(host, text, room, hears)

    @precondition(lambda self: any(host.sending for host in self.play.hosts))
    @rule(pick=picks, hears=hearings)
    def the_platform_answers(self, pick: st.DataObject, hears: Hearing) -> None:
        host = pick.draw(st.sampled_from([n for n, host in enumerate(self.play.hosts) if host.sending]))
        nth = pick.draw(st.integers(0, len(self.play.hosts[host].sending) - 1))
        self.play.hear(host, nth, hears)

    @precondition(lambda self: self.book.unsent())
    @rule(host=hosts, pause=pauses, hears=st.none() | hearings)
    def adopt(self, host: int, pause: float, hears: Hearing | None) -> None:
        self.book.now += pause
        self.play.adopt(host, hears)

    @rule(host=hosts, outcome=outcomes, pick=picks)
    def end(self, host: int, outcome: Outcome, pick: st.DataObject) -> None:
        for id in self.some(pick, host):
            self.play.end(host, id, outcome)

    @precondition(lambda self: self.book.of(State.ACKING) or any(host.telling for host in self.play.hosts))
    @rule(host=hosts, pause=pauses, what=st.sampled_from(["begin", "end", "both"]))
    def tell(self, host: int, pause: float, what: str) -> None:
        self.book.now += pause
        if what != "end":
            self.play.begin_to_tell(host)
        if what != "begin":
            self.play.have_told(host)

    @precondition(lambda self: self.book.of(State.DEAD))
    @rule(host=hosts, pick=picks)
    def retry(self, host: int, pick: st.DataObject) -> None:
        id = pick.draw(st.sampled_from(self.book.of(State.DEAD)) | st.sampled_from([*self.book.fates]))
        self.play.retry(host, id)

    # What goes wrong

    @rule(host=hosts, times=st.sampled_from([0, 0, 0, 1, ATTEMPTS + 1]), found=st.none() | hearings)
    def crash(self, host: int, times: int, found: Hearing | None) -> None:
        """Die as it is, or again and again with whatever is handed out; the other may take on the rest."""
        self.play.restart(host)
        for _ in range(times):
            self.play.hand_out(host, None, 1)
            self.play.restart(host)
        if found:
            self.play.adopt(1 - host, found)

    @precondition(lambda self: self.book.of(State.LEASED))
    @rule(host=hosts)
    def leave(self, host: int) -> None:
        """Die in order."""
        self.play.give_all_back(host)
        self.play.restart(host)

    # How it looks then

    @invariant()
    def everything_is_where_it_should_be(self) -> None:
        play, inbox, book = self.play, self.play.hosts[0].inbox, self.book
        page = play.run(inbox.page(None, None, 10**6, set(State)))
        assert sorted(ids(page.items)) == sorted(book.fates)
        for item in page.items:
            fate = book.fates[item.id]
            assert (item.state, item.owner, item.attempts) == (fate.state, fate.owner, fate.attempts)
            assert item.outcome == fate.outcome
            if item.state is State.LEASED:
                assert (item.lease_until, item.outgoing_id) == (fate.until, None)
            if item.state is State.ANSWERING:
                assert item.outgoing_id in {each.out.id for each in book.unsent() if item.id in each.answers}
        assert page.unread == play.run(inbox.unread()) == len(book.of(State.READY, State.LEASED))
        assert play.run(inbox.at_hand(book.now))[1] == sum(map(book.may_take, book.fates))
        found = play.run(inbox.next_room(None, book.now))
        assert (found and found[0]) == book.next_room(None)

    @invariant()
    def everything_of_ours_is_where_it_should_be(self) -> None:
        for letter in [*self.book.letters.values()][-5:]:
            known = self.play.run(self.play.hosts[1].outbox.get(letter.out.id))
            assert known
            assert known.phase is letter.phase
            if letter.phase is Phase.SENDING:
                assert known == letter.out
                assert (known.owner, known.lease_until) == (letter.owner, letter.until)


TestInAnyOrder = AnyOrder.TestCase


class Longer(AnyOrder):
    """The same for minutes."""

    seen: ClassVar[Counter[str]] = Counter()


@pytest.mark.timeout(1500)
@pytest.mark.thorough
def test_in_any_order_for_long_and_everything_does_happen() -> None:
    run_state_machine_as_test(Longer, settings=settings(max_examples=1000, deadline=None))
    assert not SOMETIMES - {what for what, times in Longer.seen.items() if times}
