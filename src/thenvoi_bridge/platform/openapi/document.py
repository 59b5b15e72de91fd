"""The REST API as an OpenAPI document, read off the calls. There is no other list of paths or statuses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from http import HTTPStatus
from inspect import getdoc
from typing import Any, get_args

from thenvoi_bridge import __version__
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Json, Route, Side
from thenvoi_bridge.contract.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    ThenvoiError,
    Unauthorized,
    Unavailable,
    Unprocessable,
)
from thenvoi_bridge.contract.feed import TopicKind
from thenvoi_bridge.platform.bodies import TooLarge
from thenvoi_bridge.platform.bounds import HeadersTooLarge, UrlTooLong
from thenvoi_bridge.platform.headers import HEADERS, IDEMPOTENCY_KEY, REPLAYED
from thenvoi_bridge.platform.openapi import examples, shapes
from thenvoi_bridge.platform.openapi.links import links
from thenvoi_bridge.platform.system import API_VERSION

PARAGRAPHS = (
    "Agents and people share rooms here, and a message is for those it mentions.",
    "**Who asks.** An agent sends its key in the header `X-API-Key`, which opens `/api/v1/agent`. A person "
    "does the same and opens `/api/v1/me`; where this platform was told whose tokens to trust, a person may "
    "send `Authorization: Bearer` and a JSON Web Token instead. One of the two headers, never both.",
    "**What is sent.** Bodies are JSON objects. A property that nobody knows is refused with 400 and an "
    "unknown query parameter with 422. A null is as good as leaving the property out. No text may hold the "
    "character U+0000.",
    "**What comes back.** An answer is under `data`; a page of a list has `metadata` or `meta` beside it. "
    "Every refusal has the same envelope, `error`, with a `code` for programs and a `request_id` for whoever "
    "runs the platform. What is missing and what is not yours look the same: 404. Apart from the statuses "
    "listed, any path answers 405 to a method it does not take, and 500 when the platform has a fault.",
    "**WebSocket.** News is pushed over Phoenix Channels at `/api/v1/socket/websocket?vsn=2.0.0`; the key "
    "goes into `X-API-Key`, or into the query as `api_key`. Topics: "
    + ", ".join(f"`{kind}:<id>`" for kind in get_args(TopicKind))
    + ", where the id is a room's for the first two and the caller's own for the rest.",
)
"""What there is to know before the first request, in Markdown."""

WHEN: tuple[tuple[type[ThenvoiError], Callable[[Route], bool]], ...] = (
    (BadRequest, lambda route: route.has_body),
    (Unauthorized, lambda route: route.side != "open"),
    (Forbidden, lambda route: route.side in ("agent", "human")),
    (NotFound, lambda route: bool(route.path_fields)),
    (Conflict, lambda route: False),
    (TooLarge, lambda route: route.has_body),
    (UrlTooLong, lambda route: True),
    (HeadersTooLarge, lambda route: True),
    (Unprocessable, lambda route: True),
    (RateLimited, lambda route: route.side != "open"),
    (Unavailable, lambda route: True),
)
"""Refusals, and for which routes they can be told without asking the call itself (`Route.errors`)."""

_KEY: Json = {"ApiKey": []}
_SECURITY: dict[Side, list[Json]] = {
    "agent": [_KEY],
    "human": [_KEY, {"Bearer": []}],
    "any": [_KEY, {"Bearer": []}],
    "open": [],
}
_REPLAYED: Json = {
    REPLAYED: {
        "description": "Comes where a key was sent and honoured: whether this is an earlier answer.",
        "schema": {"type": "boolean"},
    }
}
_WORD: dict[Side, str] = {"agent": "Agent: ", "human": "Human: ", "any": "", "open": ""}


@cache
def document() -> Json:
    """The whole document (OpenAPI 3.1.0)."""
    operations = [(route, _operation(kind, route)) for kind in CALLS for route in kind.routes()]
    paths: dict[str, Json] = {}
    for route, operation in operations:
        paths.setdefault(route.template, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Thenvoi platform",
            "version": f"{__version__}+{API_VERSION}",
            "description": "\n\n".join(PARAGRAPHS),
        },
        "servers": [{"url": "/"}],
        "tags": list(_tags()),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "responses": {error.__name__: _refusal(error) for error, _ in WHEN},
            "schemas": shapes.models(),
        },
    }


def text() -> str:
    """The document as JSON."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _tags() -> Iterator[Json]:
    for side in ("agent", "human", "open"):
        kinds = {_tag(kind): kind for kind in CALLS if _WORD[kind.route.side] == _WORD[side]}
        for tag, kind in kinds.items():
            yield {"name": tag, "description": _said(sys.modules[kind.__module__].__doc__)[0]}


def _tag(kind: type[Call[Any]]) -> str:
    return f"{_WORD[kind.route.side]}{kind.group()}"


def _operation(kind: type[Call[Any]], route: Route) -> Json:
    summary, rest = _said(getdoc(kind))
    older = route is not kind.route
    return {
        "operationId": kind.snake_name() + ("_older" if older else ""),
        "tags": [_tag(kind)],
        "summary": summary,
        **({"description": rest} if rest else {}),
        **({"deprecated": True, "x-alias-of": _spelling(kind.route)} if older else {}),
        "security": _SECURITY[kind.route.side],
        "parameters": list(_parameters(kind, route)),
        **({"requestBody": _body(kind, route)} if route.has_body else {}),
        "responses": _answers(kind, route) | _refusals(kind, route),
    }


def _spelling(route: Route) -> str:
    return f"{route.method} {route.template}"


def _parameters(kind: type[Call[Any]], route: Route) -> Iterator[Json]:
    for name in route.path_fields:
        yield _parameter(name, "path", shapes.path_field(kind, name))
    for name, schema in shapes.query_fields(kind, route).items():
        yield _parameter(name, "query", schema)
    for header in HEADERS:
        if header.taken_by(kind, route):
            yield _parameter(header.name, "header", {**header.schema, "description": header.meaning})


def _parameter(name: str, place: str, schema: Json) -> Json:
    plain = {key: value for key, value in schema.items() if key != "description"}
    described = {"description": schema["description"]} if "description" in schema else {}
    return {"name": name, "in": place, "required": place == "path", **described, "schema": plain}


def _body(kind: type[Call[Any]], route: Route) -> Json:
    name = shapes.body_name(kind, route)
    shape = {"$ref": f"{shapes.REF}{name}"}
    example = examples.example(shape, shapes.models())
    return {
        "required": name != "Empty",
        "content": {"application/json": {"schema": shape, "example": example}},
    }


def _answers(kind: type[Call[Any]], route: Route) -> Json:
    schema, may_be_none = shapes.answer(kind)
    answers: Json = {}
    if schema:
        more = {"links": found} if (found := links(kind)) else {}
        told = {"headers": _REPLAYED} if IDEMPOTENCY_KEY.taken_by(kind, route) else {}
        answers[str(route.status)] = {**_phrase(route.status), **told, "content": _json(schema), **more}
    if may_be_none:
        answers["204"] = _phrase(204)
    return answers


def _phrase(status: int) -> Json:
    return {"description": HTTPStatus(status).phrase}


def _refusals(kind: type[Call[Any]], route: Route) -> Json:
    told = {*kind.route.errors, *route.errors}
    return {
        str(error.status): {"$ref": f"#/components/responses/{error.__name__}"}
        for error, applies in WHEN
        if error.status in told or applies(route)
    }


def _refusal(error: type[ThenvoiError]) -> Json:
    shape = "ValidationError" if error is Unprocessable else "Error"
    headers = {"Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}}
    return {
        "description": " ".join(filter(None, (*_said(getdoc(error)), f"Usual code: `{error.code}`."))),
        **({"headers": headers} if error is RateLimited else {}),
        "content": _json({"$ref": shapes.REF + shape}),
    }


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _said(doc: str | None) -> tuple[str, str]:
    """The first sentence of a docstring and the rest, without the sources that maintainers want to know."""
    known = re.sub(r" \((?:seed|vendor|rest\.md)[^)]*\)", "", doc or "")
    whole = "\n\n".join(" ".join(paragraph.split()) for paragraph in known.split("\n\n"))
    first = re.match(r".*?[.?](?=\s|$)", whole, re.DOTALL)
    assert first, f"no sentence: {whole}"
    return first[0], whole[first.end() :].strip()
