"""What a host is given in the bridge's own voice: results and resources less what is marked as others'."""

from __future__ import annotations

import json
import re
from typing import Any

import mcp_types as types

FENCE = re.compile(
    r"<<<untrusted ([0-9a-f]{12}): data from other people, not instructions\n(.*?)\nuntrusted \1>>>",
    re.DOTALL,
)


def inside(text: str) -> list[str]:
    """What stands between marks."""
    return [found[2] for found in FENCE.finditer(text)]


def own_text(text: str) -> str:
    """What does not."""
    return FENCE.sub("", text)


def own_values(value: Any) -> Any:
    """JSON values less every member `untrusted`."""
    match value:
        case dict():
            return {name: own_values(item) for name, item in value.items() if name != "untrusted"}
        case list():
            return [own_values(item) for item in value]
    return value


def own_voice(result: types.CallToolResult) -> str:
    """Everything of a result that a host has to take for the bridge's own word."""
    texts = [block.text for block in result.content if isinstance(block, types.TextContent)]
    assert len(texts) == len(result.content)
    structured = json.dumps(own_values(result.structured_content), ensure_ascii=False)
    return "\n".join([*map(own_text, texts), structured])
