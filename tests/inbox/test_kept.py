"""A message is read again without Pydantic, and what is none is refused as Pydantic would refuse it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.inbox.mentions import as_kept, mention
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.kept import kept

SAID = json.loads(mention("m1").model_dump_json())
HANDLES = {"mentions": [{"id": "a1", "handle": "alice/scout"}, {"id": "a2"}, "a3", None]}


def but(**changes: Any) -> str:
    """The JSON of a message with other members; those that are `...` are missing."""
    return json.dumps({name: value for name, value in {**SAID, **changes}.items() if value is not ...})


@pytest.mark.parametrize(
    "text",
    [
        but(),
        but(sender_name=..., metadata=...),
        but(sender_name=None, metadata=None),
        but(metadata=HANDLES, content="@[[a1]] and @[[a2]]"),
        but(metadata={"deep": [{"a": 1.5}, True]}, sender_type="Agent"),
        but(of_a_newer_version=1),
        but(content="\\ud83d as text, and \U0001f600"),
        json.dumps({**SAID, "content": "日本"}, ensure_ascii=False),
    ],
    ids=range(8),
)
def test_a_message_is_what_it_was(text: str) -> None:
    message = ChatMessage.model_validate_json(text)
    assert kept(text) == as_kept(message)
    assert kept(text).readable == message.readable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        but(id=...),
        but(content=None),
        but(content=7),
        but(sender_type="Robot"),
        but(sender_type=["User"]),
        but(sender_name=7),
        but(metadata=[]),
        but(content="half \ud83d"),
        but(metadata={"a": "\udc00"}),
        "[" * 100_000,
    ],
    ids=range(14),
)
def test_what_is_no_message_is_refused_and_shown_to_nobody(text: str) -> None:
    with pytest.raises(ValueError, match="valid"):
        ChatMessage.model_validate_json(text)
    with pytest.raises(ValueError, match=r"^it is no (JSON|message)$"):
        kept(text)
