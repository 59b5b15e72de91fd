"""What breaks is mended without a loss: the platform comes and goes, the bridge is killed, a key is wrong."""

import os
import signal
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client as McpClient

from tests.world import World, bridge, connected, host, say
from thenvoi_bridge.contract.messages import ListMessages


async def heard(llm: McpClient, **arguments: Any) -> list[dict[str, Any]]:
    result = await llm.call_tool("inbox_wait", {"timeout_s": 20, **arguments})
    assert not result.is_error, result.content
    messages: list[dict[str, Any]] = result.structured_content["messages"]
    return messages


async def acknowledge(llm: McpClient, messages: list[dict[str, Any]]) -> None:
    result = await llm.call_tool("inbox_ack", {"message_ids": [m["id"] for m in messages]})
    assert not result.is_error, result.content


def error_of(result: types.CallToolResult) -> dict[str, Any]:
    assert result.is_error
    error: dict[str, Any] = result.structured_content["error"]
    return error


@pytest.mark.thorough
async def test_a_stopped_platform_is_reported_and_nothing_sent_meanwhile_is_lost(
    here: World, tmp_path: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        await here.stop()
        gone = error_of(await llm.call_tool("list_chats", {}))
        assert gone["code"] in ("unreachable", "unavailable")
        assert "reconnect" in gone["next_step"]
        await here.start()
        sent = [(await say(alice, room, scout, f"number {n}")).id for n in range(3)]
        got: list[str] = []
        with anyio.fail_after(40):
            while len(got) < 3:
                messages = await heard(llm)
                got += [m["id"] for m in messages]
                if messages:
                    await acknowledge(llm, messages)
    assert got == sent


async def test_a_platform_restart_in_the_middle_of_a_wait_goes_unnoticed(here: World, tmp_path: Path) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        results: list[list[dict[str, Any]]] = []

        async def wait() -> None:
            while not (messages := await heard(llm)):
                pass
            results.append(messages)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await here.stop()
                await here.start()
                sent = await say(alice, room, scout, "after the restart")
        assert [m["id"] for m in results[0]] == [sent.id]
        answer = await llm.call_tool("reply", {"message_ids": [sent.id], "content": "still here"})
        assert not answer.is_error, answer.content
    assert (await scout.call(ListMessages(chat_id=room.id))).data == []


async def test_200_mentions_while_the_bridge_is_down_arrive_once_each_in_room_order(
    here: World, tmp_path: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    rooms = [await here.room(alice, scout) for _ in range(2)]
    sent: dict[str, list[str]] = {room.id: [] for room in rooms}
    for n in range(200):
        room = rooms[n % 3 % 2]
        sent[room.id].append((await say(alice, room, scout, f"number {n}")).id)
    got: dict[str, list[str]] = {room.id: [] for room in rooms}
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        with anyio.fail_after(90):
            while sum(map(len, got.values())) < 200:
                messages = await heard(llm)
                for message in messages:
                    got[message["chat_id"]].append(message["id"])
                await acknowledge(llm, messages)
        assert await heard(llm, timeout_s=0) == []
    assert got == sent
    for room in rooms:
        assert (await scout.call(ListMessages(chat_id=room.id))).data == []


async def test_a_bridge_killed_before_the_answer_offers_the_message_again(
    here: World, tmp_path: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    pid = tmp_path / "pid"
    server = bridge(here.url, scout.key, tmp_path / "state")
    start = f"import os; open({str(pid)!r}, 'w').write(str(os.getpid())); "
    start += "from thenvoi_bridge.cli import main; main([])"
    server.args = ["-c", start]
    with anyio.fail_after(60):
        async with host(server) as llm:
            sent = await say(alice, room, scout, "answer me")
            assert [m["attempt"] for m in await heard(llm)] == [1]
            os.kill(int(pid.read_text()), signal.SIGKILL)
        async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
            (again,) = await heard(llm)
            assert (again["id"], again["attempt"]) == (sent.id, 2)
            answer = await llm.call_tool("reply", {"message_ids": [sent.id], "content": "here I am"})
            assert not answer.is_error, answer.content
    (done,) = (await scout.call(ListMessages(chat_id=room.id, status="processed"))).data
    assert done.id == sent.id


async def test_a_wrong_key_is_said_at_once_and_the_bridge_stays(here: World, tmp_path: Path) -> None:
    async with McpClient(bridge(here.url, "thnv_a_none_none", tmp_path / "state")) as llm:
        with anyio.fail_after(20):
            refused = error_of(await llm.call_tool("inbox_wait", {"timeout_s": 1}))
        assert refused["code"] == "unauthorized"
        assert "THENVOI_API_KEY" in refused["next_step"]
        assert len((await llm.list_tools()).tools) == 12


async def test_somebody_removed_from_a_room_hears_no_more_of_it(here: World, tmp_path: Path) -> None:
    from thenvoi_bridge.contract.participants import RemoveMyParticipant

    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room, other = await here.room(alice, scout), await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, tmp_path / "state")) as llm:
        await say(alice, room, scout, "never to be seen")
        await alice.call(RemoveMyParticipant(chat_id=room.id, participant_id=scout.id))
        sent = await say(alice, other, scout, "to be seen")
        with anyio.fail_after(30):
            got = await heard(llm, chat_id=other.id)
            await connected(llm)
    assert [m["id"] for m in got] == [sent.id]
