"""Where each host keeps its configuration, on each system."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from thenvoi_bridge.bridge.hosts import HOSTS
from thenvoi_bridge.install.targets import TARGETS
from thenvoi_bridge.settings.folders import Folders

HOME = Path("/home/me")
WINDOWS = {"APPDATA": "/home/me/AppData/Roaming", "LOCALAPPDATA": "/home/me/AppData/Local"}


@pytest.mark.parametrize(
    ("name", "linux", "mac", "windows"),
    [
        (
            "claude-desktop",
            ".config/Claude/claude_desktop_config.json",
            "Library/Application Support/Claude/claude_desktop_config.json",
            "AppData/Roaming/Claude/claude_desktop_config.json",
        ),
        ("claude-code", ".claude.json", ".claude.json", ".claude.json"),
        ("cursor", ".cursor/mcp.json", ".cursor/mcp.json", ".cursor/mcp.json"),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            "Library/Application Support/Code/User/mcp.json",
            "AppData/Roaming/Code/User/mcp.json",
        ),
        ("codex", ".codex/config.toml", ".codex/config.toml", ".codex/config.toml"),
        ("gemini", ".gemini/settings.json", ".gemini/settings.json", ".gemini/settings.json"),
        ("windsurf", *3 * [".codeium/windsurf/mcp_config.json"]),
        (
            "zed",
            ".config/zed/settings.json",
            ".config/zed/settings.json",
            "AppData/Roaming/Zed/settings.json",
        ),
    ],
)
def test_a_configuration_is_where_its_host_looks_for_it(
    name: str, linux: str, mac: str, windows: str
) -> None:
    target = TARGETS[name]
    assert target.file(Folders.read({}, "linux", HOME)) == HOME / linux
    assert target.file(Folders.read({}, "darwin", HOME)) == HOME / mac
    assert target.file(Folders.read(WINDOWS, "win32", HOME)) == HOME / windows


@pytest.mark.parametrize(
    ("name", "variable", "file"),
    [
        ("claude-desktop", "XDG_CONFIG_HOME", "Claude/claude_desktop_config.json"),
        ("vscode", "XDG_CONFIG_HOME", "Code/User/mcp.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
    ],
)
def test_hosts_are_followed_to_where_a_variable_sends_them(name: str, variable: str, file: str) -> None:
    folders = Folders.read({variable: "/elsewhere"}, "linux", HOME)
    assert TARGETS[name].file(folders) == Path("/elsewhere") / file


def test_the_packaged_claude_desktop_of_windows_reads_a_folder_of_its_own(tmp_path: Path) -> None:
    packaged = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    packaged.mkdir(parents=True)
    folders = Folders.read({}, "win32", tmp_path)
    assert TARGETS["claude-desktop"].file(folders) == packaged / "claude_desktop_config.json"
    assert TARGETS["claude-desktop"].own(folders) == packaged


def test_claude_code_is_there_once_it_has_made_its_file_or_its_folder(tmp_path: Path) -> None:
    folders = Folders.read({}, "linux", tmp_path)
    own = TARGETS["claude-code"].own
    assert own(folders) == tmp_path / ".claude"
    (tmp_path / ".claude.json").write_text("{}")
    assert own(folders) == tmp_path / ".claude.json"


def test_every_target_is_a_host_of_which_something_is_known() -> None:
    assert [*TARGETS] == [host.name for host in HOSTS][: len(TARGETS)]
    titles = {host.name: host.title for host in HOSTS}
    for target in TARGETS.values():
        assert target.title == titles[target.name]
        assert target.then.endswith(".")
        assert re.fullmatch(r"[a-zA-Z_]+", target.table)
