"""What the contract says of messages that takes no model, for programs too small to import Pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

PeerType = Literal["User", "Agent"]
"""People are `User`, everything else is `Agent`."""


def readable(content: str, metadata: Mapping[str, Any] | None) -> str:
    """The text of a message with `@[[<id>]]` turned back into `@handle`, as its metadata has them."""
    text = content
    for mention in (metadata or {}).get("mentions") or []:
        if isinstance(mention, dict) and mention.get("handle"):
            text = text.replace(f"@[[{mention.get('id')}]]", f"@{mention['handle']}")
    return text
