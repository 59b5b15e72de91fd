"""JSON schemas of tool arguments as hosts take them: flat, no references, nothing unknown allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from thenvoi_bridge.bridge import wording

Schema = dict[str, Any]

PEOPLE: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1}
"""How a list of mentions looks to a model: ids, handles or names."""


def of(model: type[BaseModel], words: Mapping[str, str] = wording.FIELDS, group: str = "") -> Schema:
    """The schema of a model's fields. `words` say it better than the fields do themselves, best of all those
    for the `group` of the tool.
    """
    full = model.model_json_schema()
    defs = full.get("$defs", {})
    fields: Schema = full.get("properties", {})
    better = {name: words.get(f"{group}.{name}") or words.get(name) for name in fields}
    properties = {name: _property(name, field, defs, better[name]) for name, field in fields.items()}
    needed = list(full.get("required", []))
    shape: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**shape, "required": needed} if needed else shape


def lenient(arguments: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Arguments as they were meant: hosts write lists and objects as JSON text, one item for a list, and null
    for what is left out.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    return {name: _meant(value, schema["properties"].get(name, {})) for name, value in given.items()}


def _property(name: str, field: Schema, defs: Schema, better: str | None) -> Schema:
    if name == "mentions":
        return {**PEOPLE, "description": wording.FIELDS["mentions"]}
    flat = _flat(field, defs)
    text = better or flat.pop("description", None) or wording.FIELDS.get(name)
    for noise in ("title", "default", "pattern", "additionalProperties"):
        flat.pop(noise, None)
        flat.get("items", {}).pop(noise, None)
    return {**flat, "description": text} if text else flat


def _flat(field: Schema, defs: Schema) -> Schema:
    """A field without references, without choices, and without the null that says it may be left out."""
    if "$ref" in field:
        return _flat(defs[field["$ref"].rpartition("/")[2]], defs)
    options = [_flat(option, defs) for option in field.get("anyOf", []) if option.get("type") != "null"]
    rest = {name: value for name, value in field.items() if name != "anyOf"}
    return {**(_either(options) if options else {}), **rest}


def _either(options: Sequence[Schema]) -> Schema:
    """One schema for what may be any of these; several are lists of words."""
    if len(options) == 1:
        return options[0]
    return {"type": "string", "enum": [word for option in options for word in _words(option)]}


def _words(option: Schema) -> Sequence[str]:
    words: Sequence[str] = option.get("enum") or [option["const"]]
    return words


def _meant(value: Any, field: Schema) -> Any:
    kind = field.get("type")
    if kind not in ("array", "object") or not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    if isinstance(parsed, list if kind == "array" else dict):
        return parsed
    return [value] if kind == "array" else value
