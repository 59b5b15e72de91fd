"""The server's half against the rows of Phoenix's behaviour that clients rely on."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thenvoi_bridge.phoenix.frames import V1, V2, Broadcast, Codec, Frame, ProtocolError
from thenvoi_bridge.phoenix.server import Event, JoinAsked, Left, ServerProtocol

ROOM = "chat_room:9b7e"
HELLO = Broadcast(ROOM, "message_created", '{"content":"hello"}')


def frame(*elements: Any) -> str:
    """The text of one frame."""
    return json.dumps(elements)


def sent(server: ServerProtocol) -> list[list[Any]]:
    """What the server has to send, as plain JSON."""
    return [json.loads(text) for text in server.outgoing()]


def ask(server: ServerProtocol, ref: str = "1", topic: str = ROOM) -> JoinAsked:
    """Let the client ask to join."""
    asked = server.receive(frame(ref, ref, topic, "phx_join", {}))[-1]
    assert isinstance(asked, JoinAsked)
    return asked


def joined(ref: str = "1", topic: str = ROOM) -> ServerProtocol:
    """A server with one channel and nothing left to send."""
    server = ServerProtocol()
    server.accept(ask(server, ref, topic))
    server.outgoing()
    return server


def ok(join_ref: str | None, ref: str | None, topic: str = ROOM) -> list[Any]:
    return [join_ref, ref, topic, "phx_reply", {"status": "ok", "response": {}}]


def error(join_ref: str | None, ref: str | None, reason: str, topic: str = ROOM) -> list[Any]:
    return [join_ref, ref, topic, "phx_reply", {"status": "error", "response": {"reason": reason}}]


def test_a_heartbeat_is_answered_whatever_is_joined() -> None:
    server = ServerProtocol()
    assert server.receive(frame(None, "7", "phoenix", "heartbeat", {})) == []
    assert sent(server) == [ok(None, "7", "phoenix")]


def test_a_heartbeat_reply_has_no_join_ref_even_if_the_heartbeat_had() -> None:
    server = ServerProtocol()
    server.receive(frame("1", "7", "phoenix", "heartbeat", {}))
    assert sent(server) == [ok(None, "7", "phoenix")]


def test_a_join_is_put_to_the_owner_and_not_answered_before() -> None:
    server = ServerProtocol()
    assert server.receive(frame("1", "1", ROOM, "phx_join", {"a": 1})) == [
        JoinAsked(ROOM, {"a": 1}, "1", "1")
    ]
    assert sent(server) == []
    assert server.joined == {}


def test_an_accepted_join_is_answered_and_opens_the_channel() -> None:
    server = ServerProtocol()
    assert server.accept(ask(server))
    assert sent(server) == [ok("1", "1")]
    assert server.joined == {ROOM: "1"}


def test_the_answer_to_a_join_can_carry_a_response() -> None:
    server = ServerProtocol()
    server.accept(ask(server), {"a": 1})
    assert sent(server) == [["1", "1", ROOM, "phx_reply", {"status": "ok", "response": {"a": 1}}]]


@pytest.mark.parametrize("reason", ["unauthorized", "unmatched topic", "join crashed"])
def test_a_refused_join_keeps_no_channel(reason: str) -> None:
    server = ServerProtocol()
    server.refuse(ask(server), reason)
    server.push(HELLO)
    assert sent(server) == [error("1", "1", reason)]
    assert server.joined == {}


def test_a_join_is_answered_once() -> None:
    server = ServerProtocol()
    asked = ask(server)
    assert server.accept(asked)
    assert not server.accept(asked)
    server.refuse(asked, "unauthorized")
    assert sent(server) == [ok("1", "1")]
    assert server.joined == {ROOM: "1"}


def test_pushes_carry_the_join_ref_of_the_subscriber_and_no_ref() -> None:
    server = joined("5")
    server.push(HELLO)
    assert sent(server) == [["5", None, ROOM, "message_created", {"content": "hello"}]]


def test_nothing_is_pushed_before_the_join_is_answered() -> None:
    server = ServerProtocol()
    asked = ask(server)
    server.push(HELLO)
    server.accept(asked)
    server.push(HELLO)
    assert [event for *_, event, _ in sent(server)] == ["phx_reply", "message_created"]


def test_nothing_is_pushed_to_a_topic_not_joined() -> None:
    server = joined(topic="chat_room:other")
    server.push(HELLO)
    assert sent(server) == []


@pytest.mark.parametrize("event", ["message", "phx_close", "phx_reply"])
def test_any_event_on_a_topic_not_joined_is_refused_with_both_refs(event: str) -> None:
    server = ServerProtocol()
    assert server.receive(frame("3", "4", ROOM, event, {})) == []
    assert sent(server) == [error("3", "4", "unmatched topic")]


@pytest.mark.parametrize("join_ref", ["1", None])
def test_a_push_of_the_client_is_refused_and_the_channel_kept(join_ref: str | None) -> None:
    server = joined("1")
    assert server.receive(frame(join_ref, "2", ROOM, "new_message", {})) == []
    assert sent(server) == [error(join_ref, "2", "not supported")]
    assert server.joined == {ROOM: "1"}


def test_a_push_of_the_client_before_its_join_is_answered_is_refused_alike() -> None:
    server = ServerProtocol()
    asked = ask(server)
    server.receive(frame("1", "2", ROOM, "new_message", {}))
    assert sent(server) == [error("1", "2", "not supported")]
    assert server.accept(asked)


@pytest.mark.parametrize("join_ref", ["1", None])
def test_a_leave_is_answered_and_then_closes_the_channel(join_ref: str | None) -> None:
    server = joined("1")
    assert server.receive(frame(join_ref, "9", ROOM, "phx_leave", {})) == [Left(ROOM)]
    assert sent(server) == [ok(join_ref, "9"), ["1", "1", ROOM, "phx_close", {}]]
    assert server.joined == {}


def test_a_leave_of_a_topic_not_joined_is_answered_without_a_close() -> None:
    server = ServerProtocol()
    assert server.receive(frame("3", "9", ROOM, "phx_leave", {})) == []
    assert sent(server) == [ok("3", "9")]


@pytest.mark.parametrize("event", ["phx_leave", "new_message"])
def test_what_belongs_to_an_older_instance_is_ignored(event: str) -> None:
    server = joined("5")
    assert server.receive(frame("1", "6", ROOM, event, {})) == []
    assert sent(server) == []
    assert server.joined == {ROOM: "5"}


def test_a_stale_leave_does_not_withdraw_a_join_still_unanswered() -> None:
    server = ServerProtocol()
    asked = ask(server, "5")
    assert server.receive(frame("1", "6", ROOM, "phx_leave", {})) == []
    assert server.accept(asked)
    assert sent(server) == [ok("5", "5")]


def test_a_second_join_ends_the_first_and_the_close_comes_after_the_reply() -> None:
    server = joined("1")
    left, asked = server.receive(frame("2", "2", ROOM, "phx_join", {}))
    assert left == Left(ROOM)
    assert isinstance(asked, JoinAsked)
    server.push(HELLO)
    assert sent(server) == []
    server.accept(asked)
    server.push(HELLO)
    assert sent(server) == [
        ok("2", "2"),
        ["1", "1", ROOM, "phx_close", {}],
        ["2", None, ROOM, "message_created", {"content": "hello"}],
    ]


def test_a_second_join_that_is_refused_has_ended_the_first_all_the_same() -> None:
    server = joined("1")
    server.refuse(ask(server, "2"), "unauthorized")
    assert sent(server) == [error("2", "2", "unauthorized"), ["1", "1", ROOM, "phx_close", {}]]
    assert server.joined == {}


def test_a_join_overtaken_by_another_is_answered_at_once_and_cannot_be_accepted_later() -> None:
    server = ServerProtocol()
    first = ask(server, "1")
    second = ask(server, "2")
    assert sent(server) == [error("1", "1", "joined again")]
    assert not server.accept(first)
    assert server.accept(second)
    assert sent(server) == [ok("2", "2")]


def test_three_joins_in_a_row_close_the_one_that_was_open_once() -> None:
    server = joined("1")
    ask(server, "2")
    server.accept(ask(server, "3"))
    assert sent(server) == [
        error("2", "2", "joined again"),
        ["1", "1", ROOM, "phx_close", {}],
        ok("3", "3"),
    ]


@pytest.mark.parametrize("join_ref", ["1", None])
def test_a_leave_that_overtakes_the_answer_to_its_join_leaves_no_channel_behind(join_ref: str | None) -> None:
    server = ServerProtocol()
    asked = ask(server, "1")
    assert server.receive(frame(join_ref, "2", ROOM, "phx_leave", {})) == []
    assert not server.accept(asked)
    assert sent(server) == [error("1", "1", "left"), ok(join_ref, "2")]
    assert server.joined == {}


def test_the_server_can_end_a_channel() -> None:
    server = joined("1")
    server.close(ROOM)
    server.push(HELLO)
    assert sent(server) == [["1", "1", ROOM, "phx_close", {}]]
    assert server.joined == {}


def test_a_channel_that_fails_is_reported_as_an_error() -> None:
    server = joined("1")
    server.fail(ROOM)
    server.push(HELLO)
    assert sent(server) == [["1", "1", ROOM, "phx_error", {}]]
    assert server.joined == {}


def test_ending_a_channel_that_is_not_open_does_nothing() -> None:
    server = ServerProtocol()
    asked = ask(server)
    server.close(ROOM)
    server.fail(ROOM)
    assert sent(server) == []
    assert server.accept(asked)


def test_a_leave_that_crosses_a_close_is_answered_and_nothing_more() -> None:
    server = joined("1")
    server.close(ROOM)
    assert server.receive(frame("1", "2", ROOM, "phx_leave", {})) == []
    assert sent(server) == [["1", "1", ROOM, "phx_close", {}], ok("1", "2")]


def test_a_client_without_refs_is_served_without_refs() -> None:
    server = ServerProtocol()
    [asked] = server.receive(frame(None, None, ROOM, "phx_join", {}))
    assert isinstance(asked, JoinAsked)
    server.accept(asked)
    server.push(HELLO)
    assert server.joined == {ROOM: None}
    assert server.receive(frame("1", None, ROOM, "phx_leave", {})) == [Left(ROOM)]
    assert sent(server) == [
        ok(None, None),
        [None, None, ROOM, "message_created", {"content": "hello"}],
        ok("1", None),
        [None, None, ROOM, "phx_close", {}],
    ]


def test_a_join_without_join_ref_gets_none_back_even_if_it_has_a_ref() -> None:
    server = ServerProtocol()
    [asked] = server.receive(frame(None, "1", ROOM, "phx_join", {}))
    assert isinstance(asked, JoinAsked)
    server.accept(asked)
    assert server.joined == {ROOM: None}
    assert sent(server) == [ok(None, "1")]


def test_topics_do_not_touch_each_other() -> None:
    server = joined("1")
    server.accept(ask(server, "2", "chat_room:other"))
    server.close("chat_room:other")
    assert server.joined == {ROOM: "1"}


def test_the_view_of_joined_topics_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        joined().joined["x"] = "1"  # type: ignore[index]


def test_frames_to_send_are_handed_out_once() -> None:
    server = joined()
    server.push(HELLO)
    assert len(server.outgoing()) == 1
    assert server.outgoing() == []


def test_an_unreadable_frame_is_an_error_and_changes_nothing() -> None:
    server = joined("1")
    with pytest.raises(ProtocolError):
        server.receive("nonsense")
    assert sent(server) == []
    assert server.joined == {ROOM: "1"}


refs = st.sampled_from(["1", "2", None, 3])
topics = st.sampled_from([ROOM, "phoenix", ""])
events = st.sampled_from(["phx_join", "phx_leave", "phx_close", "phx_reply", "heartbeat", "message"])
plausible = st.tuples(refs, refs, topics, events, st.sampled_from([{}, None])).map(json.dumps)


def as_object(array: str) -> str:
    """The same frame in version 1."""
    _, ref, topic, event, payload = json.loads(array)
    return json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref})


def receive_anything(server: ServerProtocol, text: str) -> list[Event]:
    """Only a ProtocolError may come of it."""
    try:
        return server.receive(text)
    except ProtocolError:
        return []


@pytest.mark.parametrize("codec", [V1, V2], ids=["V1", "V2"])
@settings(derandomize=True, deadline=None)
@given(
    texts=st.lists(plausible | plausible.map(as_object) | st.text(), max_size=20),
    accepted=st.integers(min_value=0, max_value=3),
)
def test_no_client_can_upset_the_server(codec: Codec, texts: list[str], accepted: int) -> None:
    server = ServerProtocol(codec)
    for text in texts:
        for event in receive_anything(server, text):
            if isinstance(event, JoinAsked) and len(server.joined) < accepted:
                assert server.accept(event)
    for text in server.outgoing():
        codec.decode(text)
    (asked,) = server.receive(codec.encode(Frame("99", "99", "fresh", "phx_join", {})))
    assert isinstance(asked, JoinAsked)
    assert server.accept(asked)
    reply = Frame("99", "99", "fresh", "phx_reply", {"status": "ok", "response": {}})
    assert server.outgoing() == [codec.encode(reply)]


# Version 1


def objects(server: ServerProtocol) -> list[list[Any]]:
    """What the server has to send in version 1: topic, event, payload, ref."""
    frames = [json.loads(text) for text in server.outgoing()]
    assert all(list(frame) == ["topic", "event", "payload", "ref"] for frame in frames)
    return [list(frame.values()) for frame in frames]


def test_version_1_is_the_same_without_join_refs() -> None:
    server = ServerProtocol(V1)
    assert server.receive(as_object(frame(None, "0", "phoenix", "heartbeat", {}))) == []
    (asked,) = server.receive(as_object(frame(None, "1", ROOM, "phx_join", {"a": 1})))
    assert asked == JoinAsked(ROOM, {"a": 1}, "1", "1")
    server.accept(asked)
    server.push(HELLO)
    server.receive(as_object(frame(None, "2", ROOM, "new_message", {})))
    server.receive(as_object(frame(None, "3", "chat_room:other", "new_message", {})))
    left, again = server.receive(as_object(frame(None, "4", ROOM, "phx_join", {})))
    assert left == Left(ROOM)
    assert isinstance(again, JoinAsked)
    server.accept(again)
    assert server.receive(as_object(frame(None, "5", ROOM, "phx_leave", {}))) == [Left(ROOM)]
    fine: dict[str, Any] = {"status": "ok", "response": {}}
    assert objects(server) == [
        ["phoenix", "phx_reply", fine, "0"],
        [ROOM, "phx_reply", fine, "1"],
        [ROOM, "message_created", {"content": "hello"}, None],
        [ROOM, "phx_reply", {"status": "error", "response": {"reason": "not supported"}}, "2"],
        ["chat_room:other", "phx_reply", {"status": "error", "response": {"reason": "unmatched topic"}}, "3"],
        [ROOM, "phx_reply", fine, "4"],
        [ROOM, "phx_close", {}, "1"],
        [ROOM, "phx_reply", fine, "5"],
        [ROOM, "phx_close", {}, "4"],
    ]


@pytest.mark.parametrize("codec", [V1, V2], ids=["V1", "V2"])
def test_a_frame_of_the_other_version_is_an_error(codec: Codec) -> None:
    server = ServerProtocol(codec)
    text = frame(None, "7", "phoenix", "heartbeat", {})
    with pytest.raises(ProtocolError):
        server.receive(text if codec is V1 else as_object(text))
