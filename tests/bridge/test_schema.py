"""The tools as hosts are told of them. `UPDATE_SNAPSHOTS=1 pytest tests/bridge/test_schema.py` rewrites them.

A changed snapshot is a changed product: every word in it is read by models, and hosts remember tools by name.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import BaseModel, Field, StringConstraints

from tests.bridge.desk import EVERYTHING, desk, nowhere
from thenvoi_bridge.bridge import schema, wording
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.profiles import EVERY, GROUPS, USUAL, Choice, chosen
from thenvoi_bridge.bridge.tools import Tool

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
TOOLS = pytest.mark.parametrize("tool", EVERY.values(), ids=lambda tool: tool.name)
TOOLS_AT_MOST, TOKENS, BYTES_A_TOKEN = 12, 2_500, 4
AGENT: tuple[Side, ...] = ("agent",)
READING = (
    "catch_up",
    "list_",
    "get_",
    "next_",
    "inbox_read",
    "resolve_handle",
    "check_key",
    "health",
    "version",
)
FINAL = ("remove_", "delete_", "supersede_")


async def answered(tmp_path: Path, sides: tuple[Side, ...], choice: Choice = USUAL) -> dict[str, Any]:
    """The answer to `tools/list`, as a host gets it."""
    async with desk(nowhere(), tmp_path, sides=sides, choice=choice) as host:
        answer = await host.llm.list_tools()
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)


async def listed(tmp_path: Path, sides: tuple[Side, ...], choice: Choice = USUAL) -> list[dict[str, Any]]:
    """The tools in the answer to `tools/list`."""
    tools: list[dict[str, Any]] = (await answered(tmp_path, sides, choice))["tools"]
    return tools


@pytest.mark.parametrize("group", GROUPS)
async def test_a_host_is_told_this_of_the_tools_of_a_group(tmp_path: Path, group: str) -> None:
    tools = await listed(tmp_path, ("agent", "human"), EVERYTHING)
    text = json.dumps([tool for tool in tools if EVERY[tool["name"]].group == group], indent=2) + "\n"
    path = SNAPSHOTS / f"{group}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "if this is meant: UPDATE_SNAPSHOTS=1 pytest " + __file__


def test_there_is_a_snapshot_for_each_group_and_no_other() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(GROUPS)


@pytest.mark.parametrize("side", ["agent", "human"])
async def test_the_usual_tools_cost_a_model_little(tmp_path: Path, side: Side) -> None:
    answer = await answered(tmp_path, (side,))
    wire = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    print(f"{side}: {len(answer['tools'])} tools, {len(wire.encode()) / BYTES_A_TOKEN:.0f} tokens")
    assert len(answer["tools"]) <= TOOLS_AT_MOST
    assert len(wire.encode()) / BYTES_A_TOKEN <= TOKENS


async def test_a_host_that_lists_again_gets_the_same_in_the_same_order(tmp_path: Path) -> None:
    async with desk(nowhere(), tmp_path) as host:
        one, other = [await host.llm.list_tools(cache_mode="bypass") for _ in range(2)]
    assert one == other
    assert [tool.name for tool in one.tools] == [t.name for t in chosen(AGENT, EVERYTHING)]


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_order_of_the_tools_does_not_depend_on_the_process(seed: str) -> None:
    code = "from thenvoi_bridge.bridge.profiles import EVERY; print(*EVERY)"
    env = {**os.environ, "PYTHONHASHSEED": seed}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == [*EVERY]


def test_the_order_of_the_tools_does_not_depend_on_how_they_were_asked_for() -> None:
    groups, tools = ("default", "contacts", "memories"), ("get_me", "health", "version")
    one = chosen(AGENT, Choice(groups, tools))
    assert chosen(AGENT, Choice(groups[::-1], tools[::-1])) == one
    assert [tool.name for tool in one] == [name for name in EVERY if EVERY[name] in one]


@TOOLS
def test_a_name_is_short_and_plain_and_a_description_is_there_and_short(tool: Tool) -> None:
    assert re.fullmatch("[a-z][a-z_]{0,23}", tool.name)
    assert 0 < len(tool.description.encode()) <= 2048
    assert tool.description == tool.description.strip()


@TOOLS
def test_a_schema_is_flat_and_refuses_what_it_does_not_know(tool: Tool) -> None:
    shape = tool.described().input_schema
    assert shape["type"] == "object"
    assert shape["additionalProperties"] is False
    assert set(shape) <= {"type", "properties", "required", "additionalProperties"}
    assert set(shape.get("required", [])) <= set(shape["properties"])
    text = json.dumps(shape)
    assert [word for word in ("$ref", "$defs", "anyOf", "oneOf", "allOf") if f'"{word}"' in text] == []


@TOOLS
def test_a_schema_is_one_of_json_schema_2020_12(tool: Tool) -> None:
    Draft202012Validator.check_schema(tool.described().input_schema)


@TOOLS
def test_every_argument_says_its_type(tool: Tool) -> None:
    for name, field in tool.schema["properties"].items():
        assert field["type"] in ("string", "integer", "number", "boolean", "array", "object"), name
        assert "title" not in field
        assert field.get("description", "needs none").strip()
        assert field["type"] != "array" or field["items"] == {"type": "string"}


@TOOLS
def test_every_tool_says_what_it_does_to_the_world(tool: Tool) -> None:
    hints = tool.described().annotations
    assert hints
    assert hints.open_world_hint is True
    assert hints.read_only_hint == tool.name.startswith(READING)
    assert hints.destructive_hint == tool.name.startswith(FINAL)
    assert hints.idempotent_hint or not hints.read_only_hint


def test_the_words_written_for_a_tool_or_an_argument_are_used() -> None:
    assert wording.TOOLS.keys() <= EVERY.keys()
    fields = {(tool.group, name) for tool in EVERY.values() for name in tool.schema["properties"]}
    used = {name for _, name in fields} | {f"{group}.{name}" for group, name in fields}
    assert wording.FIELDS.keys() <= used


def test_an_argument_is_said_in_better_words_or_its_own_or_those_used_everywhere() -> None:
    class Sample(BaseModel):
        chat_id: str = Field("all", description="Only this room.")
        content: str
        colour: str = "red"
        ids: list[Annotated[str, StringConstraints(pattern="x")]]

    assert schema.of(Sample, words={}) == {
        "type": "object",
        "properties": {
            "chat_id": {"type": "string", "description": "Only this room."},
            "content": {"type": "string", "description": wording.FIELDS["content"]},
            "colour": {"type": "string"},
            "ids": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["content", "ids"],
        "additionalProperties": False,
    }
    words = {"chat_id": "Room.", "colour": "Hue.", "paints.colour": "Pigment."}
    better = schema.of(Sample, words)["properties"]
    assert (better["chat_id"]["description"], better["colour"]["description"]) == ("Room.", "Hue.")
    assert schema.of(Sample, words, "paints")["properties"]["colour"]["description"] == "Pigment."
    assert schema.of(Sample, words, "toys")["properties"]["colour"]["description"] == "Hue."


def test_a_field_that_may_be_left_out_is_no_choice_and_a_reference_is_resolved() -> None:
    class Inner(BaseModel):
        x: int = Field(ge=1)

    class Sample(BaseModel):
        inner: Inner
        size: Literal["small", "large"] | None = None
        many: list[str] | None = Field(None, min_length=1)

    shape = schema.of(Sample)
    assert shape["required"] == ["inner"]
    assert shape["properties"]["inner"]["type"] == "object"
    assert shape["properties"]["size"] == {"type": "string", "enum": ["small", "large"]}
    assert shape["properties"]["many"] == {"type": "array", "items": {"type": "string"}, "minItems": 1}


def test_one_of_several_lists_of_words_is_one_of_all_of_them() -> None:
    class Sample(BaseModel):
        one: Literal["small", "large"] | Literal["all"]
        other: Literal["all"] | Literal["small", "large"] | None = Field(None, description="Which.")
        only: Literal["all"] | None = None

    shape = schema.of(Sample)
    assert shape["required"] == ["one"]
    assert shape["properties"] == {
        "one": {"type": "string", "enum": ["small", "large", "all"]},
        "other": {"type": "string", "enum": ["all", "small", "large"], "description": "Which."},
        "only": {"type": "string", "const": "all"},
    }


SHAPE: schema.Schema = {
    "properties": {"many": {"type": "array"}, "thing": {"type": "object"}, "text": {"type": "string"}}
}


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"many": '["a", "b"]'}, {"many": ["a", "b"]}),
        ({"many": "a"}, {"many": ["a"]}),
        ({"many": "[broken"}, {"many": ["[broken"]}),
        ({"many": '{"a": 1}'}, {"many": ['{"a": 1}']}),
        ({"many": ["a"]}, {"many": ["a"]}),
        ({"many": 5}, {"many": 5}),
        ({"thing": '{"a": [1]}'}, {"thing": {"a": [1]}}),
        ({"thing": "[1]"}, {"thing": "[1]"}),
        ({"thing": "no JSON"}, {"thing": "no JSON"}),
        ({"thing": {"a": 1}}, {"thing": {"a": 1}}),
        ({"text": '["a"]'}, {"text": '["a"]'}),
        ({"text": "30"}, {"text": "30"}),
        ({"unknown": '["a"]'}, {"unknown": '["a"]'}),
        ({}, {}),
        ({"chat_id": None, "limit": 3}, {"limit": 3}),
    ],
    ids=str,
)
def test_lists_and_objects_may_come_as_text_and_a_list_as_its_only_item(
    sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    assert schema.lenient(sent, SHAPE) == meant
