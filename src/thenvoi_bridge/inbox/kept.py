"""A message as the inbox keeps it: the platform's JSON, read again without Pydantic, which is slow to import.

This program has written it, having checked it, so that nothing has to be made into anything else here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, get_args

from thenvoi_bridge.contract.plain import PeerType, readable

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import ChatMessage


class Message(Protocol):
    """What there is to know of a message that came in; `ChatMessage` says what it means."""

    @property
    def sender_id(self) -> str:
        """Who wrote it."""

    @property
    def sender_type(self) -> PeerType:
        """Whether that is a person."""

    @property
    def sender_name(self) -> str | None:
        """What they are called."""

    @property
    def inserted_at(self) -> str:
        """When, as the platform wrote it."""

    @property
    def content(self) -> str:
        """The text, mentions as ids."""

    @property
    def readable(self) -> str:
        """The text, mentions as handles."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One that was kept: the members of a `ChatMessage`, under their names."""

    id: str
    chat_room_id: str
    content: str = field(repr=False)
    message_type: str
    sender_id: str
    sender_type: PeerType
    inserted_at: str
    updated_at: str
    sender_name: str | None = None
    metadata: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def readable(self) -> str:
        """As `ChatMessage.readable`."""
        return readable(self.content, self.metadata)


_NAMES = tuple(member.name for member in fields(Kept))
_TYPES = get_args(PeerType)
_TEXTS = ("id", "chat_room_id", "content", "message_type", "sender_id", "inserted_at", "updated_at")


def kept(text: str) -> Kept:
    """The message whose JSON this is. Raises `ValueError`, which shows nothing of it, where it is none."""
    try:
        said = json.loads(text)
        if "\\u" in text:
            json.dumps(said, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not _is_message(said):
        raise ValueError("it is no message")
    return Kept(**{name: said.get(name) for name in _NAMES})


def readable_again(message: ChatMessage) -> tuple[ChatMessage, str]:
    """The message and its JSON. What nobody could read again, thus damage, is replaced or dropped.

    Bridges of an older version read it, too, with Pydantic.
    """
    try:
        kept(text := message.model_dump_json())
        return type(message).model_validate_json(text), text
    except ValueError:  # half a character, say, or nesting without end
        said = {**message.model_dump(exclude={"metadata"}), "metadata": None}
        readable = type(message)(**{name: _whole(value) for name, value in said.items()})
        return readable, readable.model_dump_json()


def _is_message(said: Any) -> bool:
    return (
        isinstance(said, dict)
        and all(isinstance(said.get(name), str) for name in _TEXTS)
        and said.get("sender_type") in _TYPES
        and isinstance(said.get("sender_name"), str | None)
        and isinstance(said.get("metadata"), dict | None)
    )


def _whole(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
