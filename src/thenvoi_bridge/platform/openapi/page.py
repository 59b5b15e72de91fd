"""The OpenAPI document as a page for people. It has no script and asks nobody for anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from thenvoi_bridge.contract.call import Json
from thenvoi_bridge.platform.openapi.markup import Html, joined, prose, tag
from thenvoi_bridge.platform.openapi.words import anchor, fields, meaning, name_of, rules, table, type_of

WHO = {"Agent": "An agent calls it, with its key.", "Human": "A person calls it, with a key or a token."}
"""Who may call, by what the tag of an operation begins with."""

START = "export BASE=http://127.0.0.1:4000 KEY=thnv_…"

Operation = tuple[str, str, Json]
"""Method, path, and what the document says of them."""


def page(document: Json, style: str) -> Html:
    """The whole page, with `style` in it."""
    operations = list(_operations(document))
    sections = [
        (entry, [one for one in operations if entry["name"] in one[2]["tags"]]) for entry in document["tags"]
    ]
    main = tag(
        "main",
        *_intro(document["info"]),
        *(_section(entry, operations, document) for entry, operations in sections),
        *_refusals(document),
        *_shapes(document),
        id="main",
    )
    skip = tag("a", "Skip to the text", href="#main", class_="skip")
    body = tag("body", skip, _contents(sections), main)
    head = _head(document["info"]["title"], style)
    return joined(Html("<!doctype html>"), tag("html", head, body, lang="en"))


def _head(title: str, style: str) -> Html:
    return tag(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        tag("style", Html(style)),
    )


def _operations(document: Json) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield method, path, said


def _intro(info: Json) -> Iterator[Html]:
    yield tag("h1", info["title"], " ", tag("small", info["version"], class_="quiet"))
    for paragraph in info["description"].split("\n\n"):
        yield tag("p", prose(paragraph))
    document = tag("a", "openapi.json", href="/openapi.json")
    console = tag("a", "console", href="/console/")
    yield tag("p", "People have the ", console, ".")
    yield tag("p", "Programs read all this in ", document, ". For the examples below, begin with")
    yield tag("pre", tag("code", START))


def _contents(sections: Sequence[tuple[Json, list[Operation]]]) -> Html:
    lists = [
        joined(
            tag("h2", tag("a", entry["name"], href=f"#{_place(entry['name'])}")),
            tag("ul", *(_entry(operation) for operation in operations)),
        )
        for entry, operations in sections
    ]
    besides = tag("a", "Refusals", href="#refusals"), tag("a", "Shapes", href="#shapes")
    return tag("nav", *lists, *(tag("h2", link) for link in besides), aria_label="Contents")


def _entry(operation: Operation) -> Html:
    method, _, said = operation
    name = said["operationId"]
    return tag("li", _method(method), tag("a", name, href=f"#{name}"))


def _place(tag_name: str) -> str:
    """`Agent: chats` is at `agent-chats`."""
    return tag_name.lower().replace(": ", "-")


def _method(method: str) -> Html:
    return tag("span", method.upper(), class_=f"method {method}")


def _section(entry: Json, operations: list[Operation], document: Json) -> Html:
    return tag(
        "section",
        tag("h2", entry["name"], id=_place(entry["name"])),
        tag("p", prose(entry["description"]), class_="quiet"),
        *(_article(operation, document) for operation in operations),
    )


def _article(operation: Operation, document: Json) -> Html:
    method, path, said = operation
    first, *rest = f"{said['summary']} {said.get('description', '')}".split("\n\n")
    return tag(
        "article",
        tag("h3", _method(method), tag("code", path)),
        tag("p", tag("code", said["operationId"]), ": ", prose(first)),
        *(tag("p", prose(text)) for text in rest),
        tag("p", _who(said), *_older(said), class_="quiet"),
        *_parameters(said),
        *_body(said, document),
        *_answers(said),
        *_example(operation),
        id=said["operationId"],
    )


def _who(said: Json) -> str:
    if not said["security"]:
        return "Anybody calls it; it needs no key."
    return WHO.get(said["tags"][0].partition(":")[0], "Whoever has a key or a token calls it.")


def _older(said: Json) -> Iterator[Html]:
    if "x-alias-of" in said:
        yield joined(" An older spelling of ", tag("code", said["x-alias-of"]), ".")


def _parameters(said: Json) -> Iterator[Html]:
    if said["parameters"]:
        yield tag("h4", "Parameters")
        rows = [(one, one["schema"]) for one in said["parameters"]]
        yield table(
            ("Name", "In", "Type", "Meaning"),
            (
                (
                    tag("code", one["name"]),
                    one["in"],
                    type_of(schema),
                    meaning(schema, one.get("description")),
                )
                for one, schema in rows
            ),
        )


def _body(said: Json, document: Json) -> Iterator[Html]:
    if "requestBody" in said:
        yield tag("h4", "Body")
        shape = document["components"]["schemas"][name_of(_schema(said["requestBody"]))]
        if shape["properties"]:
            yield fields(shape)
            yield from (tag("p", "Needed: ", rule, ".") for rule in rules(shape))
        else:
            yield tag("p", "None, or ", tag("code", "{}"), ".")


def _answers(said: Json) -> Iterator[Html]:
    good = {status: answer for status, answer in said["responses"].items() if status < "300"}
    bad = (tag("a", status, href=f"#refusal-{status}") for status in said["responses"] if status not in good)
    yield tag("h4", "Answers")
    yield tag(
        "ul", *(tag("li", tag("code", status), " ", _content(answer)) for status, answer in good.items())
    )
    yield tag("p", "Refusals: ", *(piece for link in bad for piece in (link, " ")))


def _content(answer: Json) -> Html:
    if "content" not in answer:
        return joined("nothing")
    schema = _schema(answer)
    if "$ref" in schema:
        return type_of(schema)
    return joined(tag("code", "data"), ": ", type_of(schema["properties"]["data"]))


def _schema(said: Json) -> Json:
    schema: Json = said["content"]["application/json"]["schema"]
    return schema


def _example(operation: Operation) -> Iterator[Html]:
    method, path, said = operation
    address = re.sub(r"{(\w+)}", lambda name: f"${name[1].upper()}", path)  # curl takes braces for choices
    parts = [f'curl -X {method.upper()} "$BASE{address}"']
    if said["security"]:
        parts.append('-H "X-API-Key: $KEY"')
    if body := said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example"):
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body)}'"]
    yield tag("pre", tag("code", " \\\n  ".join(parts)))


def _refusals(document: Json) -> Iterator[Html]:
    yield tag("h2", "Refusals", id="refusals")
    names = {
        status: name_of(answer)
        for _, _, said in _operations(document)
        for status, answer in said["responses"].items()
        if "$ref" in answer
    }
    for status, name in sorted(names.items()):
        why = document["components"]["responses"][name]["description"]
        yield tag("p", tag("strong", status), " ", prose(why), id=f"refusal-{status}")


def _shapes(document: Json) -> Iterator[Html]:
    """Every shape but the bodies, which are shown where they are asked for."""
    yield tag("h2", "Shapes", id="shapes")
    bodies = {
        name_of(_schema(said["requestBody"])) for _, _, said in _operations(document) if "requestBody" in said
    }
    for name, schema in document["components"]["schemas"].items():
        if name not in bodies:
            members = [fields(schema)] if schema.get("properties") else []
            said = [tag("p", prose(text)) for text in schema.get("description", "").split("\n\n") if text]
            yield tag("article", tag("h3", name), *said, *members, id=anchor(name))
