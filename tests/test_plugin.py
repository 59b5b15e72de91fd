"""The plugin for Claude Code: of the shape that Claude Code documents, and every command in it exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from thenvoi_bridge import __version__, settings
from thenvoi_bridge.cli import main

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "claude-plugin"
TURNS = {
    "SessionStart": "session-start",
    "UserPromptSubmit": "prompt",
    "PostToolUse": "post-tool",
    "Stop": "stop",
}


def read(path: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return said


def hooks() -> list[tuple[str, dict[str, Any]]]:
    """Every hook of the plugin, and the event at which it runs."""
    events = read("claude-plugin/hooks/hooks.json")["hooks"]
    return [(event, hook) for event, groups in events.items() for group in groups for hook in group["hooks"]]


def test_the_checkout_is_a_marketplace_that_has_the_plugin() -> None:
    market = read(".claude-plugin/marketplace.json")
    assert market["name"] == "thenvoi-bridge"
    assert market["owner"]["name"]
    (entry,) = market["plugins"]
    plugin = read("claude-plugin/.claude-plugin/plugin.json")
    assert re.fullmatch(r"\./[a-z-]+", entry["source"])
    assert (ROOT / entry["source"]).resolve() == PLUGIN
    assert (entry["name"], entry["description"]) == (plugin["name"], plugin["description"])


def test_the_plugin_has_the_version_of_this_project_and_asks_for_what_the_bundle_asks_for() -> None:
    plugin = read("claude-plugin/.claude-plugin/plugin.json")
    assert plugin["version"] == __version__
    bundle = read("manifest.json")["user_config"]
    assert plugin["userConfig"] == {**bundle, "channel": plugin["userConfig"]["channel"]}
    assert plugin["userConfig"]["api_key"]["sensitive"] is True


def test_its_server_is_the_bridge_and_is_given_what_was_answered() -> None:
    ((name, server),) = read("claude-plugin/.mcp.json")["mcpServers"].items()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert server["command"] in scripts
    known = {settings.variable(row) for row in settings.rows()}
    assert server["env"].keys() <= known
    asked = read("claude-plugin/.claude-plugin/plugin.json")["userConfig"]
    assert set(server["env"].values()) == {f"${{user_config.{question}}}" for question in asked}
    assert [
        channel["server"] for channel in read("claude-plugin/.claude-plugin/plugin.json")["channels"]
    ] == [name]


def test_an_answer_that_was_not_given_is_none() -> None:
    env = read("claude-plugin/.mcp.json")["mcpServers"]["thenvoi"]["env"]
    assert settings.read({}, env) == settings.Settings()


def test_its_hooks_run_at_the_turns_of_a_session_and_end_soon() -> None:
    for event, hook in hooks():
        assert hook["type"] == "command"
        program, command, turn, plugin, *more = shlex.split(hook["command"])
        assert (program, command, turn, plugin) == ("thenvoi-bridge", "hook", TURNS[event], "--plugin")
        waits = int(more[1]) if more else 0
        assert bool(hook.get("asyncRewake")) is bool(waits)
        assert waits < hook["timeout"] <= waits + 60
    assert {event for event, _ in hooks()} == TURNS.keys()


def test_every_command_that_its_hooks_run_takes_these_arguments() -> None:
    assert isinstance(main, click.Group)
    for _, hook in hooks():
        name, *arguments = shlex.split(hook["command"])[1:]
        command = main.get_command(click.Context(main), name)
        assert command
        click.Command.make_context(command, name, arguments)  # its own would let anything pass


@pytest.mark.parametrize("hook", [hook for _, hook in hooks() if not hook.get("asyncRewake")], ids=str)
def test_a_hook_runs_as_it_is_written_and_says_nothing_where_there_is_nothing(
    hook: dict[str, Any], tmp_path: Path
) -> None:
    env = {
        "PATH": str(Path(sys.executable).parent),
        "HOME": str(tmp_path),
        "THENVOI_STATE_DIR": str(tmp_path),
    }
    given = json.dumps({"session_id": "s"})
    done = subprocess.run(
        hook["command"], shell=True, env=env, input=given, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {}
