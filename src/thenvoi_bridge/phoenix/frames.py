"""Phoenix Channels frames, to and from JSON text; binary frames are not among them.

Version 2 writes a frame as an array, version 1 as an object without the join_ref. Thenvoi's clients speak 2.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from sys import intern
from typing import Any, NamedTuple, Protocol

_EXCERPT = 80  # characters of a foreign frame that may reach a log
_SHAPES = 16  # of one event that are kept; clients number their joins, so most have one of a few refs
_SURROGATE = re.compile(r"\\u[dD]")  # a JSON escape of one, half of a pair or not

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class ProtocolError(Exception):
    """The peer sent something that is not a frame of the version agreed on.

    `excerpt` is what it began with, at most 80 characters; the message shows no more of it either.
    """

    def __init__(self, text: str) -> None:
        self.excerpt = text[:_EXCERPT]
        super().__init__(f"not a Phoenix frame: {self.excerpt!r}")


class Frame(NamedTuple):
    """One message in either direction: `[join_ref, ref, topic, event, payload]` (Phoenix V2).

    `join_ref` names the channel instance by the ref of the join that opened it; `ref` names the message,
    and its reply repeats it. Heartbeats have no join_ref, events of the server no ref.
    """

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: dict[str, Any]

    def encode(self) -> str:
        """The frame as compact JSON with non-ASCII text kept; ValueError if a number in it is not finite."""
        return _encode(self)

    @classmethod
    def decode(cls, text: str) -> Frame:
        """Read a frame as leniently as it can be done without guessing.

        Elements past the fifth are ignored (Phoenix does), numeric refs become text, and a payload that is
        no object becomes `{}` (the Python clients do). Anything else that is not a frame is a ProtocolError.
        """
        return _read(text, _from_array)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One event for many subscribers, its payload encoded once (Phoenix calls this the fastlane).

    `payload_json` is the text of a JSON object and is passed on unread.
    """

    topic: str
    event: str
    payload_json: str
    _tail: str = field(init=False, repr=False, compare=False)
    _framed: dict[str | None, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tail = f",null,{_encode(self.topic)},{_encode(self.event)},{self.payload_json}]"
        object.__setattr__(self, "_tail", tail)
        object.__setattr__(self, "topic", intern(self.topic))

    def framed(self, join_ref: str | None) -> str:
        """The frame for the subscriber whose join had this join_ref.

        Phoenix's own fastlane sends null there, which every Python client drops; so it is filled in.
        """
        if (known := self._framed.get(join_ref)) is not None:
            return known
        text = f"[{_encode(join_ref)}{self._tail}"
        if len(self._framed) < _SHAPES:
            self._framed[join_ref] = text
        return text


class Codec(Protocol):
    """How one version of Phoenix writes frames."""

    def encode(self, frame: Frame) -> str:
        """The text of a frame; ValueError if a number in it is not finite."""

    def decode(self, text: str) -> Frame:
        """The frame in a text, read as leniently as `Frame.decode` does. Raises `ProtocolError`."""

    def framed(self, broadcast: Broadcast, join_ref: str | None) -> str:
        """The text of an event for the subscriber whose join had this join_ref."""


class _V2:
    """`[join_ref, ref, topic, event, payload]`."""

    def encode(self, frame: Frame) -> str:
        return frame.encode()

    def decode(self, text: str) -> Frame:
        return Frame.decode(text)

    def framed(self, broadcast: Broadcast, join_ref: str | None) -> str:
        return broadcast.framed(join_ref)


class _V1:
    """`{"topic", "event", "payload", "ref"}`, all four required in both directions.

    The join_ref is never sent. A channel has the ref of its join for one, which is what its phx_close shows.
    """

    def encode(self, frame: Frame) -> str:
        return _encode(
            {"topic": frame.topic, "event": frame.event, "payload": frame.payload, "ref": frame.ref}
        )

    def decode(self, text: str) -> Frame:
        return _read(text, _from_object)

    def framed(self, broadcast: Broadcast, join_ref: str | None) -> str:
        topic, event = _encode(broadcast.topic), _encode(broadcast.event)
        return f'{{"topic":{topic},"event":{event},"payload":{broadcast.payload_json},"ref":null}}'


V1: Codec = _V1()
V2: Codec = _V2()


def _read(text: str, form: Callable[[Any], Frame | None]) -> Frame:
    """What `form` finds in the JSON of a text. Raises `ProtocolError` if that is nothing."""
    try:
        frame = form(_parse(text))
    except (ValueError, TypeError, RecursionError) as exc:
        raise ProtocolError(text) from exc
    if frame is None:
        raise ProtocolError(text)
    return frame


def _from_array(value: Any) -> Frame | None:
    match value:
        case [join_ref, ref, str(topic), str(event), payload, *_]:
            return Frame(_ref(join_ref), _ref(ref), topic, event, _payload(payload))
    return None


def _from_object(value: Any) -> Frame | None:
    match value:
        case {"topic": str(topic), "event": str(event), "payload": payload, "ref": ref}:
            join_ref = ref if event == "phx_join" else None
            return Frame(_ref(join_ref), _ref(ref), topic, event, _payload(payload))
    return None


def _payload(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _parse(text: str) -> Any:
    value = _decoder.decode(text)
    # Half a surrogate pair is legal in JSON text but in no UTF-8: it would break whoever stores or echoes it.
    if _SURROGATE.search(text):
        _encode(value).encode()
    return value


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number


def _ref(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise TypeError("a ref is text, a number or null")


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
