"""Whatever a call's arguments, the server reads what the client wrote; what does not fit is refused."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Route
from thenvoi_bridge.contract.chats import CreateChat
from thenvoi_bridge.contract.contacts import (
    CancelMyContact,
    ListMyContactRequests,
    RemoveContact,
    RemoveMyContact,
)
from thenvoi_bridge.contract.errors import BadRequest, NotFound, Unprocessable
from thenvoi_bridge.contract.lifecycle import MarkProcessed
from thenvoi_bridge.contract.memories import SupersedeMemory
from thenvoi_bridge.contract.messages import ListMessages, Mention, SendMessage
from thenvoi_bridge.contract.participants import AddParticipant

ID = "6f1e1fd5-6ff1-4c7e-9a35-0a7a3f3f2f10"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def values(  # noqa: C901 - one row a shape
    schema: dict[str, Any], defs: dict[str, Any]
) -> st.SearchStrategy[Any]:
    """What a JSON schema allows, for the few shapes our calls use."""
    match schema:
        case {"$ref": ref}:
            return values(defs[ref.rpartition("/")[2]], defs)
        case {"anyOf": options}:
            return st.one_of([values(option, defs) for option in options])
        case {"enum": choices}:
            return st.sampled_from(choices)
        case {"const": only}:
            return st.just(only)
        case {"format": "date-time"}:
            return st.datetimes(timezones=st.just(None)).map(lambda at: at.isoformat() + "Z")
        case {"type": "string", "pattern": pattern}:
            longest = schema.get("maxLength", 10**6)
            return st.from_regex(pattern, fullmatch="^" in pattern).filter(lambda t: len(t) <= longest)
        case {"type": "string"}:
            return st.text(min_size=schema.get("minLength", 0))
        case {"type": "integer"}:
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 10**6))
        case {"type": "array", "items": items}:
            return st.lists(values(items, defs), min_size=schema.get("minItems", 0), max_size=3)
        case {"type": "object", "properties": properties}:
            return st.fixed_dictionaries({k: values(v, defs) for k, v in properties.items()})
        case {"type": "object"}:
            return st.dictionaries(st.text(), JSON, max_size=3)
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
    raise AssertionError(f"no strategy for {schema}")


def calls(kind: type[Call[Any]]) -> st.SearchStrategy[Call[Any]]:
    schema = {"properties": {}} | kind.model_json_schema()
    made = values(schema, schema.get("$defs", {})).map(kind.model_validate)
    return made.filter(lambda call: not kind.either or any(getattr(call, name) for name in kind.either))


def as_the_server_sees_it(call: Call[Any]) -> Call[Any]:
    """Through a URL and a JSON text, as over the wire."""
    wire = call.to_wire()
    url = urlsplit(f"{wire.path}?{urlencode(wire.query)}")
    body = None if wire.body is None else json.loads(json.dumps(wire.body))
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return call.from_wire(placed(url.path, call.route), query, body)


def placed(path: str, route: Route) -> dict[str, str]:
    """What of a path stands where the route has its placeholders."""
    found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.template), path)
    assert found, f"{path} does not lead to {route.template}"
    return {name: unquote(value) for name, value in found.groupdict().items()}


@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_the_server_reads_what_the_client_wrote(kind: type[Call[Any]], data: st.DataObject) -> None:
    call = data.draw(calls(kind))
    assert as_the_server_sees_it(call) == call


def test_no_two_calls_share_a_route() -> None:
    routes = [route for kind in CALLS for route in kind.routes()]
    places = {(route.method, re.sub(r"{\w+}", "{}", route.template)) for route in routes}
    assert len(places) == len(routes) == 62


@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
def test_every_call_says_what_it_does_and_has_fields_for_its_path(kind: type[Call[Any]]) -> None:
    assert kind.__doc__
    assert all(set(route.path_fields) <= set(kind.model_fields) for route in kind.routes())
    assert set(kind.either) <= set(kind.model_fields)
    kind.answer()


@pytest.mark.parametrize(
    ("route", "path", "call"),
    [
        (RemoveMyContact.route.also[0], f"/api/v1/me/contacts/{ID}", RemoveMyContact(contact_id=ID)),
        (SupersedeMemory.route.also[0], f"/api/v1/agent/memories/{ID}", SupersedeMemory(memory_id=ID)),
        (
            CancelMyContact.route.also[0],
            f"/api/v1/me/contacts/requests/{ID}/cancel",
            CancelMyContact(request_id=ID),
        ),
        (
            ListMyContactRequests.route.also[0],
            "/api/v1/me/contacts/requests/received",
            ListMyContactRequests(),
        ),
    ],
    ids=lambda value: getattr(value, "path", ""),
)
def test_an_older_spelling_is_the_same_call(route: Route, path: str, call: Call[Any]) -> None:
    assert type(call).from_wire(placed(path, route), {}, None, route) == call


@pytest.mark.parametrize("body", [None, {}, {"handle": None}, {"handle": None, "contact_id": None}])
def test_of_several_ways_to_say_who_one_at_least_is_needed(body: dict[str, Any] | None) -> None:
    with pytest.raises(BadRequest, match="handle"):
        RemoveContact.from_wire({}, {}, body)


GOOD = {"content": "hello", "mentions": [{"id": "a"}]}


@pytest.mark.parametrize(
    ("body", "error", "code", "pointer"),
    [
        ({"message": {**GOOD, "colour": 1}}, BadRequest, "bad_request", "/message/colour"),
        ({"message": GOOD, "x": 1}, BadRequest, "bad_request", "/x"),
        (
            {"message": {**GOOD, "mentions": [{"id": "a", "role": "x"}]}},
            BadRequest,
            "bad_request",
            "/message/mentions/0/role",
        ),
        ({"message": {"mentions": [{"id": "a"}]}}, Unprocessable, "validation_error", "/message/content"),
        ({"message": {**GOOD, "content": " \n"}}, Unprocessable, "validation_error", "/message/content"),
        ({"message": {**GOOD, "content": 7}}, Unprocessable, "validation_error", "/message/content"),
        ({"message": {"content": "x"}}, Unprocessable, "mentions_required", "/message/mentions"),
        ({"message": {**GOOD, "mentions": []}}, Unprocessable, "mentions_required", "/message/mentions"),
        ({"message": {**GOOD, "mentions": None}}, Unprocessable, "mentions_required", "/message/mentions"),
        ({"message": {**GOOD, "mentions": "a"}}, Unprocessable, "validation_error", "/message/mentions"),
        ({"message": {**GOOD, "chat_id": "r2"}}, BadRequest, "bad_request", "/message/chat_id"),
        ({"message": {**GOOD, "colour": None}}, BadRequest, "bad_request", "/message/colour"),
        ({"message": None}, Unprocessable, "validation_error", "/message"),
        ({"message": []}, Unprocessable, "validation_error", "/message"),
        ({}, Unprocessable, "validation_error", "/message"),
    ],
)
def test_a_bad_body_is_refused_with_its_place(
    body: dict[str, Any], error: type[Exception], code: str, pointer: str
) -> None:
    with pytest.raises((BadRequest, Unprocessable)) as refused:
        SendMessage.from_wire({"chat_id": "r"}, {}, body)
    assert type(refused.value) is error
    assert refused.value.code == code
    assert pointer in refused.value.details


def test_null_counts_as_absent() -> None:
    body: dict[str, Any] = {"participant": {"participant_id": ID, "role": None}}
    assert AddParticipant.from_wire({"chat_id": "r"}, {}, body).role == "member"
    body = {"message": {"content": "x", "mentions": [{"id": "a", "handle": None, "name": None}]}}
    assert SendMessage.from_wire({"chat_id": "r"}, {}, body).mentions == [Mention(id="a")]


@pytest.mark.parametrize(
    "query", [{"include": "all"}, {"page": "0"}, {"page_size": "101"}, {"status": "new"}]
)
def test_a_bad_query_is_unprocessable_and_names_the_parameter(query: dict[str, str]) -> None:
    with pytest.raises(Unprocessable) as refused:
        ListMessages.from_wire({"chat_id": "r"}, query, None)
    assert list(refused.value.details) == [f"/{name}" for name in query]


def test_a_call_with_a_body_takes_nothing_from_its_query_and_one_without_nothing_from_a_body() -> None:
    with pytest.raises(Unprocessable) as refused:
        SendMessage.from_wire({"chat_id": "r"}, {"dry_run": "1"}, {"message": GOOD})
    assert list(refused.value.details) == ["/dry_run"]
    assert ListMessages.from_wire({"chat_id": "r"}, {}, {"page": 7}).page == 1


def test_a_participant_that_is_no_uuid_is_unprocessable() -> None:
    with pytest.raises(Unprocessable) as refused:
        AddParticipant.from_wire({"chat_id": "r"}, {}, {"participant": {"participant_id": "nobody"}})
    assert list(refused.value.details) == ["/participant/participant_id"]


@pytest.mark.parametrize("id", ["..", "a/b", "", "é", "x" * 65])
def test_a_malformed_id_in_a_path_is_not_found_and_never_sent(id: str) -> None:
    with pytest.raises(NotFound):
        ListMessages.from_wire({"chat_id": id}, {}, None)
    with pytest.raises(ValueError, match="chat_id"):
        ListMessages(chat_id=id)


def test_a_wrapper_is_sent_even_empty_and_a_bare_order_has_no_body() -> None:
    assert CreateChat().to_wire().body == {"chat": {}}
    assert MarkProcessed(chat_id="r", message_id="m").to_wire().body is None
