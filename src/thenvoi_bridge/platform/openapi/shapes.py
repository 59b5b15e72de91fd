r"""How requests and answers look, as JSON Schema: read off the calls, and as strict as the platform is.

A pattern says only what every dialect understands alike: `\s` and `\d` mean other characters to each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Route
from thenvoi_bridge.contract.memories import StoreMemory
from thenvoi_bridge.platform.rules.memories import TYPES

Schema = dict[str, Any]

REF = "#/components/schemas/"

KEPT = r"^[^\u0000]*$"
"""Text that can be kept: without NUL."""

_BLANK = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SAYS = rf"^[^\u0000]*[^\u0000{_BLANK}][^\u0000]*$"
r"""The same, and not blank: what `\S` means to the library that checks it (Unicode's White_Space)."""

_PATTERNS = {None: KEPT, r"\S": SAYS}


def _given(name: str) -> Schema:
    """That a field is there and no null, which would count as absent."""
    return {"properties": {name: {"type": "string"}}, "required": [name]}


BETWEEN_FIELDS: Mapping[type[Call[Any]], tuple[Schema, ...]] = {
    StoreMemory: (
        {
            "anyOf": [
                {"properties": {"system": {"const": system}, "type": {"enum": sorted(types)}}}
                for system, types in TYPES.items()
            ]
        },
        {
            "anyOf": [
                {"properties": {"scope": {"const": "organization"}}, "required": ["scope"]},
                _given("subject_id"),
            ]
        },
    )
}
"""What has to hold between the fields of a call, besides its `either`."""

_OWN: Mapping[str, Schema] = {
    "Anything": {
        "description": "Any JSON, as long as none of its text holds U+0000.",
        "type": ["object", "array", "string", "number", "boolean", "null"],
        "pattern": KEPT,
        "items": {"$ref": f"{REF}Anything"},
        "propertyNames": {"pattern": KEPT},
        "additionalProperties": {"$ref": f"{REF}Anything"},
    },
    "Empty": {
        "description": "There is nothing to say; no body at all is as good.",
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    },
    "Error": {
        "description": "Why a request was refused.",
        "type": "object",
        "properties": {"error": {"$ref": f"{REF}ErrorDetails"}},
        "required": ["error"],
    },
    "ErrorDetails": {
        "description": "`code` is for programs, `message` for people; `request_id` finds the request in the "
        "platform's log.",
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "request_id": {"type": "string"},
            "details": {"type": "object", "additionalProperties": True},
        },
        "required": ["code", "message", "request_id", "details"],
    },
    "ValidationError": {
        "description": "Which values do not fit: `details` maps the JSON Pointer of each to what is wrong.",
        "type": "object",
        "properties": {"error": {"$ref": f"{REF}ValidationErrorDetails"}},
        "required": ["error"],
    },
    "ValidationErrorDetails": {
        "allOf": [{"$ref": f"{REF}ErrorDetails"}],
        "type": "object",
        "properties": {
            "details": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            }
        },
    },
}
"""Shapes that no class of the contract has."""


@cache
def models() -> dict[str, Schema]:
    """Every shape with a name: models, bodies, errors."""
    bodies = {
        body_name(kind, route): _body(kind, route)
        for kind in CALLS
        for route in kind.routes()
        if route.has_body and kind.loose(route)
    }
    calls = {kind.__name__ for kind in CALLS}
    shared = {name: schema for name, schema in _generated()[1].items() if name not in calls}
    asked = {n: _strict(s) for n, s in shared.items() if s.get("additionalProperties") is False}
    return dict(sorted((shared | asked | bodies | dict(_OWN)).items()))


def body_name(kind: type[Call[Any]], route: Route) -> str:
    """The name of the shape that the body of a request to `route` has."""
    return f"{kind.__name__}Body" if kind.loose(route) else "Empty"


def path_field(kind: type[Call[Any]], name: str) -> Schema:
    """A field that stands in the path."""
    schema: Schema = _fields(kind)["properties"][name]
    return without_null(schema)


def query_fields(kind: type[Call[Any]], route: Route) -> dict[str, Schema]:
    """The fields that the query of a request to `route` may have; none has to."""
    properties = _fields(kind)["properties"]
    return {} if route.has_body else {n: _strict(without_null(properties[n])) for n in kind.loose(route)}


def answer(kind: type[Call[Any]]) -> tuple[Schema | None, bool]:
    """The body of a successful answer, None if there never is one, and whether there may be none."""
    schema = _generated()[0][kind, "serialization"]
    inner = without_null(schema)
    if inner == {"type": "null"}:
        return None, True
    if not kind.is_envelope():
        inner = {"type": "object", "properties": {"data": inner}, "required": ["data"]}
    return inner, without_null(schema) != schema


def without_null(schema: Schema) -> Schema:
    """The same, but never null."""
    match schema:
        case {"type": [str(type), "null"]}:
            rest = {**schema, "type": type}
            return {**rest, "enum": schema["enum"][:-1]} if "enum" in schema else rest
        case {"anyOf": [inner, {"type": "null"}]}:
            return {**{name: value for name, value in schema.items() if name != "anyOf"}, **inner}
    return schema


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    match schema:
        case {"type": str(type), "enum": list(choices)}:
            return {**schema, "type": [type, "null"], "enum": [*choices, None]}
        case {"type": str(type)}:
            return {**schema, "type": [type, "null"]}
        case {"$ref": _}:
            return {"anyOf": [schema, {"type": "null"}]}
    return schema


def _fields(kind: type[Call[Any]]) -> Schema:
    fields: Schema = _generated()[1][kind.__name__]
    return fields


def _body(kind: type[Call[Any]], route: Route) -> Schema:
    names, fields = kind.loose(route), _fields(kind)
    needed = [name for name in fields.get("required", ()) if name in names]
    properties = {name: _strict(fields["properties"][name]) for name in names}
    rules = (*BETWEEN_FIELDS.get(kind, ()), *_either(kind))
    inner: Schema = {
        "type": "object",
        "properties": {n: s if n in needed else nullable(s) for n, s in properties.items()},
        **({"required": needed} if needed else {}),
        **({"allOf": list(rules)} if rules else {}),
        "additionalProperties": False,
    }
    return _wrapped(route.wrap, inner) if route.wrap else inner


def _wrapped(name: str, inner: Schema) -> Schema:
    return {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}


def _either(kind: type[Call[Any]]) -> tuple[Schema, ...]:
    return ({"anyOf": [_given(name) for name in kind.either]},) if kind.either else ()


def _strict(schema: Schema) -> Schema:
    """The same, as what comes with a request is checked: no text in it may hold NUL."""
    match schema:
        case {"enum": _} | {"format": _}:
            return schema
        case {"type": "string" | ["string", "null"]}:
            pattern = schema.get("pattern")
            return {**schema, "pattern": _PATTERNS.get(pattern, pattern)}
        case {"additionalProperties": True}:
            return {**schema, **{n: _OWN["Anything"][n] for n in ("propertyNames", "additionalProperties")}}
        case {"properties": properties}:
            return {**schema, "properties": {name: _strict(inner) for name, inner in properties.items()}}
    return schema


class _Generator(GenerateJsonSchema):
    """Pydantic's, without titles that repeat names. Every member of an answer is always sent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def normalize_name(self, name: str) -> str:
        """`Page[ChatRoom]` is `ChatRoomPage`."""
        return super().normalize_name(re.sub(r"(\w+)\[(\w+)\]", r"\2\1", name))

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return {name: value for name, value in super().model_schema(schema).items() if name != "title"}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "serialization" or schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return nullable(self.generate_inner(schema["schema"]))

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        """Choices of text, as one list of them."""
        union = super().union_schema(schema)
        lists = [o.get("enum", [o["const"]] if "const" in o else []) for o in union["anyOf"]]
        return {"type": "string", "enum": [one for some in lists for one in some]} if all(lists) else union


@cache
def _generated() -> tuple[Mapping[tuple[type[Call[Any]], JsonSchemaMode], Schema], Mapping[str, Schema]]:
    """The schema of every answer, and of every model by name; a call is the model of its fields."""
    inputs: list[tuple[type[Call[Any]], JsonSchemaMode, TypeAdapter[Any]]] = [
        *((kind, "validation", TypeAdapter(kind)) for kind in CALLS),
        *((kind, "serialization", kind.answer()) for kind in CALLS),
    ]
    shapes, rest = TypeAdapter.json_schemas(inputs, ref_template=REF + "{model}", schema_generator=_Generator)
    return shapes, rest["$defs"]
