"""Frames as text: what is written, what is read leniently, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thenvoi_bridge.phoenix.frames import V1, V2, Broadcast, Codec, Frame, ProtocolError

words = st.text(max_size=20)
refs = st.none() | words
payloads = st.dictionaries(
    words,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=10,
    ),
    max_size=5,
)
frames = st.builds(Frame, refs, refs, words, words, payloads)

steadily = settings(derandomize=True, deadline=None)


@pytest.mark.parametrize(
    "line",
    [
        '["1","1","agent_rooms:5f1c","phx_join",{}]',
        '["1","1","agent_rooms:5f1c","phx_reply",{"status":"ok","response":{}}]',
        '["1",null,"agent_rooms:5f1c","room_added",{"id":"9b7e","title":"New chat","task_id":null}]',
        '[null,"7","phoenix","heartbeat",{}]',
        '["2","2","chat_room:9b7e","phx_close",{}]',
        '["4","4","chat_room:dead","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]',
    ],
)
def test_the_frames_seen_on_the_wire_are_read_and_written_alike(line: str) -> None:
    assert Frame.decode(line).encode() == line


@steadily
@given(frames)
def test_what_is_encoded_decodes_to_the_same_frame(frame: Frame) -> None:
    text = frame.encode()
    assert Frame.decode(text) == frame
    assert len(json.loads(text)) == 5


def test_non_ascii_text_stays_readable() -> None:
    text = Frame("1", None, "chat_room:ü", "message_created", {"content": "日本 🎉"}).encode()
    assert text == '["1",null,"chat_room:ü","message_created",{"content":"日本 🎉"}]'


def test_a_number_json_cannot_express_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Frame(None, None, "t", "e", {"x": float("nan")}).encode()


def test_elements_past_the_fifth_are_ignored() -> None:
    assert Frame.decode('["1","2","t","e",{},6,[7]]') == Frame("1", "2", "t", "e", {})


def test_numeric_refs_become_text() -> None:
    assert Frame.decode('[1,2.5,"t","e",{}]') == Frame("1", "2.5", "t", "e", {})


@pytest.mark.parametrize("payload", ["null", "[]", '"text"', "1", "true"])
def test_a_payload_that_is_no_object_becomes_an_empty_one(payload: str) -> None:
    assert Frame.decode(f'["1","2","t","e",{payload}]').payload == {}


def test_an_escaped_emoji_is_read() -> None:
    assert Frame.decode(r'["1","2","t","e",{"x":"\ud83c\udf89"}]').payload == {"x": "🎉"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("hello", id="not JSON"),
        pytest.param('["1","2","t","e",{}', id="cut off"),
        pytest.param('["1","2","t","e",{}]]', id="trailing text"),
        pytest.param('"12345"', id="a string of five"),
        pytest.param('{"a":1,"b":2,"c":"t","d":"e","e":{}}', id="an object of five, as in V1"),
        pytest.param('["1","2","t","e"]', id="four elements"),
        pytest.param('["1","2",3,"e",{}]', id="topic is no text"),
        pytest.param('["1","2","t",null,{}]', id="event is no text"),
        pytest.param('[["1"],"2","t","e",{}]', id="join_ref is an array"),
        pytest.param('["1",true,"t","e",{}]', id="ref is a boolean"),
        pytest.param('["1","2","t","e",{"x":NaN}]', id="NaN"),
        pytest.param('["1","2","t","e",{"x":-Infinity}]', id="Infinity"),
        pytest.param('["1","2","t","e",{"x":1e999}]', id="a number beyond every float"),
        pytest.param('["1","2","t","e",{"x":' + "9" * 5000 + "}]", id="a number beyond Python's patience"),
        pytest.param(r'["1","2","\ud83c","e",{}]', id="half an emoji for a topic"),
        pytest.param(r'["1","2","t","e",{"x":["\uDF89"]}]', id="half an emoji in the payload"),
        pytest.param("[" * 100_000, id="nested too deep"),
        pytest.param('["1","2","t","e",' + '{"x":' * 100_000 + "1" + "}" * 100_000 + "]", id="deep payload"),
    ],
)
def test_anything_else_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        Frame.decode(text)


def test_a_protocol_error_shows_only_the_beginning_of_the_text() -> None:
    with pytest.raises(ProtocolError) as caught:
        Frame.decode("a" * 80 + "secret")
    assert caught.value.excerpt == "a" * 80
    assert "secret" not in str(caught.value)


elements: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), words, st.just({})
)


members = st.dictionaries(st.sampled_from(["topic", "event", "payload", "ref", "join_ref"]), elements)


@pytest.mark.parametrize("codec", [V1, V2], ids=["V1", "V2"])
@steadily
@given(text=st.text() | (st.lists(elements, max_size=7) | members).map(json.dumps))
def test_any_text_is_a_sound_frame_or_a_protocol_error(codec: Codec, text: str) -> None:
    try:
        frame = codec.decode(text)
    except ProtocolError:
        return
    assert codec.decode(codec.encode(frame)) == frame


@pytest.mark.parametrize("codec", [V1, V2], ids=["V1", "V2"])
@steadily
@given(topic=words, event=words, payload=payloads, join_ref=refs)
def test_a_broadcast_is_framed_like_any_event_of_the_server(
    codec: Codec, topic: str, event: str, payload: dict[str, Any], join_ref: str | None
) -> None:
    broadcast = Broadcast(topic, event, json.dumps(payload))
    frame = Frame(join_ref, None, topic, event, payload)
    assert json.loads(codec.framed(broadcast, join_ref)) == json.loads(codec.encode(frame))


def test_a_broadcast_passes_its_payload_on_unread() -> None:
    broadcast = Broadcast("chat_room:ü", "message_created", '{"n": 1.50}')
    assert broadcast.framed("7") == '["7",null,"chat_room:ü","message_created",{"n": 1.50}]'
    assert broadcast.framed(None) == '[null,null,"chat_room:ü","message_created",{"n": 1.50}]'


# Version 1


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (
            '{"topic":"agent_rooms:5f1c","event":"phx_join","payload":{},"ref":"1"}',
            Frame("1", "1", "agent_rooms:5f1c", "phx_join", {}),
        ),
        (
            '{"topic":"chat_room:ü","event":"phx_leave","payload":{"a":"🎉"},"ref":"2"}',
            Frame(None, "2", "chat_room:ü", "phx_leave", {"a": "🎉"}),
        ),
        (
            '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":null}',
            Frame(None, None, "phoenix", "heartbeat", {}),
        ),
    ],
)
def test_frames_of_version_1_are_objects_and_a_join_is_named_by_its_ref(text: str, frame: Frame) -> None:
    assert V1.decode(text) == frame
    assert V1.encode(frame) == text


def test_a_frame_of_version_1_is_read_as_leniently() -> None:
    text = '{"ref":7,"payload":[],"event":"e","topic":"t","join_ref":"1","more":1}'
    assert V1.decode(text) == Frame(None, "7", "t", "e", {})


def test_an_event_of_version_1_has_neither_join_ref_nor_ref() -> None:
    broadcast = Broadcast("chat_room:ü", "message_created", '{"n": 1.50}')
    assert V1.framed(broadcast, "7") == (
        '{"topic":"chat_room:ü","event":"message_created","payload":{"n": 1.50},"ref":null}'
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('["1","1","t","e",{}]', id="an array, as in V2"),
        pytest.param('{"topic":"t","event":"e","payload":{}}', id="no ref"),
        pytest.param('{"topic":"t","event":"e","ref":"1"}', id="no payload"),
        pytest.param('{"topic":"t","payload":{},"ref":"1"}', id="no event"),
        pytest.param('{"event":"e","payload":{},"ref":"1"}', id="no topic"),
        pytest.param('{"topic":1,"event":"e","payload":{},"ref":"1"}', id="topic is no text"),
        pytest.param('{"topic":"t","event":"e","payload":{},"ref":[]}', id="ref is an array"),
        pytest.param('{"topic":"t","event":"phx_join","payload":{},"ref":true}', id="ref is a boolean"),
        pytest.param('{"topic":"t","event":"e","payload":{"x":NaN},"ref":"1"}', id="NaN"),
        pytest.param(r'{"topic":"\ud83c","event":"e","payload":{},"ref":"1"}', id="half an emoji"),
        pytest.param('{"a":' * 100_000, id="nested too deep"),
        pytest.param("", id="empty"),
    ],
)
def test_anything_else_is_a_protocol_error_in_version_1_too(text: str) -> None:
    with pytest.raises(ProtocolError):
        V1.decode(text)
