"""Which tools and which words a host is given for which keys."""

from pathlib import Path

import pytest
from mcp import Client as McpClient

from tests.bridge.desk import nowhere, pipes
from thenvoi_bridge.bridge import profiles, wording
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.tools import CALL_TOOLS
from thenvoi_bridge.contract import CALLS

SIDES: list[tuple[Side, ...]] = [("agent",), ("human",), ("agent", "human")]


def names(*sides: Side) -> list[str]:
    return [tool.name for tool in profiles.default(sides)]


def test_an_agent_is_given_a_dozen_tools_for_a_conversation_and_those_alone() -> None:
    assert names("agent") == list(profiles.AGENT)
    assert len(profiles.AGENT) <= 12
    assert all(tool.side == "agent" for tool in profiles.default(["agent"]))


def test_a_person_is_given_a_tool_for_each_call_people_may_make() -> None:
    calls = [call for call in CALLS if call.route.side == "human"]
    assert len(names("human")) == len(calls)
    assert all(tool.side == "human" for tool in profiles.default(["human"]))


def test_with_both_keys_there_are_both_and_with_none_there_is_nothing() -> None:
    assert names("human", "agent") == names("agent") + names("human")
    assert len(set(names("agent", "human"))) == len(names("agent", "human"))
    assert names() == []


def test_every_call_has_a_tool_but_those_that_need_no_key() -> None:
    assert len(CALL_TOOLS) == len([call for call in CALLS if call.route.side != "system"])


@pytest.mark.parametrize("sides", SIDES, ids="+".join)
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_instructions_are_short_and_fit_the_tools(
    state: Path, sides: tuple[Side, ...], local: bool, mode: str
) -> None:
    server, _ = build(Session(nowhere(), state), sides, local=local)
    async with McpClient(pipes(server), mode=mode) as llm:
        told = llm.instructions or ""
        assert [tool.name for tool in (await llm.list_tools()).tools] == names(*sides)
    assert 0 < len(told.encode()) <= 2048
    assert ("inbox_wait" in told) is ("agent" in sides)
    assert ("for a person" in told) is ("human" in sides)
    assert (wording.INSTRUCTIONS_LOCAL in told) is local


def test_every_tool_the_instructions_name_is_there() -> None:
    for words, side in ((wording.INSTRUCTIONS, "agent"), (wording.INSTRUCTIONS_HUMAN, "human")):
        named = {name for name in [*CALL_TOOLS, *profiles.AGENT] if name in words}
        assert named <= set(names(side))  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["agent", "human"])
def test_every_tool_that_advice_or_a_description_names_is_there(side: Side) -> None:
    if side == "agent":
        texts = [*wording.NEXT.values(), wording.HELD, wording.QUIET]
        texts += [tool.description for tool in profiles.default(["agent"])]
    else:
        texts = [tool.description for tool in profiles.default(["human"])]
    every = {*CALL_TOOLS, *profiles.AGENT} - {"reply"}
    words = {word for text in texts for word in text.replace("`", " ").replace(",", " ").split()}
    assert {word.strip(".:;()") for word in words} & every <= set(names(side))
