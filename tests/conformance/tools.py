"""The tools that the suite calls and that ask for nothing; its own descriptions say what each must do."""

from __future__ import annotations

import warnings
from typing import Any

import anyio
import mcp_types as types
from mcp.shared.exceptions import MCPDeprecationWarning

from tests.conformance.named import Handler, Named, done, embedded, image, text
from thenvoi_bridge.bridge.sdk import Context
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import Beat, Said, Tool
from thenvoi_bridge.contract.errors import ThenvoiError

NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
WAVE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
"""One sample of silence, in WAV."""
PAUSE = 0.05  # seconds, as the suite asks for

RICH = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
HEADED = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}


async def _say(_: Session, __: dict[str, Any], ___: Beat) -> Said:
    return Said("This is a simple text response for testing.")


async def _fail(_: Session, __: dict[str, Any], ___: Beat) -> Said:
    raise ThenvoiError("This tool intentionally returns an error for testing")


async def _beat(_: Session, __: dict[str, Any], beat: Beat) -> Said:
    for so_far in (0, 50, 100):
        await beat(so_far, 100, "working")
        await anyio.sleep(PAUSE)
    return Said("Beaten three times")


OURS = [
    Tool("test_simple_text", "test", "Says something.", "open", lambda: NOTHING, _say),
    Tool("test_error_handling", "test", "Fails.", "open", lambda: NOTHING, _fail),
    Tool("test_tool_with_progress", "test", "Shows progress.", "open", lambda: NOTHING, _beat),
]
"""Tools of the bridge's own kind, run as it runs its own."""


def saying(*blocks: types.ContentBlock) -> Handler:
    """Says always the same."""

    async def run(_: Context, __: types.CallToolRequestParams) -> types.CallToolResult:
        return done(*blocks)

    return run


async def log(ctx: Context, _: types.CallToolRequestParams) -> types.CallToolResult:
    """Send three log messages, to whom they may be sent."""
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        with warnings.catch_warnings():  # the newest era calls logging deprecated
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            await ctx.session.send_log_message("info", words, related_request_id=ctx.request_id)
        await anyio.sleep(PAUSE)
    return done(text("Logged three times"))


def named(name: str, run: Handler, schema: dict[str, Any] | None = None) -> Named:
    """A tool as it is listed."""
    tool = types.Tool(name=name, description="For the conformance suite.", input_schema=schema or NOTHING)
    return Named(tool, run)


MIXED = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
PLAIN = [
    named("test_image_content", saying(image())),
    named("test_audio_content", saying(types.AudioContent(type="audio", data=WAVE, mime_type="audio/wav"))),
    named(
        "test_embedded_resource",
        saying(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")),
    ),
    named("test_multiple_content_types", saying(text("Multiple content types test:"), image(), MIXED)),
    named("test_tool_with_logging", log),
    named("test_logging_tool", log),
    named("test_reconnection", saying(text("Still here"))),
    named("json_schema_2020_12_tool", saying(text("Understood")), RICH),
    named("test_custom_header", saying(text("Understood")), HEADED),
]
