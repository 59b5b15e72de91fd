"""The main job: a mention reaches an LLM host through a real bridge over stdio, and its answer comes back."""

import json
from pathlib import Path

import anyio
import pytest

from tests.world import World, bridge, host, say
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_mention_is_heard_answered_and_processed(here: World, tmp_path: Path, mode: str) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    with anyio.fail_after(60):
        async with host(bridge(here.url, scout.key, tmp_path / "state"), mode) as llm:
            sent = await say(alice, room, scout, "@alice/scout check the logs")
            heard = await llm.call_tool("inbox_wait", {"timeout_s": 20})
            assert heard.structured_content is not None
            (message,) = heard.structured_content["messages"]
            assert message["id"] == sent.id
            answer = await llm.call_tool("reply", {"message_ids": [message["id"]], "content": "All quiet."})
            assert not answer.is_error, answer
    (said,) = [m for m in (await alice.call(ListMyMessages(chat_id=room.id))).data if m.sender_id == scout.id]
    assert said.content == f"@[[{alice.id}]] All quiet."
    processed = await scout.call(ListMessages(chat_id=room.id, status="processed"))
    assert [m.id for m in processed.data] == [sent.id]
    assert json.dumps(processed.data[0].metadata)
