"""What the README tells newcomers to do."""

from __future__ import annotations

import json

import pytest

from tests.guides.reader import Reader
from tests.guides.started import answers
from tests.packages.checkout import ROOT, copied

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]


@pytest.mark.follows("README.md#try-it")
def test_the_demo_shows_a_mention_and_its_answer(reader: Reader) -> None:
    reader.cwd = ROOT
    assert "steps were observed" in reader.types()


@pytest.mark.follows("README.md#put-it-into-your-host")
async def test_whoever_installs_the_command_has_it_in_their_host(reader: Reader) -> None:
    reader.cwd = copied(reader.home / "checkout")
    (reader.home / ".cursor").mkdir()
    reader.types()
    assert "is installed in Cursor" in reader.types()
    entry = json.loads((reader.home / ".cursor" / "mcp.json").read_text())["mcpServers"]["thenvoi"]
    assert entry["command"].startswith(str(reader.home))
    assert await answers(entry, reader.env) == "thenvoi"


@pytest.mark.follows("README.md#a-platform-of-your-own")
def test_a_person_of_ones_own_platform_registers_an_agent(reader: Reader) -> None:
    with reader.serves():
        new = json.loads(reader.types())
        assert new.keys() == {"id", "handle", "api_key"}
        reader.env["KEY"] = new["api_key"]
        registered = json.loads(reader.types())["data"]
    assert registered["agent"]["handle"] == "alice/scout"
    assert registered["credentials"]["api_key"].startswith("thnv_a_")
