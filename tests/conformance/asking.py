"""The tools and the prompt that ask the client back.

In the handshake era they do so by requests of their own, in 2026-07-28 by a result that asks.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY

from tests.conformance.named import Handler, done, text
from tests.conformance.tools import NOTHING, named
from thenvoi_bridge.bridge.sdk import Context

Call = types.CallToolRequestParams
Result = types.CallToolResult | types.InputRequiredResult
Schema = dict[str, Any]
CHOICES = [f"option{n}" for n in (1, 2, 3)]
TITLED = [
    {"const": f"value{n}", "title": f"{word} Option"}
    for n, word in enumerate(("First", "Second", "Third"), 1)
]


def form(*required: str, **properties: Schema) -> Schema:
    """The shape of a form."""
    return {"type": "object", "properties": properties, "required": list(required)}


def arguments(name: str) -> Schema:
    """The shape of arguments with one text among them."""
    return form(name, **{name: {"type": "string"}})


DEFAULTS = form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
ENUMS = form(
    untitledSingle={"type": "string", "enum": CHOICES},
    titledSingle={"type": "string", "oneOf": TITLED},
    legacyEnum={
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti={"type": "array", "items": {"type": "string", "enum": CHOICES}},
    titledMulti={"type": "array", "items": {"anyOf": TITLED}},
)
LOGIN = form("username", "email", username={"type": "string"}, email={"type": "string"})


async def sample(ctx: Context, params: Call) -> Result:
    """Have the client's model say something. Handshake era only."""
    prompt = text(str((params.arguments or {})["prompt"]))
    with warnings.catch_warnings():  # the newest era calls sampling deprecated
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        said = await ctx.session.create_message(
            [types.SamplingMessage(role="user", content=prompt)],
            max_tokens=100,
            related_request_id=ctx.request_id,
        )
    assert isinstance(said.content, types.TextContent)
    return done(text(f"LLM response: {said.content.text}"))


def eliciting(schema: Schema, words: str = "Elicitation completed: action=") -> Handler:
    """Asks the client's user. Handshake era only."""

    async def run(ctx: Context, params: Call) -> Result:
        message = str((params.arguments or {}).get("message", "Please fill this in"))
        got = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
        return done(text(f"{words}{got.action}, content={got.content}"))

    return run


def ask(message: str, **properties: Schema) -> types.ElicitRequest:
    """A question for the user."""
    shape = form(*properties, **properties)
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=shape))


def prompt(words: str) -> types.CreateMessageRequest:
    """A question for the model."""
    message = types.SamplingMessage(role="user", content=text(words))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[message], max_tokens=100)
    )


NAME = ask("What is your name?", name={"type": "string"})
CAPITAL, GREETING = prompt("What is the capital of France?"), prompt("Generate a greeting")
CONFIRM = ask("Please confirm", ok={"type": "boolean"})
CONTEXT = ask("What context should the prompt use?", context={"type": "string"})
COLOUR = ask("Step 2: What is your favorite color?", color={"type": "string"})

Questions = Mapping[str, types.InputRequest]


def required(questions: Questions, state: str | None = None) -> types.InputRequiredResult:
    """The result that asks."""
    return types.InputRequiredResult(input_requests=dict(questions), request_state=state)


def answered(questions: Questions, params: Call | types.GetPromptRequestParams) -> bool:
    """Whether every question has an answer of its kind."""
    given = params.input_responses or {}
    kinds = {"elicitation/create": types.ElicitResult, "roots/list": types.ListRootsResult}
    return all(isinstance(given.get(key), kinds.get(q.method, types.Result)) for key, q in questions.items())


def asking(questions: Questions, state: str | None = None) -> Handler:
    """Asks these at once until all are answered; with a state, that must come back as well."""

    async def run(_: Context, params: Call) -> Result:
        if not answered(questions, params) or params.request_state != state:
            return required(questions, state)
        words = "state-ok " if state else ""
        said = {key: got.model_dump(mode="json") for key, got in (params.input_responses or {}).items()}
        return done(text(f"{words}{said}"))

    return run


async def ask_twice(_: Context, params: Call) -> Result:
    """Ask one thing after the other."""
    first, second = {"step1": NAME}, {"step2": COLOUR}
    if params.request_state == "asked twice" and answered(second, params):
        return done(text("Answered twice"))
    if params.request_state == "asked once" and answered(first, params):
        return required(second, "asked twice")
    return required(first, "asked once")


async def ask_what_may_be_asked(ctx: Context, _: Call) -> Result:
    """Ask only in ways the client knows."""
    can = ctx.session.client_capabilities
    asked: dict[str, types.InputRequest] = {"user_name": NAME} if can and can.elicitation else {}
    return required(asked | ({"capital_question": CAPITAL} if can and can.sampling else {}))


async def need_sampling(ctx: Context, _: Call) -> Result:
    """Refuse a client that cannot have its model say something."""
    can = ctx.session.client_capabilities
    if not (can and can.sampling):
        missing: Schema = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling", missing)
    return done(text("It can"))


async def prompt_in_context(
    _: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    """The prompt that asks."""
    questions = {"user_context": CONTEXT}
    if not answered(questions, params):
        return required(questions)
    message = types.PromptMessage(role="user", content=text("In the context that was given"))
    return types.GetPromptResult(messages=[message])


ROOTS = types.ListRootsRequest()
EVERYTHING: Questions = {"user_name": NAME, "greeting": GREETING, "client_roots": ROOTS}
RESULT = "test_input_required_result_"
ASKING = [
    named("test_sampling", sample, arguments("prompt")),
    named("test_elicitation", eliciting(LOGIN, "User response: action="), arguments("message")),
    named("test_elicitation_sep1034_defaults", eliciting(DEFAULTS), NOTHING),
    named("test_elicitation_sep1330_enums", eliciting(ENUMS), NOTHING),
    named(RESULT + "elicitation", asking({"user_name": NAME})),
    named("test_streaming_elicitation", asking({"user_name": NAME})),
    named(RESULT + "sampling", asking({"capital_question": CAPITAL})),
    named(RESULT + "list_roots", asking({"client_roots": ROOTS})),
    named(RESULT + "request_state", asking({"confirm": CONFIRM}, "confirming")),
    named(RESULT + "tampered_state", asking({"confirm": CONFIRM}, "confirming")),
    named(RESULT + "multiple_inputs", asking(EVERYTHING, "asking everything")),
    named(RESULT + "multi_round", ask_twice),
    named(RESULT + "capabilities", ask_what_may_be_asked),
    named("test_missing_capability", need_sampling),
]
