"""The settings that narrow a bridge down, at a real process over stdio, for hosts of both eras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client as McpClient

from tests.world import World, bridge, connected, say
from thenvoi_bridge.contract.messages import Mention, SendMessage


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_narrow_bridge_hears_whom_it_may_and_asks_before_it_goes_elsewhere(
    here: World, tmp_path: Path, mode: str
) -> None:
    alice = await here.person()
    scout, writer = await here.agent(alice, "Scout"), await here.agent(alice, "Writer")
    room = await here.room(alice, scout, writer)
    pst = SendMessage(chat_id=room.id, content="pst", mentions=[Mention(id=scout.id)])
    await writer.call(pst)
    await say(alice, room, scout, "hello")
    asked: list[str] = []

    async def decline(context: object, params: types.ElicitRequestParams) -> Any:
        asked.append(params.message)
        return types.ElicitResult(action="decline")

    narrow = {"THENVOI_ALLOW_SENDERS": f"@{alice.handle}", "THENVOI_CONFIRM_ELSEWHERE": "true"}
    server = bridge(here.url, scout.key, tmp_path / "state", **narrow, THENVOI_CHAT=room.id)
    with anyio.fail_after(60):
        async with McpClient(server, mode=mode, elicitation_callback=decline) as llm:
            await connected(llm)
            assert "chat_id" not in (await llm.list_tools()).model_dump_json()
            (message,) = (await llm.call_tool("inbox_wait", {})).structured_content["messages"]
            assert message["sender_id"] == alice.id
            done = await llm.call_tool("reply", {"message_ids": [message["id"]], "content": "hi"})
            assert not done.is_error
            refused = await llm.call_tool("add_participant", {"participant_id": "x"})
            assert refused.structured_content["error"]["code"] == "nobody"  # in the room, so nobody was asked
    assert asked == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_process_asks_before_its_host_opens_a_room(here: World, tmp_path: Path, mode: str) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    await say(alice, await here.room(alice, scout), scout, "hello")
    asked: list[str] = []

    async def decline(context: object, params: types.ElicitRequestParams) -> Any:
        asked.append(params.message)
        return types.ElicitResult(action="decline")

    server = bridge(here.url, scout.key, tmp_path / "state", THENVOI_CONFIRM_ELSEWHERE="true")
    with anyio.fail_after(60):
        async with McpClient(server, mode=mode, elicitation_callback=decline) as llm:
            await connected(llm)
            assert len((await llm.call_tool("inbox_wait", {})).structured_content["messages"]) == 1
            refused = await llm.call_tool("create_chat", {})
            assert refused.structured_content["error"]["code"] == "declined"
    (question,) = asked
    assert "create_chat" in question
