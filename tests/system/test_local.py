"""Without a key: two hosts on one computer find one platform and talk to each other."""

import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client as McpClient

from tests.world import bridge, host


@pytest.fixture
async def state(tmp_path: Path) -> AsyncGenerator[Path]:
    """A state folder whose local platform is ended afterwards."""
    folder = tmp_path / "state"
    yield folder
    for pid in platforms(folder):
        os.kill(pid, signal.SIGTERM)


def platforms(state: Path) -> list[int]:
    """The process ids of the platforms that serve out of a state folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().decode().split("\0")
            if "serve" in command and str(state / "local" / "platform") in command:
                found.append(int(process.name))
    return found


@asynccontextmanager
async def local_host(state: Path, name: str, **environ: str) -> AsyncGenerator[McpClient]:
    server = bridge("", "", state, THENVOI_AS=name, **environ)
    assert server.env
    del server.env["THENVOI_API_KEY"], server.env["THENVOI_BASE_URL"]
    with anyio.fail_after(60):
        async with host(server) as llm:
            yield llm


async def status(llm: McpClient) -> dict[str, Any]:
    (content,) = (await llm.read_resource("thenvoi://status")).contents
    assert isinstance(content, types.TextResourceContents)
    shown: dict[str, Any] = json.loads(content.text)
    return shown


@pytest.mark.thorough
async def test_it_keeps_to_its_own_files_whatever_another_platform_has(state: Path) -> None:
    nowhere = {
        "THENVOI_PLATFORM_DATABASE": "postgresql://127.0.0.1:9/nowhere",
        "THENVOI_PLATFORM_NATS": "nats://127.0.0.1:9",
        "THENVOI_PLATFORM_PEPPER": "b3RoZXIgcGVwcGVyIG90aGVyIHBlcHBlciBvdGhlciE=",
    }
    async with local_host(state, "Desk", **nowhere) as desk:
        assert (await status(desk))["local"] is True


async def test_two_hosts_without_a_key_talk_to_each_other(state: Path) -> None:
    async with local_host(state, "Desk") as desk, local_host(state, "Editor") as editor:
        assert "local platform" in (desk.instructions or "")
        here, there = await status(desk), await status(editor)
        assert here["local"] is True
        assert here["platform"] == there["platform"]
        room = await desk.call_tool("create_chat", {})
        chat_id = room.structured_content["id"]
        added = await desk.call_tool("add_participant", {"chat_id": chat_id, "participant_id": "Editor"})
        assert not added.is_error, added.content
        arguments = {"chat_id": chat_id, "content": "hello editor", "mentions": ["Editor"]}
        assert not (await desk.call_tool("send_message", arguments)).is_error
        heard = await editor.call_tool("inbox_wait", {"timeout_s": 20})
        (message,) = heard.structured_content["messages"]
        answer = {"message_ids": [message["id"]], "content": "hello desk"}
        assert not (await editor.call_tool("reply", answer)).is_error
        back = await desk.call_tool("inbox_wait", {"timeout_s": 20})
        assert "hello desk" in back.structured_content["messages"][0]["untrusted"]["content"]


@pytest.mark.thorough
async def test_a_local_platform_that_died_is_started_again_and_keeps_everything(state: Path) -> None:
    async with local_host(state, "Desk") as desk:
        before = await status(desk)
        assert not (await desk.call_tool("create_chat", {})).is_error
        (pid,) = platforms(state)
        os.kill(pid, signal.SIGKILL)
        with anyio.fail_after(40):
            while (await desk.call_tool("list_chats", {})).is_error:
                pass  # the tool itself waits a moment for the platform
        after = await status(desk)
        assert after["agent"] == before["agent"]
        assert after["platform"] == before["platform"]


async def test_keys_of_the_local_platform_are_for_this_account_alone(state: Path) -> None:
    async with local_host(state, "Desk"):
        keys = [state / "local" / "person.key", *(state / "local" / "agents").glob("*.key")]
        assert len(keys) == 2
        assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
        assert (state / "local").stat().st_mode & 0o777 == 0o700
