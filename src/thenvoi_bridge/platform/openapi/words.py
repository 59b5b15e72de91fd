"""JSON schemas in words and tables, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from thenvoi_bridge.contract.call import UUID, Id, Json
from thenvoi_bridge.platform.openapi import shapes
from thenvoi_bridge.platform.openapi.markup import Html, joined, prose, tag

_PATTERNS = {
    shapes.KEPT: "",
    shapes.SAYS: "not blank",
    UUID: "a UUID",
    get_args(Id)[1].pattern: "1 to 64 letters, digits, `_` and `-`",
}
"""What a pattern means, where that is shorter than the pattern."""


def name_of(schema: Json) -> str:
    """The name of the shape that a schema refers to."""
    return str(schema["$ref"]).rpartition("/")[2]


def anchor(name: str) -> str:
    """Where the page describes a shape."""
    return f"shape-{name}"


def type_of(schema: Json) -> Html:
    """What kind of value it is."""
    match schema:
        case {"$ref": _}:
            return tag("a", name_of(schema), href=f"#{anchor(name_of(schema))}")
        case {"const": only}:
            return _choices([only])
        case {"enum": list(choices)}:
            return _choices(choices)
        case {"anyOf": list(options)}:
            return _listed((type_of(option) for option in options), " or ")
        case {"type": "array", "items": items}:
            return joined("list of ", type_of(items))
        case {"type": list(types)}:
            return joined(" or ".join(types))
    return joined(str(schema.get("type", "anything")))


def meaning(schema: Json, said: str | None = None) -> Html:
    """What is said of a value, and what limits there are to it."""
    limits = "; ".join(_limits(schema))
    sentence = f"{limits[0].upper()}{limits[1:]}." if limits else ""
    return prose(f"{said or schema.get('description', '')} {sentence}".strip())


def fields(schema: Json) -> Html:
    """The members of an object, and of objects that have no name of their own."""
    rows = (
        (tag("code", name), "yes" if required else "no", type_of(inner), meaning(inner))
        for name, required, inner in _members(schema)
    )
    return table(("Name", "Required", "Type", "Meaning"), rows)


def rules(schema: Json) -> Iterator[Html]:
    """What has to hold between the members of an object, where one of several must be given."""
    inner = [s for s in schema["properties"].values() if "properties" in s]
    for rule in [rule for one in (schema, *inner) for rule in one.get("allOf", ())]:
        if all("required" in way for way in rule.get("anyOf", [{}])):
            yield _listed((_way(way) for way in rule["anyOf"]), " or ")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Html:
    """A table without its empty columns. It scrolls by itself where the window is narrow."""
    columns = [column for column in zip(head, *rows, strict=True) if any(column[1:])]
    first, *rest = zip(*columns, strict=True)
    named = tag("tr", *(tag("th", cell, scope="col") for cell in first))
    lines = (tag("tr", *(tag("td", cell) for cell in row)) for row in rest)
    return tag("div", tag("table", tag("thead", named), tag("tbody", *lines)), class_="wide")


def _members(schema: Json, before: str = "") -> Iterator[tuple[str, bool, Json]]:
    for name, inner in schema["properties"].items():
        yield before + name, name in schema.get("required", ()), inner
        yield from _members(inner, f"{before}{name}.") if "properties" in inner else ()


def _way(way: Json) -> Html:
    """One way to satisfy a rule: a member that must be there, or be there with one value."""
    values = {name: way["properties"][name].get("const") for name in way["required"]}
    return _listed((tag("code", f"{name}: {v}" if v else name) for name, v in values.items()), " and ")


def _limits(schema: Json) -> Iterator[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None:
        yield f"{least} to {most}" if most is not None else f"{least} or more"
    if "maxLength" in schema:
        yield f"at most {schema['maxLength']} characters"
    if pattern := schema.get("pattern"):
        yield from filter(None, [_PATTERNS.get(pattern, f"`{pattern}`")])
    if schema.get("minItems"):
        yield "not empty"
    if "default" in schema:
        yield f"default `{schema['default']}`".replace("False", "false")


def _choices(values: list[object]) -> Html:
    return _listed((tag("code", "null" if value is None else str(value)) for value in values), ", ")


def _listed(pieces: Iterable[Html], between: str) -> Html:
    first, *rest = pieces
    return joined(first, *(piece for one in rest for piece in (between, one)))
