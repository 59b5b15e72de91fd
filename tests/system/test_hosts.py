"""What every host gets from the bridge over stdio, whichever era of MCP it speaks."""

import json
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client as McpClient

from tests.world import World, bridge, host, say
from thenvoi_bridge.contract.messages import ListMessages

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


def shown(result: types.CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    content: dict[str, Any] | None = result.structured_content
    assert content is not None
    return content


@ERAS
async def test_a_subscription_is_told_of_a_mention(here: World, tmp_path: Path, mode: str) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    told = anyio.Event()
    async with host(bridge(here.url, scout.key, tmp_path / "state"), mode, updated=told.set) as llm:
        with anyio.fail_after(20):
            await say(alice, room, scout, "hello")
            await told.wait()
            inbox = await llm.read_resource("thenvoi://inbox")
            while not (messages := json.loads(text_of(inbox))["messages"]):
                inbox = await llm.read_resource("thenvoi://inbox")
    assert [m["untrusted"]["content"] for m in messages] == ["@alice.doe/scout hello"]


@pytest.mark.thorough
@ERAS
async def test_waiting_shows_progress_and_hears_in_the_middle(
    here: World, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    beaten = anyio.Event()

    async def beat(progress: float, total: float | None, message: str | None) -> None:
        beaten.set()

    async with host(bridge(here.url, scout.key, tmp_path / "state"), mode) as llm:
        results: list[types.CallToolResult] = []

        async def wait() -> None:
            results.append(await llm.call_tool("inbox_wait", {"timeout_s": "40"}, progress_callback=beat))

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await beaten.wait()
                await say(alice, room, scout, "are you there?")
    assert [m["attempt"] for m in shown(results[0])["messages"]] == [1]


@ERAS
async def test_a_cancelled_wait_takes_nothing(here: World, tmp_path: Path, mode: str) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, tmp_path / "state"), mode) as llm:
        with anyio.fail_after(20):
            with anyio.move_on_after(0.3):
                await llm.call_tool("inbox_wait", {"timeout_s": 30})
            sent = await say(alice, room, scout, "still there?")
            heard = shown(await llm.call_tool("inbox_wait", {"timeout_s": 15}))
    assert [(m["id"], m["attempt"]) for m in heard["messages"]] == [(sent.id, 1)]


@ERAS
async def test_bad_arguments_say_what_came_and_what_is_allowed(
    here: World, tmp_path: Path, mode: str
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    async with host(bridge(here.url, scout.key, tmp_path / "state"), mode) as llm:
        result = await llm.call_tool("send_event", {"chat_id": "x", "content": "y", "message_type": "song"})
        assert result.is_error
        assert result.structured_content is not None
        error = result.structured_content["error"]
        assert error["code"] == "bad_arguments"
        (field,) = error["fields"]
        assert field["field"] == "message_type"
        assert field["came"] == '"song"'
        assert "thought" in field["allowed"]["enum"]
        unknown = await llm.call_tool("list_chats", {"colour": "red"})
        assert unknown.is_error
        assert "colour" in str(unknown.content)
        with pytest.raises(Exception, match="Unknown tool"):
            await llm.call_tool("sing", {})


async def test_people_are_mentioned_by_id_handle_or_name(here: World, tmp_path: Path) -> None:
    alice = await here.person()
    scout, writer = await here.agent(alice, "Scout"), await here.agent(alice, "Writer")
    room = await here.room(alice, scout, writer)
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        for written in (writer.id, writer.handle, f"@{writer.handle}", "Writer", '["writer"]'):
            mentions = written if written.startswith("[") else [written]
            arguments = {"chat_id": room.id, "content": f"yours, {written}", "mentions": mentions}
            assert not (await llm.call_tool("send_message", arguments)).is_error
        nobody = await llm.call_tool("send_message", {**arguments, "mentions": ["Nemo"]})
        assert nobody.is_error
        assert f"@{writer.handle}" in str(nobody.content)
    assert len((await writer.call(ListMessages(chat_id=room.id))).data) == 5


async def test_the_same_reply_twice_is_sent_once(here: World, tmp_path: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        sent = await say(alice, room, scout, "once?")
        with anyio.fail_after(20):
            shown(await llm.call_tool("inbox_wait", {"timeout_s": 15}))
        answer = {"message_ids": [sent.id], "content": "once."}
        first = shown(await llm.call_tool("reply", answer))
        again = shown(await llm.call_tool("reply", answer))
        assert again["id"] == first["id"]
        other = await llm.call_tool("reply", {**answer, "content": "twice!"})
        assert other.is_error


async def test_a_message_can_be_ended_as_failed(here: World, tmp_path: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        sent = await say(alice, room, scout, "do the impossible")
        with anyio.fail_after(20):
            shown(await llm.call_tool("inbox_wait", {"timeout_s": 15}))
        ended = {"message_ids": [sent.id], "outcome": "failed", "error": "impossible"}
        shown(await llm.call_tool("inbox_ack", ended))
        assert (await llm.call_tool("inbox_wait", {"timeout_s": 0})).structured_content["messages"] == []
    (failed,) = (await scout.call(ListMessages(chat_id=room.id, status="failed"))).data
    assert failed.metadata is not None
    assert failed.metadata["delivery_status"][scout.id]["attempts"][0]["error"] == "impossible"


async def test_a_person_gets_the_tools_for_people(here: World, tmp_path: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    async with McpClient(bridge(here.url, alice.key, tmp_path / "state")) as llm:
        names = [tool.name for tool in (await llm.list_tools()).tools]
        assert "list_my_chats" in names
        assert "inbox_wait" not in names
        made = await llm.call_tool("create_my_chat", {})
        room = shown(made)
        added = await llm.call_tool("add_my_participant", {"chat_id": room["id"], "participant_id": "Scout"})
        assert not added.is_error, added
        arguments = {"chat_id": room["id"], "content": "hi", "mentions": ["Scout"]}
        assert not (await llm.call_tool("send_my_message", arguments)).is_error
    assert len((await scout.call(ListMessages(chat_id=room["id"]))).data) == 1


def text_of(read: types.ReadResourceResult) -> str:
    (content,) = read.contents
    assert isinstance(content, types.TextResourceContents)
    return content.text
