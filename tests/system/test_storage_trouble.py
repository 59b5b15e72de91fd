"""What a disk does to bridges: it fills up and is emptied again, or spoils the inbox of several at once."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import apsw
import mcp_types as types
import pytest
from mcp import Client as McpClient

from tests.world import World, bridge, host, say
from thenvoi_bridge.bridge import wording
from thenvoi_bridge.contract.messages import ListMessages

PATIENCE = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of twelve megabytes."""
    (folder := tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"no disk can be made here: {exc}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte of a disk, for as long as this file lies there."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


async def status(llm: McpClient) -> dict[str, Any]:
    (content,) = (await llm.read_resource("thenvoi://status")).contents
    assert isinstance(content, types.TextResourceContents)
    shown: dict[str, Any] = json.loads(content.text)
    return shown


async def until(llm: McpClient, **said: Any) -> dict[str, Any]:
    """Wait until the status says so; the values are regular expressions."""
    with anyio.fail_after(PATIENCE):
        while True:
            now = await status(llm)
            if all(re.fullmatch(str(value), str(now[name])) for name, value in said.items()):
                return now
            await anyio.sleep(0.05)


async def error_of(llm: McpClient, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await llm.call_tool(tool, arguments)
    assert result.is_error, result.content
    error: dict[str, Any] = result.structured_content["error"]
    return error


async def handed_out(llm: McpClient, many: int) -> list[str]:
    """Wait for so many messages and end them; return their ids in the order in which they were handed out."""
    got: list[str] = []
    with anyio.fail_after(PATIENCE):
        while len(got) < many:
            result = await llm.call_tool("inbox_wait", {"timeout_s": 10})
            assert not result.is_error, result.content
            ids = [message["id"] for message in result.structured_content["messages"]]
            got += ids
            if ids:
                ended = await llm.call_tool("inbox_ack", {"message_ids": ids})
                assert not ended.is_error, ended.content
    return got


FULL = wording.INBOX["disk_full"]
ASIDE = wording.SET_ASIDE.format(name=".*")


@pytest.mark.thorough
async def test_a_disk_that_fills_up_stops_a_bridge_until_there_is_room_and_loses_nothing(
    here: World, tmp_path: Path, disk: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with host(bridge(here.url, scout.key, disk / "state")) as llm:
        sent = [(await say(alice, room, scout, "before")).id]
        assert await handed_out(llm, 1) == sent
        filler = fill(disk)
        sent = [(await say(alice, room, scout, f"{n} " + "x" * 5000)).id for n in range(40)]
        await until(llm, trouble=FULL, connection="offline")
        assert not (await llm.call_tool("inbox_read", {})).is_error
        assert not (await llm.call_tool("list_chats", {})).is_error
        filler.unlink()
        await until(llm, trouble=None, connection="live")
        assert await handed_out(llm, 40) == sent
    assert (await scout.call(ListMessages(chat_id=room.id))).data == []


@pytest.mark.thorough
async def test_a_bridge_that_starts_on_a_full_disk_says_so_and_works_once_there_is_room(
    here: World, tmp_path: Path, disk: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    server = bridge(here.url, scout.key, disk / "state")
    async with host(server):
        pass
    sent = (await say(alice, room, scout, "hello")).id
    filler = fill(disk)
    async with McpClient(server) as llm:
        error = await error_of(llm, "inbox_wait", timeout_s=0)
        assert (error["code"], error["message"]) == ("disk_full", FULL)
        await until(llm, trouble=FULL, connection="offline")
        filler.unlink()
        await until(llm, trouble=None, connection="live")
        assert await handed_out(llm, 1) == [sent]


@pytest.mark.thorough
async def test_bridges_whose_inbox_is_spoilt_go_on_with_one_that_is_sound(
    here: World, tmp_path: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    server = bridge(here.url, scout.key, tmp_path / "state")
    async with host(server) as one, host(server) as two, host(server) as three:
        clients = (one, two, three)
        sent = [(await say(alice, room, scout, f"number {n}")).id for n in range(3)]
        for llm in clients:
            await until(llm, unread=3)
        (file,) = [path async for path in anyio.Path(tmp_path / "state").glob("agents/*/inbox.db")]
        connection = apsw.Connection(str(file))
        connection.set_busy_timeout(10_000)
        connection.execute("UPDATE inbox SET message = '{'").fetchall()
        connection.close()
        async with anyio.create_task_group() as tasks:
            for llm in clients:
                tasks.start_soon(llm.call_tool, "inbox_read", {})
        said = {(await until(llm, connection="live", unread=3, trouble=ASIDE))["trouble"] for llm in clients}
        (kept,) = [path.name async for path in file.parent.glob("inbox.db.damaged-*Z")]
        assert said == {wording.SET_ASIDE.format(name=kept)}
        assert await handed_out(two, 3) == sent
        for llm in clients:
            await until(llm, unread=0)
