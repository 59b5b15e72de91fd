"""What docs/hosts.md and docs/troubleshooting.md have people type, and paste into hosts."""

from __future__ import annotations

import json

import pytest

from tests.guides.reader import Reader
from tests.guides.reading import pieces
from tests.guides.started import answers
from tests.world import World

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(120)]


@pytest.mark.follows("docs/hosts.md#install", "thenvoi-bridge")
async def test_what_is_written_into_cursor_starts_a_server(reader: Reader) -> None:
    (reader.home / ".cursor").mkdir()
    assert "is installed in Cursor" in reader.types()
    entry = json.loads((reader.home / ".cursor" / "mcp.json").read_text())["mcpServers"]["thenvoi"]
    assert await answers(entry, reader.env) == "thenvoi"


@pytest.mark.follows("docs/hosts.md#by-hand")
async def test_what_is_pasted_into_other_hosts_starts_a_server(reader: Reader, here: World) -> None:
    key = (await here.agent(await here.person(), "Scout")).key
    reader.means |= {"thnv_a_…": key, "${input:thenvoi-key}": key}
    reader.env["THENVOI_BASE_URL"] = here.url
    most, vscode = json.loads(reader.takes()), json.loads(reader.takes())
    for entry in (most["mcpServers"]["thenvoi"], vscode["servers"]["thenvoi"]):
        assert entry["env"]["THENVOI_API_KEY"] == key
        assert await answers(entry, reader.env) == "thenvoi"


@pytest.mark.follows("docs/hosts.md#if-it-does-not-work")
@pytest.mark.follows("docs/troubleshooting.md")
def test_the_doctor_finds_nothing_wrong_where_nothing_is(reader: Reader) -> None:
    assert reader.types()
    assert reader.types()


@pytest.mark.follows("docs/hosts.md#claude-code-the-channel")
async def test_claude_code_is_given_a_channel_under_the_name_it_is_started_for(reader: Reader) -> None:
    (reader.home / ".claude.json").write_text("{}")
    assert "is installed in Claude Code" in reader.types()
    ((name, entry),) = json.loads((reader.home / ".claude.json").read_text())["mcpServers"].items()
    assert entry["env"]["THENVOI_CHANNEL"] == "alice,bob/scout"
    assert await answers(entry, reader.env) == "thenvoi"
    (started,) = (piece.text for piece in pieces() if piece.text.startswith("claude "))
    assert started.endswith(f" server:{name}")
