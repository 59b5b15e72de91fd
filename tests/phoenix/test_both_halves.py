"""Client and server back to back, with frames in flight: whatever happens, they come to agree."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from thenvoi_bridge.phoenix import client as hears
from thenvoi_bridge.phoenix import server as serves
from thenvoi_bridge.phoenix.frames import Broadcast, Frame

HEARTBEAT, PATIENCE = 10, 7

topics = st.sampled_from(["agent_rooms:a", "chat_room:b", "chat_room:c"])
few = st.integers(min_value=1, max_value=4)


def pick(topics: Iterable[str], n: int) -> str:
    """One of them, the same one whenever the machine is replayed."""
    ordered = sorted(topics)
    return ordered[n % len(ordered)]


class Wire:
    """Both directions of one connection, checked as every frame is written and read."""

    def __init__(self) -> None:
        self.up: deque[str] = deque()
        self.down: deque[str] = deque()
        self.asked: set[str] = set()  # refs of joins written
        self.replied: set[str | None] = set()
        self.opened: set[str | None] = set()  # join_refs of joins replied to with ok
        self.ended: set[str | None] = set()

    def write_up(self, text: str) -> None:
        frame = Frame.decode(text)
        if frame.event == "phx_join" and frame.ref:
            self.asked.add(frame.ref)
        self.up.append(text)

    def write_down(self, text: str) -> None:
        """The join's reply comes first and once, then pushes, then at most one end."""
        join_ref, ref, _, event, payload = Frame.decode(text)
        if event == "phx_reply":
            assert ref not in self.replied
            self.replied.add(ref)
            if ref == join_ref and payload["status"] == "ok":
                self.opened.add(join_ref)
        else:
            assert join_ref in self.opened - self.ended
            if event in ("phx_close", "phx_error"):
                self.ended.add(join_ref)
        self.down.append(text)

    @property
    def quiet(self) -> bool:
        return not self.up and not self.down


class BothHalves(RuleBasedStateMachine):
    """Plays the owners of both halves, the network between them, and the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.count = 0
        self.connect()

    def connect(self) -> None:
        self.wire = Wire()
        self.client = hears.ClientProtocol(self.now, HEARTBEAT, PATIENCE)
        self.server = serves.ServerProtocol()
        self.wanted: dict[str, int] = {}  # topic to the time its join was sent
        self.beat: int | None = None  # when the heartbeat in flight was sent
        self.joined: dict[str, str] = {}  # topic to join_ref, as told by the client's events
        self.asks: list[serves.JoinAsked] = []
        self.subscribed: set[str] = set()  # as told by the server's answers and events
        self.sent: dict[str | None, list[int]] = {}  # by join_ref
        self.heard: dict[str, list[int]] = {}

    # the client's owner

    @rule(topic=topics)
    def join(self, topic: str) -> None:
        self.joined.pop(topic, None)
        self.wanted[topic] = self.now
        self.client.join(topic, self.now)
        self.flush_up()

    @precondition(lambda self: self.wanted)
    @rule(n=few)
    def leave(self, n: int) -> None:
        topic = pick(self.wanted, n)
        self.forget(topic)
        self.client.leave(topic)
        self.flush_up()

    @rule(seconds=few)
    def wait(self, seconds: int) -> None:
        self.now += seconds
        dying = self.beat is not None and self.now - self.beat >= PATIENCE
        events = self.client.tick(self.now)
        assert (hears.Dead() in events) == dying
        for event in events:
            if isinstance(event, hears.JoinTimedOut):
                assert self.now - self.wanted[event.topic] >= PATIENCE
                self.forget(event.topic)
        assert self.client.deadline > self.now
        for topic in self.wanted.keys() - self.joined.keys():
            assert self.now - self.wanted[topic] < PATIENCE
        self.flush_up()
        if dying:
            self.connect()

    # the server's owner

    @precondition(lambda self: self.asks)
    @rule(n=few, welcome=st.booleans())
    def answer(self, n: int, welcome: bool) -> None:
        asked = self.asks.pop(n % len(self.asks))
        if not welcome:
            self.server.refuse(asked, "unauthorized")
        elif self.server.accept(asked):
            self.subscribed.add(asked.topic)
        self.flush_down()

    @precondition(lambda self: self.server.joined)
    @rule(n=few, times=few)
    def push(self, n: int, times: int) -> None:
        topic = pick(self.server.joined, n)
        for _ in range(times):
            self.count += 1
            self.sent.setdefault(self.server.joined[topic], []).append(self.count)
            self.server.push(Broadcast(topic, "counted", json.dumps({"n": self.count})))
        self.flush_down()

    @precondition(lambda self: self.server.joined)
    @rule(n=few, crash=st.booleans())
    def end(self, n: int, crash: bool) -> None:
        topic = pick(self.server.joined, n)
        (self.server.fail if crash else self.server.close)(topic)
        self.subscribed.remove(topic)
        self.flush_down()

    # the network

    def flush_up(self) -> None:
        for text in self.client.outgoing():
            if Frame.decode(text).event == "heartbeat":
                assert self.beat is None
                self.beat = self.now
            self.wire.write_up(text)

    def flush_down(self) -> None:
        for text in self.server.outgoing():
            self.wire.write_down(text)

    @precondition(lambda self: self.wire.up)
    @rule(frames=few)
    def server_reads(self, frames: int) -> None:
        for _ in range(min(frames, len(self.wire.up))):
            for event in self.server.receive(self.wire.up.popleft()):
                self.told_server(event)
            self.flush_down()

    @precondition(lambda self: self.wire.down)
    @rule(frames=few)
    def client_reads(self, frames: int) -> None:
        for _ in range(min(frames, len(self.wire.down))):
            text = self.wire.down.popleft()
            if Frame.decode(text).topic == "phoenix":
                self.beat = None
            for event in self.client.receive(text):
                self.told_client(event)
            self.flush_up()

    @precondition(lambda self: not self.wire.quiet)
    @rule()
    def exchange(self) -> None:
        while not self.wire.quiet:
            self.server_reads(len(self.wire.up))
            self.client_reads(len(self.wire.down))

    @rule()
    def settle(self) -> None:
        """In the end every join is answered, every channel not wanted has ended, and the rest are joined."""
        self.exchange()
        while self.asks:
            self.answer(0, welcome=True)
        self.exchange()
        assert self.client.joined.keys() == self.wanted.keys()
        assert self.wire.asked <= self.wire.replied
        assert self.wire.opened - self.wire.ended == set(self.client.joined.values())

    def told_server(self, event: serves.Event) -> None:
        if isinstance(event, serves.JoinAsked):
            self.asks.append(event)
        else:
            self.subscribed.remove(event.topic)

    def told_client(self, event: hears.Event) -> None:
        match event:
            case hears.Joined(topic):
                self.joined[topic] = self.client.joined[topic]
            case hears.Refused(topic):
                self.forget(topic)
            case hears.Pushed(topic, "counted", {"n": n}):
                self.heard.setdefault(self.joined[topic], []).append(n)
            case hears.Dropped(topic):
                # An end is read after everything pushed before it.
                ended = self.joined[topic]
                assert self.heard.get(ended) == self.sent.get(ended)
                self.forget(topic)
            case _:
                raise AssertionError(event)

    def forget(self, topic: str) -> None:
        self.joined.pop(topic, None)
        self.wanted.pop(topic, None)

    # what always holds

    @invariant()
    def each_owner_knows_what_is_joined(self) -> None:
        assert self.joined == self.client.joined
        assert self.subscribed == self.server.joined.keys()

    @invariant()
    def nothing_is_heard_twice_out_of_order_or_after_a_gap(self) -> None:
        for join_ref, heard in self.heard.items():
            assert heard == self.sent[join_ref][: len(heard)]

    @invariant()
    def when_all_is_exchanged_both_halves_agree_and_all_was_heard(self) -> None:
        if self.wire.quiet:
            assert self.client.joined == self.server.joined
            for join_ref in self.client.joined.values():
                assert self.heard.get(join_ref) == self.sent.get(join_ref)

    def teardown(self) -> None:
        self.settle()
        self.when_all_is_exchanged_both_halves_agree_and_all_was_heard()


class Longer(BothHalves):
    """The same for minutes."""


TestBothHalvesForLong = pytest.mark.timeout(900)(pytest.mark.thorough(Longer.TestCase))
TestBothHalvesForLong.settings = settings(deadline=None, max_examples=3000, stateful_step_count=80)

TestBothHalves = BothHalves.TestCase
TestBothHalves.settings = settings(derandomize=True, deadline=None, max_examples=200, stateful_step_count=60)
