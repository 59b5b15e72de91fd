"""The client's half: joins, events, heartbeats, and servers that do not keep the rules."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thenvoi_bridge.phoenix.client import (
    EARLY_LIMIT,
    ClientProtocol,
    Dead,
    Dropped,
    Joined,
    JoinTimedOut,
    Malformed,
    Pushed,
    Refused,
)

ROOM = "chat_room:9b7e"
OTHER = "chat_room:other"
OK = {"status": "ok", "response": {}}


def frame(*elements: Any) -> str:
    """The text of one frame."""
    return json.dumps(elements)


def sent(client: ClientProtocol) -> list[list[Any]]:
    """What the client has to send, as plain JSON."""
    return [json.loads(text) for text in client.outgoing()]


def asking(topic: str = ROOM) -> ClientProtocol:
    """A client whose join (ref 1) is on its way since time 0."""
    client = ClientProtocol(now=0)
    client.join(topic, 0)
    client.outgoing()
    return client


def joined(topic: str = ROOM) -> ClientProtocol:
    """A client whose join (ref 1) was accepted."""
    client = asking(topic)
    client.receive(frame("1", "1", topic, "phx_reply", OK))
    return client


def test_a_join_carries_its_ref_in_both_places() -> None:
    client = ClientProtocol(now=0)
    client.join(ROOM, 0)
    assert sent(client) == [["1", "1", ROOM, "phx_join", {}]]
    assert client.joined == {}


def test_an_accepted_join_is_reported() -> None:
    client = asking()
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == [Joined(ROOM)]
    assert client.joined == {ROOM: "1"}


def test_a_reply_is_heard_once() -> None:
    client = joined()
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == []
    assert client.joined == {ROOM: "1"}


@pytest.mark.parametrize("reason", ["unauthorized", "unmatched topic", "join crashed"])
def test_a_refused_join_is_reported_with_its_reason(reason: str) -> None:
    client = asking()
    refusal = {"status": "error", "response": {"reason": reason}}
    assert client.receive(frame("1", "1", ROOM, "phx_reply", refusal)) == [Refused(ROOM, reason)]
    assert client.joined == {}
    assert client.tick(10) == []


def test_a_refusal_without_join_ref_counts_as_genuine_phoenix_sends_it_for_unmatched_topics() -> None:
    client = asking()
    refusal = {"status": "error", "response": {"reason": "unmatched topic"}}
    assert client.receive(frame(None, "1", ROOM, "phx_reply", refusal)) == [Refused(ROOM, "unmatched topic")]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"status": "error"},
        {"status": "error", "response": {}},
        {"status": "error", "response": {"reason": 1}},
        {"status": "error", "response": "text"},
    ],
)
def test_a_refusal_that_gives_no_reason_is_an_invalid_topic(payload: dict[str, Any]) -> None:
    assert asking().receive(frame("1", "1", ROOM, "phx_reply", payload)) == [Refused(ROOM, "invalid topic")]


@pytest.mark.parametrize("join_ref", ["1", None, 1])
def test_events_count_under_our_join_ref_or_none(join_ref: str | int | None) -> None:
    event = frame(join_ref, None, ROOM, "message_created", {"content": "hello"})
    assert joined().receive(event) == [Pushed(ROOM, "message_created", {"content": "hello"})]


def test_unknown_events_are_passed_on() -> None:
    assert joined().receive(frame("1", None, ROOM, "novelty", [])) == [Pushed(ROOM, "novelty", {})]


@pytest.mark.parametrize("event", ["message_created", "phx_close", "phx_error", "phx_reply"])
def test_what_belongs_to_another_instance_is_ignored(event: str) -> None:
    client = joined()
    assert client.receive(frame("0", "0", ROOM, event, {})) == []
    assert client.joined == {ROOM: "1"}


@pytest.mark.parametrize("join_ref", ["1", None])
@pytest.mark.parametrize("event", ["message_created", "phx_close", "phx_error", "phx_reply"])
def test_what_belongs_to_no_topic_of_ours_is_ignored(event: str, join_ref: str | None) -> None:
    assert joined().receive(frame(join_ref, "1", OTHER, event, OK)) == []


def test_a_reply_to_something_else_does_not_answer_the_join() -> None:
    client = asking()
    assert client.receive(frame("1", "2", ROOM, "phx_reply", OK)) == []
    assert client.joined == {}


@pytest.mark.parametrize("event", ["phx_close", "phx_error"])
def test_a_channel_ended_by_the_server_is_dropped(event: str) -> None:
    client = joined()
    assert client.receive(frame("1", "1", ROOM, event, {})) == [Dropped(ROOM, event)]
    assert client.joined == {}
    assert client.receive(frame("1", None, ROOM, "message_created", {})) == []


def test_a_channel_ended_before_its_join_is_answered_is_dropped() -> None:
    client = asking()
    assert client.receive(frame("1", "1", ROOM, "phx_error", {})) == [Dropped(ROOM, "phx_error")]
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == []
    assert client.tick(10) == []


def test_leaving_names_the_instance_and_nothing_is_heard_of_it_again() -> None:
    client = joined()
    client.leave(ROOM)
    assert sent(client) == [["1", "2", ROOM, "phx_leave", {}]]
    assert client.joined == {}
    assert client.receive(frame("1", None, ROOM, "message_created", {})) == []
    assert client.receive(frame("1", "2", ROOM, "phx_reply", OK)) == []
    assert client.receive(frame("1", "1", ROOM, "phx_close", {})) == []


def test_a_topic_can_be_left_before_its_join_is_answered() -> None:
    client = asking()
    client.leave(ROOM)
    assert sent(client) == [["1", "2", ROOM, "phx_leave", {}]]
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == []
    assert client.joined == {}
    assert client.tick(10) == []


def test_leaving_a_topic_that_is_not_ours_sends_nothing() -> None:
    client = ClientProtocol(now=0)
    client.leave(ROOM)
    assert sent(client) == []


def test_joining_again_opens_a_new_instance_and_the_end_of_the_old_is_not_news() -> None:
    client = joined()
    client.join(ROOM, 1)
    assert sent(client) == [["2", "2", ROOM, "phx_join", {}]]
    assert client.joined == {}
    assert client.receive(frame("1", None, ROOM, "message_created", {})) == []
    assert client.receive(frame("2", "2", ROOM, "phx_reply", OK)) == [Joined(ROOM)]
    assert client.receive(frame("1", "1", ROOM, "phx_close", {})) == []
    assert client.joined == {ROOM: "2"}


def test_joining_again_before_the_first_answer_waits_for_the_second() -> None:
    client = asking()
    client.join(ROOM, 5)
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == []
    assert client.tick(14.9) == []
    assert client.receive(frame("2", "2", ROOM, "phx_reply", OK)) == [Joined(ROOM)]


def test_events_that_arrive_before_the_answer_follow_it_in_order() -> None:
    client = asking()
    assert client.receive(frame("1", None, ROOM, "message_created", {"n": 1})) == []
    assert client.receive(frame(None, None, ROOM, "message_created", {"n": 2})) == []
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == [
        Joined(ROOM),
        Pushed(ROOM, "message_created", {"n": 1}),
        Pushed(ROOM, "message_created", {"n": 2}),
    ]


def test_events_that_arrive_before_a_refusal_are_not_ours() -> None:
    client = asking()
    client.receive(frame("1", None, ROOM, "message_created", {}))
    assert client.receive(frame("1", "1", ROOM, "phx_reply", {})) == [Refused(ROOM, "invalid topic")]


def test_too_many_events_before_the_answer_drop_the_topic_audibly() -> None:
    client = asking()
    event = frame("1", None, ROOM, "message_created", {})
    assert [client.receive(event) for _ in range(EARLY_LIMIT)] == [[]] * EARLY_LIMIT
    assert client.receive(event) == [Dropped(ROOM, "flooded")]
    assert sent(client) == [["1", "2", ROOM, "phx_leave", {}]]
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == []


def test_as_many_events_before_the_answer_as_are_kept_are_all_delivered() -> None:
    client = asking()
    for _ in range(EARLY_LIMIT):
        client.receive(frame("1", None, ROOM, "message_created", {}))
    assert len(client.receive(frame("1", "1", ROOM, "phx_reply", OK))) == 1 + EARLY_LIMIT


def test_a_join_without_answer_times_out_and_is_left_so_that_no_ghost_remains() -> None:
    client = ClientProtocol(now=0, heartbeat=60, patience=10)
    client.join(ROOM, 3)
    client.outgoing()
    assert client.deadline == 13
    assert client.tick(12.9) == []
    assert client.tick(13) == [JoinTimedOut(ROOM)]
    assert sent(client) == [["1", "2", ROOM, "phx_leave", {}]]
    assert client.receive(frame("1", "1", ROOM, "phx_reply", OK)) == []
    assert client.joined == {}
    assert client.tick(14) == []


def test_only_the_joins_that_are_late_time_out() -> None:
    client = ClientProtocol(now=0, heartbeat=60, patience=10)
    client.join(ROOM, 0)
    client.join(OTHER, 1)
    assert client.tick(10) == [JoinTimedOut(ROOM)]
    assert client.deadline == 11


def test_the_first_heartbeat_goes_out_one_interval_after_opening() -> None:
    client = ClientProtocol(now=100, heartbeat=30)
    assert client.deadline == 130
    assert client.tick(129) == []
    assert sent(client) == []
    assert client.tick(130) == []
    assert sent(client) == [[None, "1", "phoenix", "heartbeat", {}]]


def test_joins_leaves_and_heartbeats_share_one_counter() -> None:
    client = ClientProtocol(now=0)
    client.join(ROOM, 0)
    client.leave(ROOM)
    client.tick(10)
    assert [ref for _, ref, *_ in sent(client)] == ["1", "2", "3"]


def test_an_answered_heartbeat_is_followed_by_the_next_one_interval_after_it() -> None:
    client = ClientProtocol(now=0, heartbeat=10, patience=5)
    client.tick(10)
    assert client.deadline == 15
    assert client.receive(frame(None, "1", "phoenix", "phx_reply", OK)) == []
    assert client.deadline == 20
    assert client.tick(20) == []
    assert len(sent(client)) == 2


def test_an_unanswered_heartbeat_is_death_and_reported_once() -> None:
    client = ClientProtocol(now=0, heartbeat=10, patience=15)
    client.tick(10)
    assert client.tick(24) == []
    assert client.tick(25) == [Dead()]
    assert client.deadline == math.inf
    assert client.tick(1000) == []
    assert len(sent(client)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(frame(None, "9", "phoenix", "phx_reply", OK), id="another ref"),
        pytest.param(frame(None, None, "phoenix", "phx_reply", OK), id="no ref"),
        pytest.param(frame(None, "1", "phoenix", "heartbeat", {}), id="no reply"),
        pytest.param(frame(None, "1", ROOM, "phx_reply", OK), id="another topic"),
    ],
)
def test_only_its_own_reply_answers_a_heartbeat(answer: str) -> None:
    client = ClientProtocol(now=0, heartbeat=10, patience=10)
    client.tick(10)
    client.receive(answer)
    assert client.tick(20) == [Dead()]


def test_a_heartbeat_answered_late_but_before_anyone_looked_is_life() -> None:
    client = ClientProtocol(now=0, heartbeat=10, patience=15)
    client.tick(10)
    client.receive(frame(None, "1", "phoenix", "phx_reply", OK))
    assert client.tick(40) == []
    assert len(sent(client)) == 2


def test_only_one_heartbeat_is_in_flight_however_short_the_interval() -> None:
    client = ClientProtocol(now=0, heartbeat=1, patience=10)
    for now in range(1, 11):
        assert client.tick(now) == []
    assert len(sent(client)) == 1
    assert client.deadline == 11
    client.receive(frame(None, "1", "phoenix", "phx_reply", OK))
    assert client.deadline == 2
    client.tick(10)
    assert len(sent(client)) == 1


def test_the_deadline_is_the_nearest_of_joins_and_heartbeat() -> None:
    client = ClientProtocol(now=0, heartbeat=10, patience=10)
    client.join(ROOM, 4)
    assert client.deadline == 10
    client.tick(10)
    assert client.deadline == 14
    client.receive(frame("1", "1", ROOM, "phx_reply", OK))
    assert client.deadline == 20


def test_a_frame_that_cannot_be_read_is_reported_in_part_and_does_no_harm() -> None:
    client = joined()
    assert client.receive("x" * 1000) == [Malformed("x" * 80)]
    assert client.receive("[" * 100_000) == [Malformed("[" * 80)]
    assert client.joined == {ROOM: "1"}


def test_the_view_of_joined_topics_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        joined().joined["x"] = "1"  # type: ignore[index]


refs = st.sampled_from(["1", "2", None, 3])
topics = st.sampled_from([ROOM, OTHER, "phoenix", ""])
events = st.sampled_from(["phx_join", "phx_leave", "phx_close", "phx_error", "phx_reply", "message"])
contents = st.sampled_from([OK, {"status": "error"}, {"status": [], "response": "no"}, {}, None])
plausible = st.tuples(refs, refs, topics, events, contents).map(json.dumps)


@settings(derandomize=True, deadline=None)
@given(st.lists(plausible | st.text(), max_size=20))
def test_no_server_can_upset_the_client(texts: list[str]) -> None:
    client = ClientProtocol(now=0)
    client.join(ROOM, 0)
    client.join(OTHER, 0)
    for text in texts:
        for event in client.receive(text):
            assert isinstance(event, Joined | Refused | Pushed | Dropped | Malformed)
    client.outgoing()
    client.join("fresh", 0)
    [[ref, *_]] = sent(client)
    assert client.receive(frame(ref, ref, "fresh", "phx_reply", OK)) == [Joined("fresh")]
