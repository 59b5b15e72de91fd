"""One class per REST call: its fields are the arguments, its type argument the answer.

A call goes to HTTP and back without an HTTP library in sight: `to_wire` on the client, `from_wire` on the
server. Fields named in the path template fill the path; the rest is the query of a GET or DELETE and the
body of anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json

from thenvoi_bridge.contract.errors import BadRequest, BrokenAnswer, NotFound, Unprocessable

Answer = TypeVar("Answer")
Method = Literal["GET", "POST", "PUT", "DELETE"]
Side = Literal["agent", "human", "any", "open"]
Effect = Literal["reads", "writes", "removes"]
Json = dict[str, Any]

ID = r"^[0-9A-Za-z_-]{1,64}$"
Id = Annotated[str, StringConstraints(pattern=ID)]
"""An id as it may stand in a path: never a slash or a dot, so no argument can reach another route."""

UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
Uuid = Annotated[str, StringConstraints(pattern=UUID)]
"""An id where the platform insists on its form: in a body."""

Text = Annotated[str, StringConstraints(pattern=r"\S")]
"""Text that says something: at least one character that is not white space."""

Handle = Annotated[str, StringConstraints(pattern=r"\S", max_length=300)]
"""How somebody is called, `name` or `owner/name`, with or without a leading @; case does not matter."""

MOST_FAULTS = 100
"""Things wrong with one request that are told one by one; a body has room for hundreds of thousands."""

_UNKNOWN = "Extra inputs are not permitted"  # Pydantic's own words, so that both ways of finding one agree
_PLACEHOLDER = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Route:
    """Where a call goes.

    `wrap` names the member of the body that the arguments sit under. `repeatable` says whether the request
    may be sent again although the first one may have been applied; unless given, everything but POST may.
    `effect` is what the call does; unless given, GET reads, DELETE removes and the rest writes. What the
    caller cannot put back as it was is removed, too.
    `prefix` is what stands before `path` on the server. `errors` are statuses of refusals that cannot be
    told from the rest of the call. `also` are older spellings of the same call, which servers keep.
    `secret` says that the answer holds one, so that it is kept nowhere.
    """

    method: Method
    path: str
    wrap: str | None = None
    status: int = 200
    repeatable: bool | None = None
    effect: Effect | None = None
    prefix: str = "/api/v1"
    errors: tuple[int, ...] = ()
    also: tuple[Route, ...] = ()
    secret: bool = False

    @cached_property
    def template(self) -> str:
        """The whole path, placeholders included."""
        return self.prefix + self.path

    @cached_property
    def path_fields(self) -> tuple[str, ...]:
        """Names of the fields that stand in the path."""
        return tuple(_PLACEHOLDER.findall(self.path))

    @property
    def has_body(self) -> bool:
        """Whether the arguments travel in a body; otherwise in the query."""
        return self.method in ("POST", "PUT")

    @property
    def may_repeat(self) -> bool:
        """Whether the request may be sent again although it may have been applied."""
        return self.method != "POST" if self.repeatable is None else self.repeatable

    @property
    def does(self) -> Effect:
        """What the call does to the platform."""
        usual: dict[Method, Effect] = {"GET": "reads", "DELETE": "removes"}
        return self.effect or usual.get(self.method, "writes")

    @property
    def side(self) -> Side:
        """Whose view this is: the agent's (`/agent`), a person's (`/me`), any key's, or open to all."""
        sides: dict[str, Side] = {"agent": "agent", "me": "human", "test": "any"}
        return sides.get(self.path.split("/")[1], "open")


@dataclass(frozen=True, slots=True)
class Wire:
    """A call rendered for HTTP. `body` is None where the request carries none."""

    method: Method
    path: str
    query: dict[str, str] = field(default_factory=dict[str, str])
    body: Json | None = None


class Record(BaseModel):
    """A value that crosses the wire. Members nobody here knows are passed over: newer servers send some."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # most processes use few of them


class Envelope(Record):
    """An answer that is the whole HTTP body; any other answer sits under its `data` member."""


class Call(BaseModel, Generic[Answer]):
    """Base of every call. Subclass `Call[<answer type>]` directly and set `route`.

    An answer of None is an empty 204. `codes` names the error code that stands for a missing or empty
    field instead of `validation_error`. Of the fields in `either` one at least must be given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    route: ClassVar[Route]
    codes: ClassVar[Mapping[str, str]] = {}
    either: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def answer(cls) -> TypeAdapter[Any]:
        """The type argument of `Call[...]`, ready to validate and dump."""
        return _answer_of(cls)

    @classmethod
    def write_answer(cls, answer: object) -> bytes:
        """The HTTP body that carries an answer."""
        dumped = cls.answer().dump_json(answer)
        return dumped if isinstance(answer, Envelope) else b'{"data":' + dumped + b"}"

    @classmethod
    def read_answer(cls, body: bytes) -> Any:
        """The inverse of `write_answer`; an empty body is None. Raises `BrokenAnswer`."""
        try:
            parsed = from_json(body) if body else {"data": None}
            return cls.answer().validate_python(parsed if cls.is_envelope() else parsed["data"])
        except (ValueError, KeyError, TypeError) as exc:
            raise BrokenAnswer(f"The platform's answer to {cls.__name__} does not fit the contract") from exc

    @classmethod
    def is_envelope(cls) -> bool:
        """Whether an answer is the whole HTTP body; if not, it sits under `data`."""
        kind = _answer_type(cls)
        return isinstance(kind, type) and issubclass(kind, Envelope)

    @classmethod
    def routes(cls) -> tuple[Route, ...]:
        """Where a server takes this call: its route and the older spellings of it."""
        return (cls.route, *cls.route.also)

    @classmethod
    def snake_name(cls) -> str:
        """`SendMessage` is `send_message`: so its tool and its operation are called."""
        return "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("_")

    @classmethod
    def loose(cls, route: Route) -> tuple[str, ...]:
        """The fields that a request to `route` brings outside its path.

        Where one of `either` stands in the path, the others have no place.
        """
        placed = set(route.path_fields)
        others = set(cls.either) if placed & set(cls.either) else set()
        return tuple(name for name in cls.model_fields if name not in placed | others)

    @classmethod
    def group(cls) -> str:
        """The group of tools and handlers this call belongs to: the name of its module."""
        return cls.__module__.rpartition(".")[2]

    def to_wire(self) -> Wire:
        """Render the call for HTTP; arguments that are None are not sent."""
        route = self.route
        args = self.model_dump(mode="json", exclude_none=True)
        path = _PLACEHOLDER.sub(lambda m: quote(str(args.pop(m[1])), safe=""), route.template)
        if not route.has_body:
            return Wire(route.method, path, query={k: _query_text(v) for k, v in args.items()})
        if route.wrap:
            return Wire(route.method, path, body={route.wrap: args})
        return Wire(route.method, path, body=args or None)

    @classmethod
    def from_wire(
        cls, path: Mapping[str, str], query: Mapping[str, str], body: Json | None, route: Route | None = None
    ) -> Self:
        """The inverse of `to_wire`, as the server reads a request to `route`, by default the call's own.

        Raises `NotFound` for a malformed id in the path, `BadRequest` for a body property nobody knows (the
        seeds' rule of January 2026) and where nothing of `either` is given, `Unprocessable` for everything
        else that breaks the schema. A null in the body counts as absent.
        """
        route = route or cls.route
        given = cls._from_body(route, body or {}, query) if route.has_body else cls._from_query(route, query)
        try:
            call = cls.model_validate({**given, **path})
        except ValidationError as exc:
            raise cls._refusal(route, exc) from exc
        if cls.either and all(getattr(call, name) is None for name in cls.either):
            raise BadRequest(f"One of {' and '.join(cls.either)} is needed")
        return call

    @classmethod
    def _from_query(cls, route: Route, query: Mapping[str, str]) -> Mapping[str, str]:
        """The arguments a query brings; what stands in the path is unknown here like anything else."""
        if misplaced := query.keys() & cls.model_fields.keys() - set(cls.loose(route)):
            raise Unprocessable("Validation failed", {f"/{name}": [_UNKNOWN] for name in sorted(misplaced)})
        return query

    @classmethod
    def _from_body(cls, route: Route, body: Json, query: Mapping[str, str]) -> Json:
        """The arguments a body brings; nothing of them may stand in the query or name a place in the path."""
        if query:
            raise Unprocessable("Validation failed", {f"/{name}": [_UNKNOWN] for name in query})
        inner = _unwrap(route.wrap, body)
        if taken := inner.keys() & set(route.path_fields):
            details = {_pointer(route, (name,)): [_UNKNOWN] for name in sorted(taken)}
            raise BadRequest(f"Unexpected property: {', '.join(details)}", details)
        return {k: v for k, v in inner.items() if v is not None or k not in cls.model_fields}

    @classmethod
    def _refusal(cls, route: Route, exc: ValidationError) -> BadRequest | NotFound | Unprocessable:
        if exc.error_count() > MOST_FAULTS:
            return BadRequest("Too much is wrong with this request to tell it all")
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
        if any(error["loc"][:1] and error["loc"][0] in route.path_fields for error in errors):
            return NotFound()
        details: dict[str, list[str]] = {}
        for error in errors:
            details.setdefault(_pointer(route, error["loc"]), []).append(error["msg"])
        if route.has_body and any(error["type"] == "extra_forbidden" for error in errors):
            names = ", ".join(p for p, m in details.items() if _UNKNOWN in m)
            return BadRequest(f"Unexpected property: {names}", details)
        for error in errors:
            if error["type"] in ("missing", "too_short") and (code := cls.codes.get(str(error["loc"][0]))):
                return Unprocessable("At least one is required", details, code=code)
        return Unprocessable("Validation failed", details)


@cache
def _answer_of(call: type[Call[Any]]) -> TypeAdapter[Any]:
    return TypeAdapter(_answer_type(call))


def _answer_type(call: type[Call[Any]]) -> Any:
    parent = call.__mro__[1]
    assert issubclass(parent, Call), f"{call.__name__} must subclass Call[...] directly"
    return parent.__pydantic_generic_metadata__["args"][0]


def _pointer(route: Route, loc: tuple[int | str, ...]) -> str:
    """The JSON Pointer (RFC 6901) of a place in the request."""
    wrap = (route.wrap,) if route.has_body and route.wrap else ()
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in (*wrap, *loc))


def _query_text(value: object) -> str:
    """As clients write it: booleans in lower case (seen in the published client)."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unwrap(wrap: str | None, body: Json) -> Json:
    if wrap is None:
        return body
    if extra := sorted(body.keys() - {wrap}):
        raise BadRequest(
            f"Unexpected property: {extra[0]}",
            {f"/{name}": ["Extra inputs are not permitted"] for name in extra[:MOST_FAULTS]},
        )
    inner = body.get(wrap)
    if inner is None:
        raise Unprocessable("Validation failed", {f"/{wrap}": ["is required"]})
    if not isinstance(inner, dict):
        raise Unprocessable("Validation failed", {f"/{wrap}": ["must be an object"]})
    return inner
