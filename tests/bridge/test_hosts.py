"""What is known of MCP hosts."""

import pytest

from thenvoi_bridge.bridge.hosts import HOSTS, RUNGS, UNKNOWN, Host, host_of


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("claude-ai", "claude-desktop"),
        ("claude-ai (via mcp-remote 0.1.37)", "claude-desktop"),
        ("claude-code", "claude-code"),
        ("Claude Code", "claude-code"),
        ("cursor-vscode", "cursor"),
        ("Cursor", "cursor"),
        ("Visual Studio Code", "vscode"),
        ("Visual Studio Code - Insiders", "vscode"),
        ("Visual-Studio-Code", "vscode"),
        ("codex-mcp-client", "codex"),
        ("Codex", "codex"),
        ("gemini-cli-mcp-client", "gemini"),
        ("gemini-cli-mcp-client-thenvoi", "gemini"),
        ("windsurf-client", "windsurf"),
        ("Windsurf", "windsurf"),
        ("Zed", "zed"),
        ("JetBrains-IU-copilot-intellij", "jetbrains"),
        ("openai-mcp", "chatgpt"),
        ("Cline", "cline"),
        ("opencode", "opencode"),
        ("mcp", "other"),
        ("my-claude-code", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_a_host_is_known_by_what_it_calls_itself(said: str | None, name: str) -> None:
    assert host_of(said).name == name


def test_no_host_can_be_taken_for_another() -> None:
    for host in HOSTS:
        assert all(host_of(client) is host for client in host.clients)
        assert all(client == client.casefold() for client in host.clients)
    assert len({host.name for host in HOSTS}) == len(HOSTS)


@pytest.mark.parametrize("host", [*HOSTS, UNKNOWN], ids=lambda host: host.name)
def test_every_host_can_be_reached_by_waiting_and_has_no_rung_that_does_not_exist(host: Host) -> None:
    assert host.rungs.keys() <= RUNGS.keys()
    assert host.rungs.keys() >= {"wait", "line"}
    assert all(host.rungs.values())
    assert host.wait_stdio >= host.wait_http >= 20
    assert host.verified


def test_nobody_waits_as_long_as_claude_code_and_a_stranger_waits_25_seconds() -> None:
    assert (host_of("claude-code").wait_stdio, host_of("claude-code").wait_http) == (1500, 240)
    assert (UNKNOWN.wait_stdio, UNKNOWN.wait_http) == (25, 25)
    assert all(host.wait_stdio <= 120 for host in HOSTS if host.name != "claude-code")
