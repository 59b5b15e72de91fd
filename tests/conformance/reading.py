"""The resources and prompts that the suite asks for."""

from __future__ import annotations

import json
import re

import mcp_types as types

from tests.conformance.asking import prompt_in_context
from tests.conformance.named import PIXEL, Handler, embedded, image, text
from thenvoi_bridge.bridge.sdk import Context

Read = types.ReadResourceRequestParams
Get = types.GetPromptRequestParams
TEMPLATE = "test://template/{id}/data"


def resource(name: str, mime: str) -> types.Resource:
    """A resource as it is listed."""
    return types.Resource(
        uri=f"test://{name}", name=name, description="For the conformance suite.", mime_type=mime
    )


RESOURCES = [resource("static-text", "text/plain"), resource("static-binary", "image/png")]
TEMPLATES = [types.ResourceTemplate(uri_template=TEMPLATE, name="template", mime_type="application/json")]


def reading(contents: types.TextResourceContents | types.BlobResourceContents) -> Handler:
    """Reads always the same."""

    async def run(_: Context, __: Read) -> types.ReadResourceResult:
        return types.ReadResourceResult(contents=[contents])

    return run


STATIC = {
    "test://static-text": reading(
        types.TextResourceContents(
            uri="test://static-text",
            mime_type="text/plain",
            text="This is the content of the static text resource.",
        )
    ),
    "test://static-binary": reading(
        types.BlobResourceContents(uri="test://static-binary", mime_type="image/png", blob=PIXEL)
    ),
}


def readable(params: Read) -> Handler | None:
    """What reads a resource, if it is one of these."""
    uri = str(params.uri)
    if found := re.fullmatch(TEMPLATE.replace("{id}", "([^/]+)"), uri):
        data = {"id": found[1], "templateTest": True, "data": f"Data for ID: {found[1]}"}
        return reading(
            types.TextResourceContents(uri=uri, mime_type="application/json", text=json.dumps(data))
        )
    return STATIC.get(uri)


def prompt(name: str, *arguments: str) -> types.Prompt:
    """A prompt as it is listed."""
    wanted = [types.PromptArgument(name=n, description="Anything.", required=True) for n in arguments]
    return types.Prompt(name=name, description="For the conformance suite.", arguments=wanted)


PROMPTS = [
    prompt("test_simple_prompt"),
    prompt("test_prompt_with_arguments", "arg1", "arg2"),
    prompt("test_prompt_with_embedded_resource", "resourceUri"),
    prompt("test_prompt_with_image"),
    prompt("test_input_required_result_prompt"),
]


def messages(*blocks: types.ContentBlock) -> types.GetPromptResult:
    """A prompt that was got."""
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=b) for b in blocks])


async def simple(_: Context, __: Get) -> types.GetPromptResult:
    """A prompt without arguments."""
    return messages(text("This is a simple prompt for testing."))


async def with_arguments(_: Context, params: Get) -> types.GetPromptResult:
    """A prompt that repeats its arguments."""
    given = params.arguments or {}
    return messages(text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"))


async def with_resource(_: Context, params: Get) -> types.GetPromptResult:
    """A prompt with a resource in it."""
    uri = (params.arguments or {})["resourceUri"]
    found = embedded(uri, "text/plain", "Embedded resource content for testing.")
    return messages(found, text("Please process the embedded resource above."))


async def with_image(_: Context, __: Get) -> types.GetPromptResult:
    """A prompt with a picture in it."""
    return messages(image(), text("Please analyze the image above."))


GETTING: dict[str, Handler] = {
    "test_simple_prompt": simple,
    "test_prompt_with_arguments": with_arguments,
    "test_prompt_with_embedded_resource": with_resource,
    "test_prompt_with_image": with_image,
    "test_input_required_result_prompt": prompt_in_context,
}


async def complete(_: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    """What may be meant by the beginning of a word."""
    words = [w for w in ("paris", "park", "party") if w.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=words, total=len(words), has_more=False))


def completable(params: types.CompleteRequestParams) -> Handler | None:
    """What completes an argument, if it is one of these prompts'."""
    ref = params.ref
    return complete if isinstance(ref, types.PromptReference) and ref.name in GETTING else None
