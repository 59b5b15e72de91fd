"""`thenvoi-bridge ready`, as the health check of a container asks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from tests.hosting.team import serving
from tests.world import World
from thenvoi_bridge.cli import main
from thenvoi_bridge.ports import address, bind


async def ready(url: str) -> Result:
    return await anyio.to_thread.run_sync(lambda: CliRunner().invoke(main, ["ready", url]))


async def test_a_server_is_ready_until_it_is_told_to_end(here: World, tmp_path: Path) -> None:
    async with serving(here, tmp_path) as bridge:
        asked = await ready(bridge.url)
        assert (asked.exit_code, asked.stdout) == (0, "ready\n")
        bridge.site.is_ending = True
        asked = await ready(f"{bridge.url}/")
        assert (asked.exit_code, asked.stderr) == (1, f"Error: {bridge.url}/ answers 503\n")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:many", "nonsense", "http://[::1"])
async def test_where_nothing_answers_that_is_said(url: str) -> None:
    asked = await ready(url)
    assert (asked.exit_code, asked.stderr) == (1, f"Error: {url} does not answer\n")


async def test_one_that_takes_connections_and_answers_nothing_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("thenvoi_bridge.cli.ready"), "PATIENCE", 0.05)
    with bind("127.0.0.1", 0) as listener:
        asked = await ready(address(listener))
    assert asked.exit_code == 1
