"""Reading an OpenAPI document, ours or another: what it says of each operation, and whether a value fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]

from tests.platform.town import Json

FORMATS = FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)  # type: ignore[untyped-decorator]
def is_moment(value: object) -> bool:
    """Whether this is a moment, which a time without a zone is not."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _pattern(_: Any, pattern: str, value: object, __: Any) -> Iterator[ValidationError]:
    """As ECMA 262 reads it: `$` is the very end, not before a last line break."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Each with its place: the method, and the path without the names of what varies in it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield place(method, path), operation


def place(method: str, path: str) -> str:
    return f"{method.upper()} {re.sub(r'{.+?}', '{}', path)}"


def resolved(document: Json, value: Json) -> Json:
    """What a reference leads to; anything else as it is."""
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def content(document: Json, said: Json) -> Json:
    """The schema of a body that a request or an answer may have; empty where it has none."""
    schema: Json = resolved(document, said).get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def members(document: Json, schema: Json, *, required: bool, before: str = "") -> Iterator[str]:
    """The members of a JSON value by the way that leads to them, like `data[].id`."""
    schema = resolved(document, schema)
    if "items" in schema:
        yield from members(document, schema["items"], required=required, before=f"{before}[]")
    for name, inner in schema.get("properties", {}).items():
        if not required or name in schema.get("required", ()):
            yield f"{before}.{name}".lstrip(".")
            yield from members(document, inner, required=required, before=f"{before}.{name}")


def facts(document: Json, operation: Json) -> Json:
    """What a query may have, a body must and may have, which statuses there are, what an answer tells."""
    parameters = [resolved(document, one) for one in operation.get("parameters", ())]
    asked = content(document, operation.get("requestBody", {}))
    told = [content(document, one) for status, one in operation["responses"].items() if status < "300"]
    return {
        "query": sorted(one["name"] for one in parameters if one["in"] == "query"),
        "must": sorted(members(document, asked, required=True)),
        "may": sorted(members(document, asked, required=False)),
        "statuses": sorted(operation["responses"]),
        "tells": sorted(members(document, told[0], required=True)),
    }


def misfits(document: Json, schema: Json, value: object) -> list[str]:
    """What is wrong with a value, by the schema."""
    whole = {**schema, "components": document["components"]}
    return [error.message for error in Validator(whole, format_checker=FORMATS).iter_errors(value)]


def sealed(document: Json) -> Json:
    """The document, if answers had nothing it does not name."""
    schemas = document["components"]["schemas"].items()
    closed = {name: {"additionalProperties": False, **s} if "allOf" not in s else s for name, s in schemas}
    return {**document, "components": {**document["components"], "schemas": closed}}
