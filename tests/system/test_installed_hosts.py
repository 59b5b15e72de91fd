"""Two hosts of one computer, installed by `thenvoi-bridge install`, started as their configurations say."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tomllib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters

from tests.guides.reader import Reader
from tests.system.test_local import platforms, status
from tests.world import host

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
INSTALL = [sys.executable, "-m", "thenvoi_bridge", "install"]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncGenerator[Path]:
    """A home folder in which two hosts are installed; their platform is ended afterwards."""
    for own in (".cursor", ".codex"):
        (tmp_path / own).mkdir()
    (tmp_path / ".codex" / "config.toml").write_text('model = "some-model"\n')
    yield tmp_path
    for pid in platforms(tmp_path / "state"):
        os.kill(pid, signal.SIGTERM)


def environment(home: Path) -> dict[str, str]:
    """What a host has that was started from a desktop: hardly any PATH, and nothing of ours."""
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "PATH": "/usr/bin:/bin"}


def without_time(text: str) -> str:
    return re.sub(r"backup-\S+Z", "backup", text)


def of_you(untrusted: dict[str, str]) -> dict[str, str]:
    """The same, if the account were called `you`."""
    return untrusted | {"content": re.sub(r"@\S+/", "@you/", untrusted["content"])}


async def installs(home: Path, *arguments: str) -> str:
    state = ["--env", f"THENVOI_STATE_DIR={home / 'state'}"]
    done = await anyio.run_process([*INSTALL, *arguments, *state], env=environment(home))
    return done.stdout.decode()


@asynccontextmanager
async def started(home: Path, entry: dict[str, Any]) -> AsyncGenerator[McpClient]:
    """A host that starts what stands in its configuration, and nothing else."""
    server = StdioServerParameters(
        command=entry["command"], args=entry["args"], env={**environment(home), **entry["env"]}
    )
    with anyio.fail_after(60):
        async with host(server) as llm:
            yield llm


@pytest.mark.follows("README.md#two-hosts-that-talk-to-each-other")
async def test_two_hosts_that_were_installed_with_two_agents_talk_to_each_other(
    home: Path, reader: Reader
) -> None:
    for typed in (reader.takes(), reader.takes()):
        told = await installs(home, *typed.split()[2:])
        assert without_time(f"$ {typed}\n{told.replace(str(home), '~')}") in without_time(README)
    cursor = json.loads((home / ".cursor" / "mcp.json").read_text())["mcpServers"]["thenvoi"]
    codex = tomllib.loads((home / ".codex" / "config.toml").read_text())["mcp_servers"]["thenvoi"]
    async with started(home, cursor) as editor, started(home, codex) as coder:
        here, there = await status(editor), await status(coder)
        assert (here["agent"]["name"], there["agent"]["name"]) == ("Editor", "Coder")
        assert here["platform"] == there["platform"]
        room = (await editor.call_tool("create_chat", {})).structured_content["id"]
        await editor.call_tool("add_participant", {"chat_id": room, "participant_id": "Coder"})
        question = {"chat_id": room, "content": "Is the build green?", "mentions": ["Coder"]}
        assert not (await editor.call_tool("send_message", question)).is_error
        (heard,) = (await coder.call_tool("inbox_wait", {"timeout_s": 20})).structured_content["messages"]
        shown = json.loads(reader.takes())
        assert shown.items() <= (heard | {"untrusted": of_you(heard["untrusted"])}).items()
        answer = {"message_ids": [heard["id"]], "content": "all green"}
        assert not (await coder.call_tool("reply", answer)).is_error
        (back,) = (await editor.call_tool("inbox_wait", {"timeout_s": 20})).structured_content["messages"]
        assert "all green" in back["untrusted"]["content"]
    assert "is removed from Codex" in await installs(home, "codex", "--uninstall")
    assert (home / ".codex" / "config.toml").read_text() == 'model = "some-model"\n'
