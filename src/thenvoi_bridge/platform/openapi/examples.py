"""Request bodies to begin with: each fits its shape and has only what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thenvoi_bridge.contract.call import Json

ID = "6f1e1fd5-6ff1-4c7e-9a35-0a7a3f3f2f10"

WORDS: Mapping[str, str] = {
    "content": "Please look at the logs",
    "description": "Reads logs and says what is wrong",
    "error": "The logs cannot be read",
    "handle": "alice/scout",
    "name": "Scout",
    "recipient_handle": "alice/scout",
    "thought": "Will be asked again",
}
"""What fields of text may say; any other is an id."""


def example(schema: Json, models: Mapping[str, Json], name: str = "") -> Any:
    """A value for a shape of a request; `name` is the field it is for, `models` what shapes refer to."""
    match schema:
        case {"$ref": str(ref)}:
            return example(models[ref.rpartition("/")[2]], models, name)
        case {"const": only}:
            return only
        case {"enum": [first, *_]}:
            return first
        case {"type": "array", "items": items}:
            return [example(items, models)]
        case {"type": "object"}:
            return {name: example(inner, models, name) for name, inner in _needed(schema).items()}
    return WORDS.get(name, ID)


def _needed(schema: Json) -> dict[str, Json]:
    """The properties that are required, also by the first way to satisfy each rule between them."""
    ways = [rule["anyOf"][0] for rule in schema.get("allOf", ())]
    names = [*schema.get("required", ()), *(name for way in ways for name in way.get("required", ()))]
    narrowed = {name: inner for way in ways for name, inner in way.get("properties", {}).items()}
    return {name: schema["properties"][name] | narrowed.get(name, {}) for name in names}
